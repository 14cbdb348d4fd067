"""What the load generator is asked to do and what it reports: JSON on its standard input and output."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

SERIAL = b"NNNNNNNNNNNN"
"""In a body: replaced by twelve digits, another number in each request, so that no request is like another."""
SESSION = b"SSSSSSSSSSSS"
"""In a body: replaced by the number of the request's session (twelve digits)."""


class Wire:
    """Turns a dataclass into a line of JSON and back."""

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The dataclass that `to_json` was called on."""
        fields: dict[str, Any] = json.loads(text)
        return cls(**fields)


@dataclass(slots=True, kw_only=True)
class Job(Wire):
    """One trial.

    A unary job runs `clients` connections, each with one request at a time. It lasts `warm_up` and then `window`
    seconds or, with `requests`, until so many are answered. A stream job opens its streams spread over `warm_up`,
    replaces each that ends, and measures for `window` seconds. `pid` is the root of the process tree whose CPU is
    charged. No trial lasts longer than `limit`.
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
    """What one trial measured. Times in milliseconds, CPU in microseconds, memory in bytes."""

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
        """Microseconds of the target's CPU for one answer."""
        return self.cpu_us / self.answers if self.answers else float("nan")

    @property
    def cpu_per_chunk(self) -> float:
        """Microseconds of the target's CPU for one streamed chunk."""
        return self.cpu_us / self.chunks if self.chunks else float("nan")

    @property
    def delivered(self) -> float:
        """Chunks that arrived in the window as a share of those a perfect target delivers."""
        return self.chunks / self.offered if self.offered else float("nan")


def quantile(values: list[float], share: float) -> float:
    """The value below which `share` of the (sorted) values lie; NaN of none."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")
