"""The scenarios of the suite. Each runs the same work on each target in turn, in the order of `ALL`."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import processes, targets
from benchmarks.admin import first_page_ms
from benchmarks.bench import Bench, alternate, conversation, question, run_job, running
from benchmarks.job import SERIAL, SESSION, Job, Outcome
from benchmarks.targets import Target

CHUNKS_PER_SECOND = 10
FIRST_CHUNK_MS = 100.0
NEW_USER = f"user-{SERIAL.decode()}"
WARMING_REQUESTS = 200
HISTORY_LIMIT = 1999
"""The longest history of one request, odd so that it ends with a question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """The sizes of a scenario in the quick and in the full mode."""

    quick: Sequence[int]
    full: Sequence[int]


def start(bench: Bench, _case: int) -> None:
    """Seconds from the start of the process to its first good response, and its idle memory.

    The first round is the start of the run itself, so this scenario must be the first.
    """
    for number in bench.rounds("start"):
        for target in bench.targets:
            if number:
                target.stop()
                target.start()
            bench.settle(target)
            used = processes.consumption(target.pid)
            outcome = Outcome(answers=1, cpu_us=used.cpu_seconds * 1e6, memory_after=used.resident_bytes)
            outcome.extra = {"start_seconds": target.start_seconds}
            bench.note("start", 0, target, outcome)


def unary(bench: Bench, clients: int) -> None:
    """Small chat requests, each of a new user, so that each begins a session."""

    def job(target: Target) -> Job:
        return bench.job(target, question(), user=NEW_USER, clients=clients, window=bench.effort.window)

    alternate(bench, "unary", clients, [*bench.targets, bench.direct], job)


def responses(bench: Bench, clients: int) -> None:
    """Small requests to the Responses API; each response is stored before it is sent."""

    def job(target: Target) -> Job:
        made = bench.job(target, question(), clients=clients, window=bench.effort.window)
        made.path = "/v1/responses"
        made.body = json.dumps({"model": target.model, "input": question()})
        return made

    alternate(bench, "responses", clients, bench.gateways, job)


def streams(bench: Bench, clients: int) -> None:
    """Streams of three seconds, each replaced at its end."""
    chunks = 3 * CHUNKS_PER_SECOND
    bench.plan(chunks=chunks, first_chunk_ms=FIRST_CHUNK_MS, gap_ms=1000 / CHUNKS_PER_SECOND)

    def job(target: Target) -> Job:
        opening = min(2.0, 0.5 + clients / 100)
        window = max(bench.effort.stream_window, 4.0) if clients == 1 else bench.effort.stream_window
        return bench.job(target, question(), kind="stream", user=NEW_USER, clients=clients, warm_up=opening,
                         window=window, first_chunk_ms=FIRST_CHUNK_MS, chunks_per_stream=chunks)  # fmt: skip

    alternate(bench, "streams", clients, [*bench.targets, bench.direct], job)


def hold(bench: Bench, clients: int) -> None:
    """Streams that stay open: the share of delivered chunks, and the memory per stream.

    Each trial runs on a new process, since freed memory mostly stays with a process, after enough requests to load
    everything that only the first requests load.
    """
    opening = clients / 250
    window = bench.effort.stream_window
    chunks = int((opening + window + 10) * CHUNKS_PER_SECOND)
    bench.plan(chunks=chunks, first_chunk_ms=FIRST_CHUNK_MS, gap_ms=1000 / CHUNKS_PER_SECOND)
    for number in bench.rounds(f"hold {clients}"):
        # Peers start and drain slowly: they run once, and not in the quick mode.
        chosen = bench.gateways if number or bench.effort.quick else bench.targets
        for target in chosen:
            target.stop()
            target.start()
            run_job(bench.job(target, question(), user=NEW_USER, clients=16, requests=WARMING_REQUESTS))
            job = bench.job(target, question(), kind="stream", user=NEW_USER, clients=clients, warm_up=opening,
                            window=window, first_chunk_ms=FIRST_CHUNK_MS)  # fmt: skip
            bench.measure("hold", clients, target, job)


def history(bench: Bench, messages: int) -> None:
    """A client that resends its whole conversation; all messages except the last are stored already."""
    sent = conversation(messages, prefix="The same")

    def job(target: Target) -> Job:
        return bench.job(target, sent, clients=1, window=bench.effort.window)

    alternate(bench, "history", messages, bench.targets, job)


def session(bench: Bench, messages: int) -> None:
    """One message of a session, sent without its history: many short sessions or one long session."""
    count = max(1, min(300, 3000 // messages))
    turns = 300 // count
    users = {target.name: f"s{messages}-{SESSION.decode()}" for target in bench.gateways}
    for target in bench.gateways:
        _seed_sessions(bench, target, count=count, messages=messages)
    for _ in bench.rounds(f"session {messages}"):
        for target in bench.gateways:
            job = bench.job(target, question(), user=users[target.name], sessions=count, requests=count * turns)
            bench.measure("session", messages, target, job)


def _seed_sessions(bench: Bench, target: Target, *, count: int, messages: int) -> None:
    """Create sessions of that length: one request with the longest allowed history, then single messages."""
    user = f"s{messages}-{SESSION.decode()}"
    first = min(messages - 1, HISTORY_LIMIT) | 1
    seed = bench.job(
        target, conversation(first, prefix=f"{messages}-{SESSION.decode()}"), user=user, sessions=count, requests=count
    )
    outcome = run_job(seed)
    turns = (messages - first - 1) // 2
    if turns > 0:
        outcome = run_job(bench.job(target, question(), user=user, sessions=count, requests=count * turns))
    if outcome.bad:
        bench.left_out.append(f"session {messages} on {target.name}: {outcome.first_bad}")


def usage_rows(bench: Bench, sizes: Sequence[int]) -> None:
    """The same request on gateways with usage tables of different sizes, and the admin's first page of each."""
    for engine in sorted({target.database.engine for target in bench.gateways if target.database}):
        if bench.late:
            bench.left_out.append(f"usage rows, {engine}, for time")
            continue
        made = {}
        for rows in sizes:
            database = bench.databases.make(f"{engine}-{rows}-rows", engine)
            target = targets.gateway("daphne", database=database, upstream_port=bench.direct.port, log=bench.folder,
                                     label=f"{engine} {rows} rows")  # fmt: skip
            made[rows] = target
        with running(bench, list(made.values())):
            for rows, target in made.items():
                if rows and target.database:
                    target.database.multiply_usage(rows)
            _measure_usage(bench, made, engine)


def _measure_usage(bench: Bench, made: dict[int, Target], engine: str) -> None:
    pages = {rows: first_page_ms(target) for rows, target in made.items()}
    for _ in bench.rounds(f"usage rows, {engine}"):
        for rows, target in made.items():
            job = bench.job(target, question(), user=NEW_USER, clients=1, window=bench.effort.window)
            bench.settle(target)
            outcome = run_job(job)
            outcome.extra = {"admin_page_ms": pages[rows]}
            bench.note("usage rows", rows, target, outcome, name=f"gateway daphne {engine}")


Scenario = Callable[[Bench, int], None]
EACH: dict[str, tuple[Scenario, Cases]] = {
    "start": (start, Cases(quick=(0,), full=(0,))),
    "unary": (unary, Cases(quick=(1, 16), full=(1, 16, 64))),
    "responses": (responses, Cases(quick=(16,), full=(1, 16))),
    "streams": (streams, Cases(quick=(200,), full=(1, 200))),
    "hold": (hold, Cases(quick=(1000,), full=(1000,))),
    "session": (session, Cases(quick=(10, 1000), full=(10, 100, 1000, 10_000))),
    "history": (history, Cases(quick=(1, 101), full=(1, 21, 101))),
}
USAGE_SIZES = Cases(quick=(0, 10_000), full=(0, 10_000, 1_000_000))
ALL = ("start", "unary", "streams", "session", "usage", "hold", "history", "responses")
"""The order of the suite; the last scenarios have fewer rounds if the time of the run expires."""


def run(bench: Bench, names: Sequence[str]) -> None:
    """Run the named scenarios in the order of the suite."""
    for name in ALL:
        if name not in names:
            continue
        if name == "usage":
            usage_rows(bench, USAGE_SIZES.quick if bench.effort.quick else USAGE_SIZES.full)
            continue
        scenario, cases = EACH[name]
        for case in cases.quick if bench.effort.quick else cases.full:
            scenario(bench, case)
