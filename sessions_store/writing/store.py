"""The store of an event loop: `await store.commit(record)` returns after the commit of the record.

Group commit: one thread takes all queued exchanges (up to MAX_BATCH) and commits them in one transaction, so a busy
server pays for one commit instead of many, and a single request waits for no other. An exception reaches only the
exchange that caused it. An acknowledged record is committed: on SQLite it survives a killed process with
`synchronous=NORMAL`, and a power failure with FULL.

During an outage of the database (`storage_health`), records of exchanges with an upstream call wait in memory. The
writing thread commits them after the outage with a failed status, because no client received their response.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from itertools import groupby
from time import monotonic
from typing import Any, ParamSpec, TypeVar

from django.db import Error, connections, transaction

from sessions_store.catalogue.changes import Listener
from sessions_store.catalogue.loaded import current, notified, reset
from sessions_store.catalogue.resolution import Catalogue
from sessions_store.database.cursors import ReadRows, read_rows
from sessions_store.database.inline_reads import InlineReads
from sessions_store.writing.batch_commit import MAX_BATCH, attempt, commit_batch, drop_connection, gather_seconds
from sessions_store.writing.records import Committed, ExchangeRecord, NewMessage, SessionUpdate, UsageRow
from sessions_store.writing.storage_health import (
    BEHIND,
    FULL,
    LOCKED,
    SILENT,
    Outage,
    storage_fault,
    try_writing,
    unacknowledged,
    was_paid,
)
from sessions_store.writing.thread_bridge import (
    CallOutcome,
    JobQueue,
    JobResult,
    StoreError,
    StoreJob,
    StoreUnavailableError,
    Timeouts,
    drain,
    resolve,
    timed_out,
)

__all__ = [
    "Committed",
    "ExchangeRecord",
    "NewMessage",
    "SessionUpdate",
    "Store",
    "StoreError",
    "StoreUnavailableError",
    "UsageRow",
]

log = logging.getLogger(__name__)

MAX_PENDING = 4096
READ_BATCH = 8
READERS = 2
TIMEOUT_SECONDS = 30.0
PROBE_SECONDS = 1.0  # between two attempts to write during an outage
P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
Call = Callable[[], Any]


class Store:
    """The database connection of one event loop: one writing thread and a few reading threads, each with its own
    connection.

    All calls raise StoreUnavailableError after `timeout` seconds. The record of such a commit stays in the queue and
    is written; other calls are dropped.
    """

    def __init__(self, *, readers: int = READERS, timeout: float = TIMEOUT_SECONDS) -> None:
        self._loop = asyncio.get_running_loop()
        self._write_timeouts = Timeouts(self._loop, timeout, lambda: self.begin_outage(SILENT))
        self._read_timeouts = Timeouts(self._loop, timeout)
        self._writes = JobQueue(self._loop, most=MAX_BATCH)
        self._reads = JobQueue(self._loop, most=READ_BATCH)
        self._inline_reads = InlineReads()
        self._pending = 0
        self._closed = False
        self._outage = Outage()
        self._owed: list[ExchangeRecord] = []  # of the writing thread: paid exchanges without a record
        self._probe_at = 0.0
        self._listener = Listener(notified)
        self._listener.start()
        self._threads = [threading.Thread(target=self._write_loop, name="store-writer", daemon=True)]
        self._threads += [
            threading.Thread(target=self._read_loop, name=f"store-reader-{number}", daemon=True)
            for number in range(readers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pending(self) -> int:
        """The number of exchanges and other writes that wait for their commit."""
        return self._pending

    @property
    def outage(self) -> str | None:
        """The reason of the current outage in an operator's words; None without an outage."""
        return self._outage.reason

    async def commit(self, record: ExchangeRecord, *, under_way: int = 1) -> Committed:
        """Record an exchange; returns after the commit, with the state of the session.

        `under_way` is the number of unrecorded exchanges, this one included. Delays the commit up to `gather_seconds`
        to batch with other exchanges in flight; commits at once if none is left to wait for.

        Raises StoreUnavailableError if the queue is full, on a timeout and during an outage; StoreError if the database
        rejects the record. The record of a cancelled call stays in the queue.
        """
        all_here = self._pending + 1 >= under_way
        committed: Committed = await self._write(record, within=gather_seconds(record), at_once=all_here)
        return committed

    async def write(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in one transaction on the writing thread, after the queued records; returns after the commit.

        Raises the function's exceptions, StoreUnavailableError and StoreError as `commit` does.
        """
        value: T = await self._write(lambda: _in_transaction(lambda: function(*args, **kwargs)))
        return value

    async def read(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function on a reading thread and return its value.

        The function may run twice, after a lost connection. Raises the function's exceptions; StoreUnavailableError or
        StoreError if the database fails.
        """
        if self._closed:
            raise StoreError("The store is closed.")
        future: asyncio.Future[T] = self._read_timeouts.future()
        self._reads.add((lambda: function(*args, **kwargs), future))
        return await future

    async def read_one(
        self, find: Callable[[ReadRows], T], then: Callable[[T], R], *, has_more: Callable[[T], bool]
    ) -> R:
        """Return `then(find(rows))`: one row found by an index, then the rows that belong to it.

        `find` runs its queries by `rows` alone, on the event loop if the database is SQLite (see `InlineReads`), else
        on a reading thread. `then` runs on a reading thread if `has_more(found)`, else on the thread of `find`. Both
        together take at most one visit to a reading thread.

        Raises the functions' exceptions, StoreUnavailableError and StoreError as `read` does.
        """
        inline = self._find_inline(find)
        if inline is None:
            return await self.read(lambda: then(find(read_rows)))
        (found,) = inline
        return await self.read(then, found) if has_more(found) else then(found)

    async def catalogue(self) -> Catalogue:
        """Return the current catalogue (see `sessions_store.catalogue.loaded.current`).

        Raises StoreUnavailableError if the catalogue must be loaded and the database does not respond.
        """
        try:
            return await current()
        except Error as error:
            if (reason := storage_fault(error)) is None:
                raise
            self.begin_outage(reason)
            raise StoreUnavailableError(f"The catalogue cannot be loaded: {reason}.") from error

    async def close(self) -> None:
        """Write the queued records, then end the threads and close their connections."""
        if self._closed:
            return
        self._closed = True
        self._inline_reads.close()  # first: the last connection to close checkpoints the WAL, if it can write
        self._writes.flush()
        self._writes.queue.put(None)
        self._reads.flush()
        for _ in self._threads[1:]:
            self._reads.queue.put(None)
        await asyncio.to_thread(self._join)
        reset()
        self._write_timeouts.stop()
        self._read_timeouts.stop()

    async def _write(self, work: ExchangeRecord | Call, *, within: float = 0.0, at_once: bool = False) -> Any:
        if self._closed:
            raise StoreError("The store is closed.")
        if self._outage.reason is not None and not (isinstance(work, ExchangeRecord) and was_paid(work)):
            raise StoreUnavailableError(f"Nothing can be recorded: {self._outage.reason}.")
        if self._pending >= MAX_PENDING:
            self.begin_outage(BEHIND)
            raise StoreUnavailableError("Too many requests are waiting to be recorded.")
        future = self._write_timeouts.future()
        self._writes.add((work, future), within=within, at_once=at_once)
        self._pending += 1
        try:
            return await future
        finally:
            self._pending -= 1

    def _find_inline(self, find: Callable[[ReadRows], T]) -> tuple[T] | None:
        """Return (found,), or None if the read must go through a reading thread."""
        if self._closed:
            return None
        if self._outage.reason is not None:
            self._inline_reads.pause()  # a failing disk must not block the loop
            return None
        return self._inline_reads.look_up(find)

    def _join(self) -> None:
        self._listener.stop()
        for thread in self._threads:
            thread.join()

    def _write_loop(self) -> None:
        try:
            while (batch := drain(self._writes.queue, MAX_BATCH, self._until_probe())) is not None:
                for jobs in _runs_of_a_kind(batch):
                    exchanges = isinstance(jobs[0][0], ExchangeRecord)
                    resolve(self._loop, self._commit(jobs) if exchanges else self._run(jobs))
                    del jobs
                del batch  # frees large records before the wait
                if self._outage.reason is not None and monotonic() >= self._probe_at:
                    self._retry_writes()
            if self._owed:
                self._retry_writes()
            if self._owed:
                log.error("%d requests that Gemini answered have no usage record", len(self._owed))
        finally:
            connections.close_all()

    def _read_loop(self) -> None:
        try:
            while (batch := self._reads.queue.get()) is not None:
                resolve(self._loop, self._run(batch))
                del batch
        finally:
            connections.close_all()

    def _commit(self, jobs: Sequence[StoreJob]) -> list[JobResult]:
        records = [unacknowledged(record) if timed_out(future) else record for record, future in jobs]
        outcomes = commit_batch(records)
        for record, outcome in zip(records, outcomes, strict=True):
            if outcome.error is None:
                continue
            reason = storage_fault(outcome.error)
            if reason is not None:
                self.begin_outage(reason)
                if was_paid(record):
                    self._owed.append(unacknowledged(record))
        if self._outage.reason is not None and outcomes[0].error is None:
            self._probe_at = 0.0
        return [(future, _as_store_error(outcome)) for (_, future), outcome in zip(jobs, outcomes, strict=True)]

    def _run(self, jobs: Sequence[StoreJob]) -> list[JobResult]:
        job_results = []
        for call, future in jobs:
            if timed_out(future):
                continue
            outcome = attempt(call)
            reason = storage_fault(outcome.error)
            if reason is not None:
                self.begin_outage(reason)
            job_results.append((future, _as_store_error(outcome)))
        return job_results

    def begin_outage(self, reason: str) -> None:
        """Reject requests until the writing thread ends the outage. For any thread."""
        if self._outage.begin(reason):
            self._probe_at = monotonic() + PROBE_SECONDS
            self._writes.queue.put([])  # wakes the thread for its next probe

    def _until_probe(self) -> float | None:
        return None if self._outage.reason is None else max(self._probe_at - monotonic(), 0.0)

    def _retry_writes(self) -> None:
        """Write the owed records, then a test row; the outage ends if both succeed."""
        while batch := self._owed[:MAX_BATCH]:
            # One by one after a rejection: a record that the database rejects is logged and lost.
            outcomes = commit_batch(batch, uncertain=True)
            if any(storage_fault(outcome.error) for outcome in outcomes):
                self._probe_at = monotonic() + PROBE_SECONDS
                return
            del self._owed[: len(batch)]
        reason = storage_fault(attempt(try_writing).error)
        if reason is None:
            self._outage.end()
            return
        self._probe_at = monotonic() + PROBE_SECONDS
        if reason not in {FULL, LOCKED}:
            drop_connection()  # after a failover, another server has the address


def _runs_of_a_kind(batch: Sequence[StoreJob]) -> list[list[StoreJob]]:
    """Split a batch into runs of exchanges and runs of other writes, in order."""
    return [list(jobs) for _, jobs in groupby(batch, key=lambda job: isinstance(job[0], ExchangeRecord))]


def _in_transaction(call: Call) -> Any:
    with transaction.atomic(durable=True):
        return call()


def _as_store_error(outcome: CallOutcome) -> CallOutcome:
    """Return the outcome with a database error as a StoreError, a new exception for each caller."""
    if not isinstance(outcome.error, Error):
        return outcome
    wrapped = CallOutcome()
    unavailable = storage_fault(outcome.error) is not None
    wrapped.error = (StoreUnavailableError if unavailable else StoreError)(
        f"The database rejected the record ({type(outcome.error).__name__})."
    )
    wrapped.error.__cause__ = outcome.error
    return wrapped
