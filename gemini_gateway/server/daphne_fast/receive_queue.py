"""The queue of ASGI messages from the server to one application."""

import asyncio
from typing import Any

Message = dict[str, Any]


class ReceiveQueue:
    """The queue between Daphne's protocol and one application, its only reader.

    asyncio.Queue takes 3 KiB for each open stream: it supports many readers and writers.
    """

    __slots__ = ("_messages", "_ready", "_waiter")

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._ready: list[Message] = []  # those that came before them, the last one first
        self._waiter: asyncio.Future[None] | None = None

    def put_nowait(self, message: Message) -> None:
        """Add a message."""
        self._messages.append(message)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self) -> Message:
        """Return the next message as soon as there is one (ASGI's `receive`)."""
        while not (self._ready or self._messages):
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if not self._ready:
            self._messages.reverse()
            self._ready, self._messages = self._messages, self._ready
        return self._ready.pop()
