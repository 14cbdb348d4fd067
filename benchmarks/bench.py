"""The state of one run: the upstream, the targets, their trials and measurements."""

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import processes, targets
from benchmarks.databases import Databases
from benchmarks.job import SERIAL, Job, Outcome
from benchmarks.targets import PATH, PROJECT, Target
from benchmarks.upstream import Plan

CALM = 0.15
"""Share of a core; below it, a target has finished the previous trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """The limits of a run: its total seconds, rounds, and measured seconds per trial; `quick` also
    selects fewer cases.
    """

    quick: bool
    seconds: float
    rounds: int
    window: float
    stream_window: float


QUICK = Effort(quick=True, seconds=100, rounds=1, window=1.0, stream_window=2.0)
FULL = Effort(quick=False, seconds=1550, rounds=3, window=3.0, stream_window=5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The outcome of one trial with its scenario, its case (number of clients, messages or rows) and its target."""

    scenario: str
    case: int
    target: str
    outcome: Outcome


@dataclass(kw_only=True)
class Bench:
    """The state of a run. `targets` are the running servers; `direct` is the upstream as a target."""

    effort: Effort
    folder: Path
    databases: Databases
    direct: Target
    targets: list[Target] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    serial: int = 1

    @property
    def gateways(self) -> list[Target]:
        """The targets that are gateways, not peers."""
        return [target for target in self.targets if target.is_gateway]

    @property
    def late(self) -> bool:
        """Whether the time of the run has expired."""
        return time.monotonic() - self.began > self.effort.seconds

    def rounds(self, what: str) -> Iterator[int]:
        """Yield the numbers of the rounds until the time of the run has expired."""
        for number in range(self.effort.rounds):
            if self.late:
                self.left_out.append(f"{what}: round {number + 1} of {self.effort.rounds}, for time")
                return
            yield number

    def plan(self, **fields: Any) -> None:
        """Set the upstream's responses."""
        targets.post(self.direct.port, "/plan", asdict(Plan(**fields)))

    def cut(self) -> None:
        """Close the streams that are open at the upstream."""
        targets.post(self.direct.port, "/cut", {})

    def job(self, target: Target, messages: Sequence[dict[str, str]], **fields: Any) -> Job:
        """Return a unary job for this target; `user` names a session of the gateway."""
        body: dict[str, Any] = {"model": target.model, "messages": list(messages)}
        if user := fields.pop("user", ""):
            body["user"] = user
        if fields.get("kind") == "stream":
            body["stream"] = True
        common = {"port": target.port, "path": PATH, "headers": target.headers, "pid": target.pid}
        self.serial += 1_000_000
        more = {"kind": "unary", "first_serial": self.serial, "ends_with_done": target.ends_with_done, **fields}
        return Job(body=json.dumps(body), upstream_pid=self.direct.pid, **common, **more)

    def measure(self, scenario: str, case: int, target: Target, job: Job) -> Outcome:
        """Run one trial after the target is idle, and record its outcome."""
        self.settle(target)
        outcome = run_job(job)
        if job.kind == "stream":
            self.cut()
        self.note(scenario, case, target, outcome)
        return outcome

    def note(self, scenario: str, case: int, target: Target, outcome: Outcome, *, name: str = "") -> None:
        """Record an outcome under the target's name or `name`, and print it."""
        self.measurements.append(Measurement(scenario=scenario, case=case, target=name or target.name, outcome=outcome))
        show(scenario, case, target, outcome)

    def settle(self, target: Target, *, patience: float = 5.0) -> None:
        """Wait until the target is idle after the previous trial."""
        deadline = time.monotonic() + patience
        used = processes.consumption(target.pid).cpu_seconds
        while time.monotonic() < deadline:
            time.sleep(0.15)
            now = processes.consumption(target.pid).cpu_seconds
            if now - used < CALM * 0.15:
                return
            used = now


def run_job(job: Job) -> Outcome:
    """Run the load generator on its core and return its outcome."""
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=job.to_json().encode(),
        stdout=subprocess.PIPE,
        cwd=PROJECT,
        preexec_fn=functools.partial(processes.settle, processes.CLIENT_CORE),
        check=True,
    )
    return Outcome.from_json(finished.stdout)


def show(scenario: str, case: int, target: Target, outcome: Outcome) -> None:
    """Print a progress line to stderr."""
    cost = outcome.cpu_per_chunk if outcome.chunks else outcome.cpu_per_answer
    trouble = f"  BAD {outcome.bad}: {outcome.first_bad!r}" if outcome.bad else ""
    print(f"  {scenario} {case:>6} {target.name:<24} {cost:9.0f} us{trouble}", file=sys.stderr)


def question(text: str = "What is the answer?") -> list[dict[str, str]]:
    """Return one user message with a number that differs in each request."""
    return [{"role": "user", "content": f"{text} {SERIAL.decode()}"}]


def conversation(messages: int, *, prefix: str) -> list[dict[str, str]]:
    """Return an odd number of alternating messages; only the last one, a question, differs between requests."""
    history: list[dict[str, str]] = []
    for number in range(messages // 2):
        history.append(
            {"role": "user", "content": f"{prefix}: question {number}, about the quick brown fox and the lazy dog?"}
        )
        history.append(
            {"role": "assistant", "content": f"Answer {number}: the quick brown fox jumps over the lazy dog."}
        )
    return history + question()


@contextlib.contextmanager
def running(bench: Bench, made: Sequence[Target]) -> Iterator[None]:
    """Start targets for the duration of the block; a peer that fails to start is left out, a gateway raises
    RuntimeError.
    """
    started: list[Target] = []
    try:
        for target in made:
            try:
                if target.is_gateway:
                    migrate(bench, target)
                target.start()
            except RuntimeError as error:
                if target.is_gateway:
                    raise
                bench.left_out.append(str(error))
                continue
            started.append(target)
            bench.targets.append(target)
        yield
    finally:
        for target in started:
            bench.targets.remove(target)
            target.stop()


def migrate(bench: Bench, target: Target) -> None:
    """Create a gateway's tables; on SQLite once, then as a copy of the file."""
    database = target.database
    if database is None:
        raise ValueError(f"{target.name} has no database")
    template = bench.folder / f"migrated.{database.engine}"
    if template.exists():
        shutil.copy(template, database.file)
        return
    targets.manage(target, "migrate", "--noinput", "--verbosity", "0")
    govern(bench, target)
    if database.engine == "sqlite":
        shutil.copy(database.file, template)


def govern(bench: Bench, target: Target) -> None:
    """Create the client key of the benchmark, with rate limits and a hard budget that it does not reach."""
    declared = bench.folder / "governance.toml"
    declared.write_text(
        f"""
        [[keys]]
        name = "benchmark"
        value = "{targets.CLIENT_KEY}"

        [[limits]]
        key = "benchmark"
        requests_per_minute = 100_000_000
        tokens_per_minute = 100_000_000_000

        [[budgets]]
        name = "benchmark"
        key = "benchmark"
        usd = "1000000"
        """
    )
    targets.manage(target, "apply_config", "--apply", str(declared))


def alternate(
    bench: Bench, scenario: str, case: int, chosen: Sequence[Target], make_job: Callable[[Target], Job]
) -> None:
    """Run the same trial on each target in turn (A B A B), for all rounds."""
    for _ in bench.rounds(f"{scenario} {case}"):
        for target in chosen:
            bench.measure(scenario, case, target, make_job(target))


def pinned() -> str:
    """Return a description of the use of the cores."""
    if processes.CLIENT_CORE == processes.SERVER_CORE:
        return "one core for everything"
    server, client = processes.SERVER_CORE, processes.CLIENT_CORE
    return f"target on core {server} of {os.cpu_count()}, upstream and load generator on core {client}"
