"""Noticing that a client hangs up while it is being served: its view is cancelled then."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Receive = Callable[[], Awaitable[Mapping[str, Any]]]

WATCH_AFTER_SECONDS = 0.05


class HangUpWatch:
    """Cancels a task when the client that it serves hangs up."""

    __slots__ = ("_looking", "_receive", "begins_at", "ended", "hung_up", "serving")

    def __init__(self, receive: Receive, serving: "asyncio.Task[Any]", begins_at: float) -> None:
        self.hung_up = False
        self.ended = False
        self.begins_at = begins_at
        self._receive = receive
        self.serving = serving
        self._looking: asyncio.Task[None] | None = None

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
        self.hung_up = True
        self.serving.cancel()


class HangUpWatches:
    """The watches of one event loop.

    They look from WATCH_AFTER_SECONDS on: what is answered sooner is not worth a task that waits for its end. All begin
    after the same time, so one timer, for the eldest, serves them all.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._waiting: deque[HangUpWatch] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, receive: Receive) -> HangUpWatch:
        """Return a watch over the running task; `end` it."""
        serving = asyncio.current_task(self.loop)
        assert serving is not None  # noqa: S101 - an ASGI application always runs in a task
        waiting = self._waiting
        while waiting and waiting[0].ended:
            waiting.popleft()
        watch = HangUpWatch(receive, serving, self.loop.time() + WATCH_AFTER_SECONDS)
        waiting.append(watch)
        if self._timer is None:
            self._timer = self.loop.call_at(watch.begins_at, self._begin)
        return watch

    def _begin(self) -> None:
        """Begin those whose time has come, and come again for the next."""
        now, waiting = self.loop.time(), self._waiting
        while waiting and (waiting[0].ended or waiting[0].begins_at <= now):
            watch = waiting.popleft()
            if not watch.ended:
                watch.begin()
        self._timer = self.loop.call_at(waiting[0].begins_at, self._begin) if waiting else None
