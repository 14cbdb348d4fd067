"""The frames of one response on a WebSocket."""

import asyncio
from collections.abc import Awaitable, Callable

import orjson

from api.exchange.events import Event

Send = Callable[[str], Awaitable[None]]


class Frames:
    """Sends events as frames, numbered in the order of sending; each frame repeats the `stream_id`.

    A response's own events have these numbers already; an event beside its stream shifts the numbers of later ones.
    """

    def __init__(self, send: Send, stream_id: str | None) -> None:
        self._send = send
        self._stream_id = {} if stream_id is None else {"stream_id": stream_id}
        self._sent = 0
        self._lock = asyncio.Lock()

    async def write(self, event: Event) -> None:
        """Send one event."""
        async with self._lock:
            numbered = {**event, "sequence_number": self._sent, **self._stream_id}
            self._sent += 1
            await self._send(orjson.dumps(numbered).decode())
