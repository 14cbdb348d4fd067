"""One timer for many who all wait equally long: the eldest is the first whose time comes."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class OneTimer(Generic[Item]):
    """Calls `due` with each item, `seconds` after it was added, unless `is_over` says by then that nobody waits."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        seconds: float,
        *,
        is_over: Callable[[Item], bool],
        due: Callable[[Item], object],
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._is_over = is_over
        self._due = due
        self._waiting: deque[tuple[float, Item]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, item: Item) -> None:
        """Begin to wait."""
        waiting = self._waiting
        while waiting and self._is_over(waiting[0][1]):
            waiting.popleft()
        waiting.append((self._loop.time() + self._seconds, item))
        if self._timer is None:
            self._timer = self._loop.call_at(waiting[0][0], self._look)

    def stop(self) -> None:
        """End the timer; nobody waits any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Call for those whose time has come, and look again when the next one's does."""
        now, waiting = self._loop.time(), self._waiting
        while waiting and (waiting[0][0] <= now or self._is_over(waiting[0][1])):
            _, item = waiting.popleft()
            if not self._is_over(item):
                self._due(item)
        self._timer = self._loop.call_at(waiting[0][0], self._look) if waiting else None
