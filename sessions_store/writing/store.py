"""Where exchanges are recorded from the event loop: `await store.commit(record)` returns when the record is committed.

Group commit: exchanges queue, one thread takes all that wait (up to MAX_BATCH) and commits them in one transaction, so
a busy server pays for one commit where it would have paid for many, and a lone request waits for nobody. An exception
reaches the exchange that caused it, and only that one. What was acknowledged is committed: on SQLite with
`synchronous=NORMAL` that survives a killed process, with FULL a loss of power too.

When the database takes nothing (`storage_health`), what Gemini was asked meanwhile waits in memory, and is written as
soon as it can be: as failed, because nobody was given the answer.
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
from sessions_store.catalogue.loaded import current, reset
from sessions_store.catalogue.resolution import Catalogue
from sessions_store.database.cursors import ReadRows, read_rows
from sessions_store.database.inline_reads import NearReads
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
    Delivery,
    Handover,
    Job,
    Outcome,
    Patience,
    StoreError,
    StoreUnavailableError,
    deliver,
    gave_up,
    take,
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
PATIENCE_SECONDS = 30.0
PROBE_SECONDS = 1.0  # between two attempts to write while nothing can be recorded

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
Call = Callable[[], Any]


class Store:
    """The way from one event loop to the database: one writing thread, a few reading ones, a connection each.

    All calls give up waiting after `patience` seconds with a StoreUnavailableError. A record that was queued is still
    written then, as soon as the database allows; other calls are not made any more.
    """

    def __init__(self, *, readers: int = READERS, patience: float = PATIENCE_SECONDS) -> None:
        self._loop = asyncio.get_running_loop()
        self._patience = Patience(self._loop, patience, lambda: self.begin_outage(SILENT))
        self._reading_patience = Patience(self._loop, patience)
        self._writes = Handover(self._loop, most=MAX_BATCH)
        self._reads = Handover(self._loop, most=READ_BATCH)
        self._near = NearReads()
        self._pending = 0
        self._closed = False
        self._outage = Outage()
        self._owed: list[ExchangeRecord] = []  # the writing thread's
        self._probe_at = 0.0
        self._listener = Listener()
        self._listener.start()
        self._threads = [threading.Thread(target=self._write_for_ever, name="store-writer", daemon=True)]
        self._threads += [
            threading.Thread(target=self._read_for_ever, name=f"store-reader-{number}", daemon=True)
            for number in range(readers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pending(self) -> int:
        """How many exchanges and other writes wait for their commit."""
        return self._pending

    @property
    def outage(self) -> str | None:
        """Why nothing can be recorded at present, in an operator's words; None while all is well."""
        return self._outage.reason

    async def commit(self, record: ExchangeRecord, *, under_way: int = 1) -> Committed:
        """Record an exchange; returns when it is committed, with the session as it now stands.

        `under_way` is how many exchanges are not recorded yet, this one among them. It waits for theirs as long as
        `gather_seconds` says, and not when all of them are waiting already.

        Raises StoreUnavailableError when the queue is full, the deadline passes or the database takes nothing,
        StoreError when it refuses this record. A waiter that is cancelled leaves its record in the queue.
        """
        all_here = self._pending + 1 >= under_way
        committed: Committed = await self._write(record, within=gather_seconds(record), at_once=all_here)
        return committed

    async def write(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in one transaction on the writing thread, after what is queued; returns when it is committed.

        Raises StoreError as `commit` does, and what the function raised.
        """
        value: T = await self._write(lambda: _in_transaction(lambda: function(*args, **kwargs)))
        return value

    async def read(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that reads in a database thread and return its value, or raise what it raised.

        Raises StoreUnavailableError or StoreError when the database fails. The function may run a second time when its
        connection turns out to be lost: it must not mind.
        """
        if self._closed:
            raise StoreError("The store is closed.")
        future: asyncio.Future[T] = self._reading_patience.future()
        self._reads.add((lambda: function(*args, **kwargs), future))
        return await future

    async def read_one(
        self, find: Callable[[ReadRows], T], then: Callable[[T], R], *, has_more: Callable[[T], bool]
    ) -> R:
        """Return `then(find(rows))`: one row found by an index, then the rows that belong to it.

        `find` runs its queries by `rows` alone; on SQLite it runs on the event loop (see `NearReads`), else on a
        reading thread. `then` runs on a reading thread if `has_more(found)`, else where `find` ran. Both together take
        one visit to a thread at most.

        Raises StoreError and StoreUnavailableError as `read` does, and what the functions raise.
        """
        inline = self._find_inline(find)
        if inline is None:
            return await self.read(lambda: then(find(read_rows)))
        (found,) = inline
        return await self.read(then, found) if has_more(found) else then(found)

    async def catalogue(self) -> Catalogue:
        """Return the current catalogue (see `sessions_store.catalogue.loaded.current`).

        Raises StoreUnavailableError when it must be loaded and the database does not answer.
        """
        try:
            return await current()
        except Error as error:
            if (reason := storage_fault(error)) is None:
                raise
            self.begin_outage(reason)
            raise StoreUnavailableError(f"The catalogue cannot be loaded: {reason}.") from error

    async def close(self) -> None:
        """Write what is queued, then end the threads and close their connections."""
        if self._closed:
            return
        self._closed = True
        self._near.close()  # before the others: the last one to leave the database empties its log, if it can write
        self._writes.flush()
        self._writes.queue.put(None)
        self._reads.flush()
        for _ in self._threads[1:]:
            self._reads.queue.put(None)
        await asyncio.to_thread(self._join)
        reset()
        self._patience.stop()
        self._reading_patience.stop()

    async def _write(self, work: ExchangeRecord | Call, *, within: float = 0.0, at_once: bool = False) -> Any:
        if self._closed:
            raise StoreError("The store is closed.")
        if self._outage.reason is not None and not (isinstance(work, ExchangeRecord) and was_paid(work)):
            raise StoreUnavailableError(f"Nothing can be recorded: {self._outage.reason}.")
        if self._pending >= MAX_PENDING:
            self.begin_outage(BEHIND)
            raise StoreUnavailableError("Too many requests are waiting to be recorded.")
        future = self._patience.future()
        self._writes.add((work, future), within=within, at_once=at_once)
        self._pending += 1
        try:
            return await future
        finally:
            self._pending -= 1

    def _find_inline(self, find: Callable[[ReadRows], T]) -> tuple[T] | None:
        """Return (row,), or None if the read must go through a reading thread."""
        if self._closed:
            return None
        if self._outage.reason is not None:
            self._near.pause()  # a failing disk must not block the loop
            return None
        return self._near.look_up(find)

    def _join(self) -> None:
        self._listener.stop()
        for thread in self._threads:
            thread.join()

    def _write_for_ever(self) -> None:
        try:
            while (batch := take(self._writes.queue, MAX_BATCH, self._until_probe())) is not None:
                for jobs in _runs_of_a_kind(batch):
                    exchanges = isinstance(jobs[0][0], ExchangeRecord)
                    deliver(self._loop, self._commit(jobs) if exchanges else self._run(jobs))
                    del jobs
                del batch  # large records must not stay until the next one comes
                if self._outage.reason is not None and monotonic() >= self._probe_at:
                    self._try_again()
            if self._owed:
                self._try_again()
            if self._owed:
                log.error("%d requests that Gemini answered have no usage record", len(self._owed))
        finally:
            connections.close_all()

    def _read_for_ever(self) -> None:
        try:
            while (batch := self._reads.queue.get()) is not None:
                deliver(self._loop, self._run(batch))
                del batch
        finally:
            connections.close_all()

    def _commit(self, jobs: Sequence[Job]) -> list[Delivery]:
        records = [unacknowledged(record) if gave_up(future) else record for record, future in jobs]
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
        return [(future, _told(outcome)) for (_, future), outcome in zip(jobs, outcomes, strict=True)]

    def _run(self, jobs: Sequence[Job]) -> list[Delivery]:
        deliveries = []
        for call, future in jobs:
            if gave_up(future):
                continue
            outcome = attempt(call)
            reason = storage_fault(outcome.error)
            if reason is not None:
                self.begin_outage(reason)
            deliveries.append((future, _told(outcome)))
        return deliveries

    def begin_outage(self, reason: str) -> None:
        """Refuse what comes, and let the writing thread find out when that is over. For any thread."""
        if self._outage.begin(reason):
            self._probe_at = monotonic() + PROBE_SECONDS
            self._writes.queue.put([])  # wakes the thread, which else would wait for work

    def _until_probe(self) -> float | None:
        return None if self._outage.reason is None else max(self._probe_at - monotonic(), 0.0)

    def _try_again(self) -> None:
        """Write what is owed, then anything; the outage ends when both can be done."""
        while batch := self._owed[:MAX_BATCH]:
            # One after the other where one is refused for what it is itself: that one is lost, and logged.
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
            drop_connection()  # another server may have taken over


def _runs_of_a_kind(batch: Sequence[Job]) -> list[list[Job]]:
    """Split a batch where exchanges and other writes meet: all keep their order."""
    return [list(jobs) for _, jobs in groupby(batch, key=lambda job: isinstance(job[0], ExchangeRecord))]


def _in_transaction(call: Call) -> Any:
    with transaction.atomic(durable=True):
        return call()


def _told(outcome: Outcome) -> Outcome:
    """Return the outcome with the database's own errors told as a StoreError, one for each waiter."""
    if not isinstance(outcome.error, Error):
        return outcome
    told = Outcome()
    unavailable = storage_fault(outcome.error) is not None
    told.error = (StoreUnavailableError if unavailable else StoreError)(
        f"The database rejected the record ({type(outcome.error).__name__})."
    )
    told.error.__cause__ = outcome.error
    return told
