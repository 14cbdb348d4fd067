"""The report of a run: medians over its rounds, ratios within the run, markdown tables, JSON."""

import json
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from benchmarks.bench import Measurement
from benchmarks.job import Outcome

PEER = "litellm"
"""The peer of the ratios, if installed."""
BUSY = 0.85
"""Share of a core; above it, the load generator or the upstream limits the measurement."""


def median_outcome(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the median of each field over the rounds; CPU per response is the median over the rounds as well."""
    middle = Outcome()
    for each in fields(Outcome):
        values = [getattr(outcome, each.name) for outcome in outcomes]
        if each.name == "first_bad":
            middle.first_bad = next((text for text in values if text), "")
        elif each.name == "extra":
            middle.extra = {name: statistics.median(extra[name] for extra in values) for name in values[0]}
        else:
            setattr(middle, each.name, max(values) if each.name == "bad" else statistics.median(values))
    middle.extra["cpu_per_answer"] = statistics.median(outcome.cpu_per_answer for outcome in outcomes)
    middle.extra["cpu_per_chunk"] = statistics.median(outcome.cpu_per_chunk for outcome in outcomes)
    return middle


class Results:
    """The medians of a run by scenario, case and target."""

    def __init__(self, measurements: Iterable[Measurement]) -> None:
        self.measurements = list(measurements)
        rounds: dict[tuple[str, int, str], list[Outcome]] = {}
        for each in self.measurements:
            rounds.setdefault((each.scenario, each.case, each.target), []).append(each.outcome)
        self.medians = {key: median_outcome(outcomes) for key, outcomes in rounds.items()}

    def get(self, scenario: str, case: int, target: str) -> Outcome | None:
        """Return the median outcome, None if it was not measured."""
        return self.medians.get((scenario, case, target))

    def scenarios(self) -> list[str]:
        """Return the names of the measured scenarios, in order."""
        return list(dict.fromkeys(scenario for scenario, _, _ in self.medians))

    def rows(self, scenario: str) -> list[tuple[int, str, Outcome]]:
        """Return (case, target, outcome) of a scenario, in order."""
        return [(case, target, outcome) for (name, case, target), outcome in self.medians.items() if name == scenario]

    def ratio(self, scenario: str, case: int, target: str, *, to: str = PEER) -> float:
        """Return the CPU per response (or chunk) of `to` divided by that of `target`."""
        ours, theirs = self.get(scenario, case, target), self.get(scenario, case, to)
        if ours is None or theirs is None:
            return math.nan
        return cost(theirs) / cost(ours) if cost(ours) else math.nan

    def growth(self, scenario: str, case: int, target: str) -> float:
        """Return the CPU per response divided by that of the scenario's smallest case."""
        smallest = min(size for size, name, _ in self.rows(scenario) if name == target)
        ours, first = self.get(scenario, case, target), self.get(scenario, smallest, target)
        return cost(ours) / cost(first) if ours and first and cost(first) else math.nan


def cost(outcome: Outcome) -> float:
    """Return the CPU in microseconds per chunk if chunks were measured, else per response."""
    return outcome.extra["cpu_per_chunk"] if outcome.chunks else outcome.extra["cpu_per_answer"]


def number(value: float, digits: int = 0, unit: str = "") -> str:
    """Return a number for a table, a dash for NaN."""
    return "-" if math.isnan(value) else f"{value:,.{digits}f}{unit}"


Column = tuple[str, Callable[[Results, str, int, str, Outcome], str]]
CPU: Column = ("CPU us", lambda _r, _s, _c, _t, o: number(cost(o)))
PER_CORE: Column = ("per core-second", lambda _r, _s, _c, _t, o: number(1e6 / cost(o) if cost(o) else math.nan))
RATIO: Column = (f"x {PEER}", lambda r, s, c, t, _o: number(r.ratio(s, c, t), 2, "x"))
LATENCY: Column = ("ms p50 / p99", lambda _r, _s, _c, _t, o: f"{number(o.latency_p50, 2)} / {number(o.latency_p99, 1)}")
PER_SECOND: Column = ("answers/s", lambda _r, _s, _c, _t, o: number(o.answers / o.seconds))
GROWTH: Column = ("x smallest", lambda r, s, c, t, _o: number(r.growth(s, c, t), 2, "x"))
BAD: Column = ("bad", lambda _r, _s, _c, _t, o: str(o.bad))
DELIVERED: Column = ("delivered", lambda _r, _s, _c, _t, o: number(o.delivered, 3))
LAG: Column = ("lag ms p50 / p99", lambda _r, _s, _c, _t, o: f"{number(o.lag_p50, 2)} / {number(o.lag_p99, 1)}")
FIRST: Column = (
    "first byte +ms p50 / p99",
    lambda _r, _s, _c, _t, o: f"{number(o.first_byte_p50, 2)} / {number(o.first_byte_p99, 1)}",
)
MEMORY: Column = ("KiB per stream", lambda _r, _s, c, _t, o: number(stream_kib(o, c)))
IDLE: Column = ("idle MiB", lambda _r, _s, _c, _t, o: number(o.memory_after / 2**20))
START: Column = ("start s", lambda _r, _s, _c, _t, o: number(o.extra["start_seconds"], 2))
START_CPU: Column = ("CPU s", lambda _r, _s, _c, _t, o: number(o.cpu_us / 1e6, 2))
PAGE: Column = ("admin page ms", lambda _r, _s, _c, _t, o: number(o.extra["admin_page_ms"], 1))

CHAT = (CPU, PER_CORE, RATIO, LATENCY, PER_SECOND, BAD)
STREAM = (CPU, PER_CORE, RATIO, DELIVERED, LAG, FIRST, BAD)
TABLES: dict[str, tuple[str, str, tuple[Column, ...]]] = {
    "start": ("Start to first answer, idle memory", "", (START, START_CPU, IDLE)),
    "unary": ("Unary chat", "clients", CHAT),
    "responses": ("Responses API, each response stored", "clients", CHAT),
    "streams": ("Streams of 10 chunks a second (CPU per chunk)", "streams", STREAM),
    "hold": ("Streams held open on a fresh process (CPU per chunk)", "streams", (*STREAM[:-1], MEMORY, BAD)),
    "history": ("The client resends its history", "messages", (*CHAT[:4], GROWTH, BAD)),
    "session": ("A turn in a remembered session", "messages", (CPU, LATENCY, GROWTH, BAD)),
    "usage rows": ("A request beside many usage records", "rows", (CPU, LATENCY, GROWTH, PAGE, BAD)),
}


def stream_kib(outcome: Outcome, streams: int) -> float:
    """Return the memory that each held stream added to the process, in KiB."""
    return (outcome.memory_after - outcome.memory_before) / 1024 / streams if streams else math.nan


def table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a markdown table."""
    rule = ["---"] * len(headings)
    return "\n".join("| " + " | ".join(line) + " |" for line in [headings, rule, *lines])


def markdown(results: Results) -> str:
    """Return all tables of a run."""
    parts = []
    for scenario in results.scenarios():
        title, unit, columns = TABLES[scenario]
        lines = [
            ([f"{case:,}"] if unit else [])
            + [target, *(text(results, scenario, case, target, outcome) for _, text in columns)]
            for case, target, outcome in results.rows(scenario)
        ]
        headings = ([unit] if unit else []) + ["target", *(heading for heading, _ in columns)]
        parts.append(f"## {title}\n\n{table(headings, lines)}")
    return "\n\n".join(parts)


def warnings(results: Results) -> list[str]:
    """Return the trials in which the load generator was the limit, and those with bad responses."""
    found = []
    for (scenario, case, target), outcome in results.medians.items():
        where = f"{scenario} {case} {target}"
        busy = outcome.client_cpu + outcome.upstream_cpu
        if busy > BUSY and target != "direct":
            found.append(f"{where}: load generator and upstream use {busy:.0%} of their core")
        if outcome.bad:
            found.append(f"{where}: {outcome.bad} bad answers, the first: {outcome.first_bad[:160]!r}")
    return found


def write(path: Path, results: Results, **about: object) -> None:
    """Write a run as JSON: each trial, the medians and the remarks."""
    medians = [{"scenario": s, "case": c, "target": t, **asdict(o)} for (s, c, t), o in results.medians.items()]
    trials = [asdict(each) for each in results.measurements]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**about, "medians": medians, "trials": trials}, indent=1) + "\n")
