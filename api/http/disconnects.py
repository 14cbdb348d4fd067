"""Client disconnects during a request: they cancel the view."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from api.resources.interruption import served

Receive = Callable[[], Awaitable[Mapping[str, Any]]]

WATCH_AFTER_SECONDS = 0.05


class DisconnectWatch:
    """Cancels a task when the client that it serves disconnects.

    Watching begins after WATCH_AFTER_SECONDS, which spares short requests a task.
    """

    __slots__ = ("_receive", "_task", "_timer", "disconnected", "serving")

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        serving = asyncio.current_task(loop)
        assert serving is not None  # noqa: S101 - an ASGI application always runs in a task
        self.disconnected = False
        self.serving = serving
        self._receive = receive
        self._task: asyncio.Task[None] | None = None
        self._timer = loop.call_later(WATCH_AFTER_SECONDS, self._begin)
        served.set(self)

    @property
    def cut(self) -> bool:
        """See Served: the task is being cancelled, and its client has not disconnected."""
        return not self.disconnected and self.serving.cancelling() > 0

    def _begin(self) -> None:
        self._task = asyncio.ensure_future(self._watch())

    def end(self) -> None:
        """Stop watching."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        message = await self._receive()
        while message["type"] != "http.disconnect":
            message = await self._receive()
        if not self.serving.cancelling():  # else the server was first
            self.disconnected = True
            self.serving.cancel()
