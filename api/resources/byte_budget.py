"""The byte budget of the process: how many bytes of requests and upstream responses it holds at once.

A request reserves its body from the first byte until its exchange is recorded and its response is sent. MAX_IN_FLIGHT
limits the number of open requests, MAX_BYTES_IN_FLIGHT their size.
"""

import sys
from typing import TYPE_CHECKING, Final

from api.errors import OverloadedError

if TYPE_CHECKING:
    from collections.abc import Callable


RETURN_AFTER: Final = 32 * 1024 * 1024
LEAST_RETURN: Final = 1024 * 1024  # if nothing is held any more


class ByteBudget:
    """A number of bytes that many `Hold`s share. Not thread-safe.

    `on_released` is called whenever RETURN_AFTER bytes have been released, and when nothing is held any
    more after LEAST_RETURN bytes.
    """

    __slots__ = ("_released", "held", "limit", "on_released")

    def __init__(self, limit: int = sys.maxsize) -> None:
        self.limit = limit
        self.held = 0
        self.on_released: Callable[[], None] | None = None
        self._released = 0

    def release(self, size: int) -> None:
        """Release `size` bytes."""
        self.held -= size
        self._released += size
        if self._released >= RETURN_AFTER or (self._released >= LEAST_RETURN and not self.held):
            self._released = 0
            if self.on_released is not None:
                self.on_released()


class Hold:
    """The reserved bytes of a request; without a budget they are only counted. A hold has one owner and one more per
    `share`; the last `release` frees the bytes.
    """

    __slots__ = ("_budget", "_owners", "size")

    def __init__(self, budget: ByteBudget | None = None) -> None:
        self._budget = budget or ByteBudget()
        self._owners = 1
        self.size = 0

    def grow(self, size: int) -> None:
        """Reserve `size` more bytes (0 or less does nothing); raises OverloadedError if the budget is spent.

        A request of any size is admitted while nothing else is held: otherwise it could never be served.
        """
        if size <= 0:
            return
        budget = self._budget
        if budget.held + size > budget.limit and budget.held > self.size:
            raise OverloadedError
        self.add(size)

    def add(self, size: int) -> None:
        """Reserve `size` more bytes, also beyond the budget: Google bills the response, so it must be recorded."""
        if self._owners > 0:
            self.size += size
            self._budget.held += size

    def share(self) -> None:
        """Add an owner: a background response outlives its request."""
        self._owners += 1

    def give_back(self) -> None:
        """Release the bytes before the only owner ends; does nothing with several owners.

        A client may send its next request as soon as it has received the last byte of its response.
        """
        if self._owners == 1 and self.size:
            self._budget.release(self.size)
            self.size = 0

    def release(self) -> None:
        """Remove one owner; the last one releases the bytes."""
        self._owners -= 1
        if not self._owners:
            self._budget.release(self.size)
            self.size = 0
