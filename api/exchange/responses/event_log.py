"""The events of a background response, kept for clients that read them while it runs, and stored for those that come
back.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import orjson

from api.exchange.events import Event
from sessions_store.writing.state_records import Stretch


class EventLog:
    """Events in order, each at the place of its sequence number. What ends the response is appended once that end is
    recorded. `ended` says that no event follows.
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

    def end(self, events: Sequence[Event]) -> None:
        """Append the last events; none follows."""
        self.ended = True
        self.append(events)

    def unstored(self, closing: Sequence[Event] = ()) -> Stretch | None:
        """Return the events that are not stored yet, with `closing` behind them; None if there are none."""
        events = [*self._events[self._stored :], *closing]
        if not events:
            return None
        body = b"\n".join(map(orjson.dumps, events)).decode()
        return Stretch(self._stored, self._stored + len(events) - 1, body)

    def take_unstored(self) -> Stretch | None:
        """Return the events that are not stored yet, which count as stored from now on."""
        stretch = self.unstored()
        self._stored = len(self._events)
        return stretch

    async def wait(self, seen: int, seconds: float) -> Sequence[Event]:
        """Return the events from number `seen` on as soon as there are any; none at the end or after `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(self._events) <= seen and not self.ended:
                    await self._changed.wait()
        return self._events[seen:]

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
