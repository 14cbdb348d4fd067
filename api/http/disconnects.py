"""Noticing that a client hangs up while it is being served: its view is cancelled then."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from operator import attrgetter
from typing import Any

from api.resources.interruption import served
from sessions_store.writing.deadline_queue import OneTimer

Receive = Callable[[], Awaitable[Mapping[str, Any]]]

WATCH_AFTER_SECONDS = 0.05


class HangUpWatch:
    """Cancels a task when the client that it serves hangs up."""

    __slots__ = ("_looking", "_receive", "ended", "hung_up", "serving")

    def __init__(self, receive: Receive, serving: "asyncio.Task[Any]") -> None:
        self.hung_up = False
        self.ended = False
        self._receive = receive
        self.serving = serving
        self._looking: asyncio.Task[None] | None = None

    @property
    def cut(self) -> bool:
        """See api.resources.interruption.Served: the task is being cancelled, and not because its client has left."""
        return not self.hung_up and self.serving.cancelling() > 0

    def begin(self) -> None:
        """Look from now on."""
        self._looking = asyncio.ensure_future(self._look())

    def end(self) -> None:
        """Stop looking."""
        self.ended = True
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        message = await self._receive()
        while message["type"] != "http.disconnect":
            message = await self._receive()
        if not self.serving.cancelling():  # else the server was first
            self.hung_up = True
            self.serving.cancel()


class HangUpWatches:
    """The watches of one event loop.

    They look from WATCH_AFTER_SECONDS on: what is answered sooner is not worth a task that waits for its end.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._beginning = OneTimer[HangUpWatch](
            self.loop, WATCH_AFTER_SECONDS, is_over=attrgetter("ended"), due=HangUpWatch.begin
        )

    def watch(self, receive: Receive) -> HangUpWatch:
        """Return a watch over the running task; `end` it."""
        serving = asyncio.current_task(self.loop)
        assert serving is not None  # noqa: S101 - an ASGI application always runs in a task
        watch = HangUpWatch(receive, serving)
        served.set(watch)
        self._beginning.add(watch)
        return watch
