"""The log of received requests that tests read through `GET /_emulator/requests`; `?bodies=0` leaves the bodies out."""

from collections import deque
from dataclasses import asdict, dataclass, replace
from typing import Any

MAX_ENTRIES = 10_000


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request.

    `at` and `ended` are monotonic seconds; `cancelled` is true after a client disconnect before the end.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Any
    at: float
    ended: float | None = None
    status: int | None = None
    chunks_sent: int = 0
    cancelled: bool = False


class Journal:
    """The newest requests, oldest first."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=MAX_ENTRIES)

    def listed(self, *, bodies: bool = True) -> list[dict[str, Any]]:
        """Return the entries as JSON objects, optionally without the bodies, which images make large."""
        return [asdict(entry if bodies else replace(entry, body=None)) for entry in self.entries]
