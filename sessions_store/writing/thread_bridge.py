"""Handing jobs from the event loop to the database's threads and outcomes back, one wake-up for many."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

log = logging.getLogger(__name__)

Job = tuple[Any, "asyncio.Future[Any]"]  # what is to be done, and who waits for it


class StoreError(Exception):
    """The database did not take or give something: it was refused, or the store is closed."""


class StoreUnavailableError(StoreError):
    """The database takes or gives nothing at present: no space, locked, out of reach, too slow, too much that waits."""


class Handover:
    """The way of jobs to one kind of thread: those of one turn of the loop, or of a short while, go together.

    `queue` is where the threads wait: lists of at most `most` jobs, None for the end.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, most: int) -> None:
        self.queue: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._loop = loop
        self._most = most
        self._gathered: list[Job] = []
        self._due: asyncio.Handle | None = None
        self._due_at = 0.0  # on the loop's clock; 0 is the end of this turn

    def add(self, job: Job, *, within: float = 0.0, at_once: bool = False) -> None:
        """Hand the job over at the end of this turn of the loop, or within some seconds together with those to come, or
        at once.

        All that wait go with the first of them whose time has come.
        """
        self._gathered.append(job)
        if at_once:
            self.flush()
            return
        due_at = self._loop.time() + within if within else 0.0
        if self._due is None:
            self._set_due(due_at)
        elif len(self._gathered) >= self._most or (due_at < self._due_at and not within):
            self.flush()
        elif due_at < self._due_at:
            self._due.cancel()
            self._set_due(due_at)

    def _set_due(self, due_at: float) -> None:
        self._due_at = due_at
        self._due = self._loop.call_at(due_at, self.flush) if due_at else self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Hand over what has been gathered."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        gathered, self._gathered = self._gathered, []
        for start in range(0, len(gathered), self._most):
            self.queue.put(gathered[start : start + self._most])


class Patience:
    """Makes futures that fail with a StoreUnavailableError when they are not done within `seconds`.

    `exhausted` is called when one was late.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, exhausted: Callable[[], None] | None = None
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._exhausted = exhausted
        # All wait equally long: one timer for the first of them, which is the eldest.
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def future(self) -> "asyncio.Future[Any]":
        """Return a new future."""
        future: asyncio.Future[Any] = self._loop.create_future()
        waiting = self._waiting
        while waiting and waiting[0][1].done():
            waiting.popleft()
        waiting.append((self._loop.time() + self._seconds, future))
        if self._timer is None:
            self._timer = self._loop.call_at(waiting[0][0], self._expire)
        return future

    def stop(self) -> None:
        """Stop the timer; no future fails any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        """Fail the futures that are due, and set the timer for the next one."""
        now, waiting = self._loop.time(), self._waiting
        while waiting and (waiting[0][0] <= now or waiting[0][1].done()):
            _, future = waiting.popleft()
            if not future.done():
                self._fail(future)
        self._timer = self._loop.call_at(waiting[0][0], self._expire) if waiting else None

    def _fail(self, future: "asyncio.Future[Any]") -> None:
        future.set_exception(StoreUnavailableError(f"The database did not answer within {self._seconds:g} seconds."))
        if self._exhausted is not None:
            self._exhausted()


class Outcome:
    """What a call came to: used as `with outcome: outcome.value = call()`, it keeps the exception for the waiter."""

    __slots__ = ("error", "value")

    def __init__(self, value: Any = None) -> None:
        self.value = value
        self.error: Exception | None = None

    def __enter__(self) -> "Outcome":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception):
            self.error = error
            return True
        return False


Delivery = tuple[asyncio.Future[Any], Outcome]


def deliver(loop: asyncio.AbstractEventLoop, deliveries: Sequence[Delivery]) -> None:
    """Resolve the futures of one loop with their outcomes. For threads; wakes the loop once."""
    try:
        loop.call_soon_threadsafe(_resolve, deliveries)
    except RuntimeError:
        # The loop is closed: the process is going down and nobody waits any more. The work itself is done.
        log.warning("The event loop was closed before %d results were delivered", len(deliveries))


def _resolve(deliveries: Sequence[Delivery]) -> None:
    for future, outcome in deliveries:
        if future.done():  # cancelled by its waiter, or given up at the deadline
            continue
        if outcome.error is not None:
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome.value)


def gave_up(future: "asyncio.Future[Any]") -> bool:
    """Return whether the waiter was told that it took too long. One that was cancelled was told nothing."""
    return future.done() and not future.cancelled()


def take(queue: "SimpleQueue[list[Job] | None]", most: int, seconds: float | None) -> list[Job] | None:
    """Wait for the first jobs, then take what else is there, up to about `most`; None when the queue was closed.

    Empty when nothing came within `seconds`, or when somebody only wanted to wake the thread.
    """
    try:
        jobs = queue.get(timeout=seconds)
    except Empty:
        return []
    if jobs is None:
        return None
    taken: list[Job] = []
    while jobs is not None:
        taken += jobs
        if len(taken) >= most:
            return taken
        try:
            jobs = queue.get_nowait()
        except Empty:
            return taken
    queue.put(None)  # the end comes after these
    return taken
