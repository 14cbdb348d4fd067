"""The event log of a background response, for clients that read it while the response runs; stored for clients that
reconnect.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import orjson

from api.exchange.events import Event
from sessions_store.writing.state_records import EventBatch


def deleted_event(number: int) -> Event:
    """Return the last event of a response that was deleted while it ran; `number` is its sequence number."""
    error = {"code": "response_not_found", "message": "The response was deleted.", "param": None}
    return {"type": "error", **error, "sequence_number": number}


class EventLog:
    """The events in order, indexed by sequence number.

    The closing events are appended after the end is recorded. `ended` says that no event follows.
    """

    def __init__(self) -> None:
        self.ended = False
        self._events: list[Event] = []
        self._stored = 0
        self._changed = asyncio.Event()

    def append(self, events: Sequence[Event]) -> None:
        """Append events and wake the readers."""
        self._events += events
        self._wake()

    def end(self, events: Sequence[Event], *, deleted: bool = False) -> None:
        """Append the closing events, or an error event if the response was deleted before its end."""
        self.ended = True
        self.append(events if events or not deleted else [deleted_event(len(self._events))])

    def unstored(self, closing: Sequence[Event] = ()) -> EventBatch | None:
        """Return the events that are not stored yet, followed by `closing`; None if there are none."""
        events = [*self._events[self._stored :], *closing]
        if not events:
            return None
        body = b"\n".join(map(orjson.dumps, events)).decode()
        return EventBatch(self._stored, self._stored + len(events) - 1, body)

    def take_unstored(self) -> EventBatch | None:
        """Return the events that are not stored yet, and mark them as stored."""
        batch = self.unstored()
        self._stored = len(self._events)
        return batch

    async def wait(self, seen: int, seconds: float) -> Sequence[Event]:
        """Wait for events from index `seen` on and return them; an empty list at the end or after a timeout of
        `seconds`.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(self._events) <= seen and not self.ended:
                    await self._changed.wait()
        return self._events[seen:]

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
