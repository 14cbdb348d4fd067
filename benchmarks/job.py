"""The input and the output of the load generator: JSON on stdin and stdout."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

SERIAL = b"NNNNNNNNNNNN"
"""In a body: replaced by twelve digits, a different number in each request."""
SESSION = b"SSSSSSSSSSSS"
"""In a body: replaced by the number of the request's session (twelve digits)."""


class Wire:
    """A dataclass with a JSON form of one line."""

    def to_json(self) -> str:
        """Return one line of JSON."""
        return json.dumps(asdict(self))  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return the dataclass of a `to_json` line."""
        fields: dict[str, Any] = json.loads(text)
        return cls(**fields)


@dataclass(slots=True, kw_only=True)
class Job(Wire):
    """One trial.

    A unary job opens `clients` connections with one request at a time each, and lasts `warm_up` and then `window`
    seconds or, with `requests`, until that many responses. A stream job opens its streams evenly over `warm_up`,
    replaces each ended stream, and measures for `window` seconds. `pid` is the root of the measured process tree. No
    trial lasts longer than `limit` seconds.
    """

    kind: Literal["unary", "stream"]
    port: int
    path: str
    headers: dict[str, str]
    body: str
    pid: int
    upstream_pid: int
    clients: int = 1
    warm_up: float = 0.3
    window: float = 2.0
    limit: float = 120.0
    requests: int | None = None
    first_serial: int = 0
    sessions: int = 1
    first_chunk_ms: float = 0.0
    chunks_per_second: float = 10.0
    chunks_per_stream: int = 0
    ends_with_done: bool = True


@dataclass(slots=True, kw_only=True)
class Outcome(Wire):
    """The measurements of one trial: times in ms, CPU in microseconds, memory in bytes."""

    answers: int = 0
    bad: int = 0
    first_bad: str = ""
    seconds: float = 0.0
    cpu_us: float = 0.0
    latency_p50: float = 0.0
    latency_p99: float = 0.0
    chunks: int = 0
    offered: float = 0.0
    lag_p50: float = 0.0
    lag_p99: float = 0.0
    first_byte_p50: float = 0.0
    first_byte_p99: float = 0.0
    memory_before: int = 0
    memory_after: int = 0
    client_cpu: float = 0.0
    upstream_cpu: float = 0.0
    extra: dict[str, float] = field(default_factory=dict)

    @property
    def cpu_per_answer(self) -> float:
        """The target's CPU per response in microseconds."""
        return self.cpu_us / self.answers if self.answers else float("nan")

    @property
    def cpu_per_chunk(self) -> float:
        """The target's CPU per streamed chunk in microseconds."""
        return self.cpu_us / self.chunks if self.chunks else float("nan")

    @property
    def delivered(self) -> float:
        """The chunks received in the window as a share of the chunks at the planned rate."""
        return self.chunks / self.offered if self.offered else float("nan")


def quantile(values: list[float], share: float) -> float:
    """Return the value below which `share` of the sorted values lie; NaN without values."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")
