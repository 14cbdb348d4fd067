"""The goals of the product and their values in a run's medians."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchmarks.report import Results, cost, stream_kib, table

MANY = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One goal: a limit per server (None without a goal) and `read`, its value in the results for a gateway (NaN if
    missing).
    """

    what: str
    sign: Literal["<=", ">="]
    daphne: float | None
    uvicorn: float | None
    read: Callable[[Results, str], float]


def _faster(scenario: str, case: int, peer: str) -> Callable[[Results, str], float]:
    return lambda results, target: results.ratio(scenario, case, target, to=peer)


def _added_latency(results: Results, target: str) -> float:
    ours, direct = results.get("unary", 1, target), results.get("unary", 1, "direct")
    return ours.latency_p50 - direct.latency_p50 if ours and direct else math.nan


def _slower(read: Callable[[Results, str], float], peer: str) -> Callable[[Results, str], float]:
    """Return a reader of the gateway's value as a share of the peer's."""

    def share(results: Results, target: str) -> float:
        theirs = read(results, peer)
        return read(results, target) / theirs if theirs else math.nan

    return share


def _first_byte(results: Results, target: str) -> float:
    found = results.get("streams", 200, target)
    return found.first_byte_p50 if found else math.nan


def _held(read: str) -> Callable[[Results, str], float]:
    def value(results: Results, target: str) -> float:
        found = results.get("hold", MANY, target)
        if found is None:
            return math.nan
        return stream_kib(found, MANY) if read == "memory" else float(getattr(found, read))

    return value


def _idle(results: Results, target: str) -> float:
    found = results.get("start", 0, target)
    return float(found.memory_after) if found else math.nan


def _start(results: Results, target: str) -> float:
    found = results.get("start", 0, target)
    return found.extra["start_seconds"] if found else math.nan


def _grown(scenario: str, case: int) -> Callable[[Results, str], float]:
    def value(results: Results, target: str) -> float:
        measured = results.get(scenario, case, target)
        return results.growth(scenario, case, target) if measured else math.nan

    return value


def _rows(results: Results, target: str) -> float:
    sizes = [rows for rows, name, _ in results.rows("usage rows") if name == target]
    return results.growth("usage rows", max(sizes), target) if sizes else math.nan


def _of_history(results: Results, target: str) -> float:
    """Return the CPU of 101 messages, less the cost of their bytes at a peer without memory, over the CPU of one
    message.

    MLflow's gateway reads and writes the bytes in Python, as this gateway does; Portkey is the substitute without
    MLflow. A peer may speed up between the two measurements: a negative cost of the bytes counts as 0.
    """
    grown = results.get("history", 101, target), results.get("history", 1, target)
    if None in grown:
        return math.nan
    bytes_cost = 0.0
    for name in ("mlflow", "portkey"):
        peer = results.get("history", 101, name), results.get("history", 1, name)
        if peer[0] and peer[1]:
            bytes_cost = max(cost(peer[0]) - cost(peer[1]), 0.0)
            break
    return (cost(grown[0]) - bytes_cost) / cost(grown[1])  # type: ignore[arg-type]


GOALS = (
    Goal(
        what="unary per core-second, 16 clients, x LiteLLM",
        sign=">=",
        daphne=15,
        uvicorn=24,
        read=_faster("unary", 16, "litellm"),
    ),
    Goal(
        what="unary per core-second, 16 clients, x Portkey",
        sign=">=",
        daphne=1.5,
        uvicorn=2.5,
        read=_faster("unary", 16, "portkey"),
    ),
    Goal(
        what="unary per core-second, 16 clients, x MLflow",
        sign=">=",
        daphne=None,
        uvicorn=1,
        read=_faster("unary", 16, "mlflow"),
    ),
    Goal(
        what="added latency p50, 1 client, of LiteLLM's",
        sign="<=",
        daphne=1 / 6,
        uvicorn=1 / 6,
        read=_slower(_added_latency, "litellm"),
    ),
    Goal(
        what="added latency p50, 1 client, of Portkey's",
        sign="<=",
        daphne=1,
        uvicorn=1,
        read=_slower(_added_latency, "portkey"),
    ),
    Goal(
        what="chunks per core-second, 200 streams, x LiteLLM",
        sign=">=",
        daphne=8,
        uvicorn=12,
        read=_faster("streams", 200, "litellm"),
    ),
    Goal(
        what="chunks per core-second, 200 streams, x Portkey",
        sign=">=",
        daphne=2,
        uvicorn=3,
        read=_faster("streams", 200, "portkey"),
    ),
    Goal(
        what="first byte added, 200 streams, of LiteLLM's",
        sign="<=",
        daphne=1 / 8,
        uvicorn=1 / 8,
        read=_slower(_first_byte, "litellm"),
    ),
    Goal(
        what="first byte added, 200 streams, of Portkey's",
        sign="<=",
        daphne=1,
        uvicorn=1,
        read=_slower(_first_byte, "portkey"),
    ),
    Goal(what="1,000 streams, delivered of offered", sign=">=", daphne=0.98, uvicorn=0.98, read=_held("delivered")),
    Goal(what="1,000 streams, p99 lag in ms", sign="<=", daphne=500, uvicorn=250, read=_held("lag_p99")),
    Goal(what="memory per open stream, KiB", sign="<=", daphne=40, uvicorn=40, read=_held("memory")),
    Goal(what="idle memory, of LiteLLM's", sign="<=", daphne=0.5, uvicorn=0.5, read=_slower(_idle, "litellm")),
    Goal(
        what="a turn in a session of 10,000 messages, x 10",
        sign="<=",
        daphne=3,
        uvicorn=3,
        read=_grown("session", 10_000),
    ),
    Goal(
        what="a turn in a session of 1,000 messages, x 10", sign="<=", daphne=3, uvicorn=3, read=_grown("session", 1000)
    ),
    Goal(what="101 messages resent, x 1, less their bytes", sign="<=", daphne=2, uvicorn=2, read=_of_history),
    Goal(what="a request beside the most usage records, x none", sign="<=", daphne=1.1, uvicorn=1.1, read=_rows),
    Goal(
        what="start to first answer, of LiteLLM's", sign="<=", daphne=0.5, uvicorn=0.5, read=_slower(_start, "litellm")
    ),
)


def verdicts(results: Results) -> list[dict[str, object]]:
    """Return each measured goal for each gateway."""
    found: list[dict[str, object]] = []
    gateways = dict.fromkeys(target for _, _, target in results.medians if target.startswith("gateway"))
    for goal in GOALS:
        for target in gateways:
            reached = goal.read(results, target)
            wanted = goal.uvicorn if "uvicorn" in target else goal.daphne
            if wanted is not None and not math.isnan(reached):
                met = reached >= wanted if goal.sign == ">=" else reached <= wanted
                found.append(
                    {
                        "goal": goal.what,
                        "target": target,
                        "sign": goal.sign,
                        "wanted": wanted,
                        "reached": reached,
                        "met": met,
                    }
                )
    return found


def markdown(results: Results) -> str:
    """Return the goals as a table; "" if none was measured."""
    lines = [
        [
            str(each["goal"]),
            str(each["target"]),
            f"{each['sign']} {each['wanted']:.3g}",
            f"{each['reached']:.4g}",
            "yes" if each["met"] else "NO",
        ]
        for each in verdicts(results)
    ]
    return f"## Goals\n\n{table(['goal', 'target', 'wanted', 'reached', 'met'], lines)}" if lines else ""
