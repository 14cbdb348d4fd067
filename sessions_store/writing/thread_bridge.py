"""A bridge from the event loop to database threads: submits jobs and resolves their futures, one wake-up for many."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

log = logging.getLogger(__name__)

StoreJob = tuple[Any, "asyncio.Future[Any]"]  # (work, future of the caller)


class StoreError(Exception):
    """The database rejected a call, or the store is closed."""


class StoreUnavailableError(StoreError):
    """The database is unavailable: no space, locked, unreachable, too slow, or a full queue."""


class JobQueue:
    """Submits jobs to the threads of one kind, in batches: per iteration of the loop, or per short period.

    `queue` holds lists of at most `most` jobs for the threads, and None at the end.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, most: int) -> None:
        self.queue: SimpleQueue[list[StoreJob] | None] = SimpleQueue()
        self._loop = loop
        self._most = most
        self._gathered: list[StoreJob] = []
        self._due: asyncio.Handle | None = None
        self._due_at = 0.0  # on the loop's clock; 0: the end of this iteration

    def add(self, job: StoreJob, *, within: float = 0.0, at_once: bool = False) -> None:
        """Submit a job: at the end of this iteration of the loop, together with later jobs `within` seconds, or
        `at_once`.

        The first job that is due takes all waiting jobs with it.
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
        """Submit all waiting jobs."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        gathered, self._gathered = self._gathered, []
        for start in range(0, len(gathered), self._most):
            self.queue.put(gathered[start : start + self._most])


class Timeouts:
    """Creates futures that fail with StoreUnavailableError after `seconds`; `exhausted` is then called."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, exhausted: Callable[[], None] | None = None
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._exhausted = exhausted
        # All futures have the same timeout: one timer for the oldest instead of a timer each.
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


class CallOutcome:
    """The value or the exception of a call: `with outcome: outcome.value = call()` stores an Exception in `error`."""

    __slots__ = ("error", "value")

    def __init__(self, value: Any = None) -> None:
        self.value = value
        self.error: Exception | None = None

    def __enter__(self) -> "CallOutcome":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception):
            self.error = error
            return True
        return False


JobResult = tuple[asyncio.Future[Any], CallOutcome]


def resolve(loop: asyncio.AbstractEventLoop, job_results: Sequence[JobResult]) -> None:
    """Resolve the futures of one loop with their outcomes. For threads; wakes the loop once."""
    try:
        loop.call_soon_threadsafe(_set_results, job_results)
    except RuntimeError:
        # The loop is closed because the process ends. The work is done, and no caller waits.
        log.warning("The event loop was closed before %d results were delivered", len(job_results))


def _set_results(job_results: Sequence[JobResult]) -> None:
    for future, outcome in job_results:
        if future.done():  # cancelled or timed out
            continue
        if outcome.error is not None:
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome.value)


def timed_out(future: "asyncio.Future[Any]") -> bool:
    """Return True if the caller timed out; False if it was cancelled or still waits."""
    return future.done() and not future.cancelled()


def drain(queue: "SimpleQueue[list[StoreJob] | None]", most: int, seconds: float | None) -> list[StoreJob] | None:
    """Wait for jobs and return up to about `most`; None after the queue was closed.

    Returns an empty list if no job arrived within `seconds`, or after a wake-up without work.
    """
    try:
        jobs = queue.get(timeout=seconds)
    except Empty:
        return []
    if jobs is None:
        return None
    drained: list[StoreJob] = []
    while jobs is not None:
        drained += jobs
        if len(drained) >= most:
            return drained
        try:
            jobs = queue.get_nowait()
        except Empty:
            return drained
    queue.put(None)  # close the queue after these jobs
    return drained
