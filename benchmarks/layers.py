"""The profile mode: loads the gateway under `sampler` as in the suite, and divides its CPU among its layers."""

import json
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import targets
from benchmarks.bench import Bench, question, run_job, running
from benchmarks.databases import Databases
from benchmarks.job import Job, Outcome
from benchmarks.report import number, table
from benchmarks.scenarios import CHUNKS_PER_SECOND, FIRST_CHUNK_MS, NEW_USER
from benchmarks.targets import Target

WINDOW = 8.0
FUNCTIONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The outcome of one job and the samples by layer and function."""

    title: str
    outcome: Outcome
    samples: dict[str, Any]

    def markdown(self) -> str:
        """Return layers, other threads and the most expensive functions, in microseconds per response or chunk.

        Samples and threads give shares of the whole trial; the load generator's window gives the CPU to divide.
        """
        done = self.outcome.chunks or self.outcome.answers
        threads = dict(self.samples["threads"])
        main = threads.pop("MainThread", 0.0)
        total = sum(self.samples["layers"].values())
        if not done or not total:
            return f"## {self.title}\n\nNothing was sampled: {self.outcome.first_bad}"
        whole = main + sum(threads.values())

        def line(name: str, seconds: float) -> Sequence[str]:
            share = seconds / whole
            return [name, number(share * self.outcome.cpu_us / done, 1), number(share * 100, 1, " %")]

        layers = sorted(self.samples["layers"].items(), key=lambda item: -item[1])
        lines = [line(name, main * count / total) for name, count in layers]
        lines += [line(f"thread {name}", seconds) for name, seconds in threads.items() if seconds]
        lines.append(line("all", whole))
        functions = [
            line(f"{layer}: {function}", main * count / total)
            for layer, function, count in self.samples["functions"][:FUNCTIONS]
        ]
        return "\n\n".join((
            f"## {self.title}: {done:,} in {self.outcome.seconds:.0f} s, {total:,} samples of the event loop's thread",
            table(["layer", "CPU us", "share"], lines),
            table(["function (with what it calls outside of all layers)", "CPU us", "share"], functions),
        ))  # fmt: skip


def profile(bench: Bench, made: Databases, *, server: str) -> str:
    """Profile the gateway under this server, unary and streaming, on SQLite; return the tables."""
    database = made.make(f"profile-{server}", "sqlite")
    target = targets.gateway(server, database=database, upstream_port=bench.direct.port, log=bench.folder)
    plain_command = target.make_command
    out = bench.folder / "samples.json"
    target.make_command = lambda port: sampled(plain_command(port), out)
    chunks = 3 * CHUNKS_PER_SECOND
    with running(bench, [target]):
        unary = bench.job(target, question(), user=NEW_USER, clients=16, window=WINDOW)
        profiles = [watch(bench, target, unary, out, "Unary chat, 16 clients")]
        bench.plan(chunks=chunks, first_chunk_ms=FIRST_CHUNK_MS, gap_ms=1000 / CHUNKS_PER_SECOND)
        streams = bench.job(target, question(), kind="stream", user=NEW_USER, clients=200, warm_up=2.0, window=WINDOW)
        profiles.append(watch(bench, target, streams, out, "200 streams of 10 chunks a second, per chunk"))
    return f"# Profile of the {target.name}\n\n" + "\n\n".join(each.markdown() for each in profiles)


def sampled(command: Sequence[str], out: Path) -> list[str]:
    """Return the command that runs a Python program under the sampler."""
    python, *program = command
    return [python, "-m", "benchmarks.sampler", str(out), *program]


def watch(bench: Bench, target: Target, job: Job, out: Path, title: str) -> Profile:
    """Run a job while its target is sampled, warm-up included: only the shares count."""
    bench.settle(target)
    out.unlink(missing_ok=True)
    os.kill(target.pid, signal.SIGUSR1)
    outcome = run_job(job)
    os.kill(target.pid, signal.SIGUSR2)
    deadline = time.monotonic() + 10
    while not out.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    bench.cut()
    return Profile(title=title, outcome=outcome, samples=json.loads(out.read_text()))
