"""How many bytes of requests and upstream answers this process holds at once, and who holds them.

A request holds its body from the first byte that arrives until its exchange is recorded and its response is sent. The
number of open requests is bounded by MAX_IN_FLIGHT; their size is bounded here, by MAX_BYTES_IN_FLIGHT.
"""

import functools
from typing import TYPE_CHECKING, Final

from django.conf import settings

from api.errors import OverloadedError

if TYPE_CHECKING:
    from collections.abc import Callable


RETURN_AFTER: Final = 32 * 1024 * 1024
LEAST_RETURN: Final = 1024 * 1024  # where nothing is held any more


class ByteBudget:
    """A number of bytes that many `Hold`s share. Not for several threads.

    `on_released` is called each time that RETURN_AFTER bytes have been released, and when the last of some are.
    """

    __slots__ = ("_released", "held", "limit", "on_released")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self.on_released: Callable[[], None] | None = None
        self._released = 0

    def release(self, size: int) -> None:
        """Take `size` bytes back."""
        self.held -= size
        self._released += size
        if self._released >= RETURN_AFTER or (self._released >= LEAST_RETURN and not self.held):
            self._released = 0
            if self.on_released is not None:
                self.on_released()


class Hold:
    """The bytes that a request holds. It has one owner and one more for each `share`; the last `release` frees them."""

    __slots__ = ("_budget", "_owners", "size")

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._owners = 1
        self.size = 0

    def grow(self, size: int) -> None:
        """Hold `size` more bytes, nothing more where it is 0 or less; raises OverloadedError when the budget is spent.

        While nothing else is held a request of any size is let in: it would never be served otherwise.
        """
        if size <= 0:
            return
        budget = self._budget
        if budget.held + size > budget.limit and budget.held > self.size:
            raise OverloadedError
        self.add(size)

    def add(self, size: int) -> None:
        """Hold `size` more bytes, also beyond the budget: what Gemini answers is paid and must be recorded."""
        if self._owners > 0:
            self.size += size
            self._budget.held += size

    def share(self) -> None:
        """Add an owner: a background response outlives the request that began it."""
        self._owners += 1

    def give_back(self) -> None:
        """Give the bytes back before the only owner ends; where there are several, nothing.

        A client may send its next request as soon as it has the last byte of its response.
        """
        if self._owners == 1 and self.size:
            self._budget.release(self.size)
            self.size = 0

    def release(self) -> None:
        """Drop one owner."""
        self._owners -= 1
        if not self._owners:
            self._budget.release(self.size)
            self.size = 0


@functools.cache
def byte_budget() -> ByteBudget:
    """Return the budget of this process."""
    return ByteBudget(settings.MAX_BYTES_IN_FLIGHT)
