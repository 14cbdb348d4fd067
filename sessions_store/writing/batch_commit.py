"""The commit of one batch: its size, the wait for further records, retries, and the isolation of a rejected record.

The threads and queues around it are in `store`, the statements in `writer`.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db import Error, IntegrityError, InterfaceError, OperationalError, connection

from sessions_store.writing.records import ExchangeRecord
from sessions_store.writing.storage_health import FULL, LOCKED, OUT_OF_REACH, bare, storage_fault, was_paid
from sessions_store.writing.thread_bridge import CallOutcome
from sessions_store.writing.writer import write_batch

log = logging.getLogger(__name__)

MAX_BATCH: Final = 256  # records of one transaction
# A commit costs nearly the same for one record as for several. A record therefore waits for the records of other
# exchanges in flight: one hundredth of its own exchange's duration, within these bounds (seconds).
GATHER_SHARE: Final = 0.01
GATHER_LEAST: Final = 0.008
GATHER_MOST: Final = 0.025


def gather_seconds(record: ExchangeRecord) -> float:
    """Return how many seconds a record may wait for further records."""
    return min(max(record.usage.latency_ms / 1000 * GATHER_SHARE, GATHER_LEAST), GATHER_MOST)


def commit_batch(records: Sequence[ExchangeRecord], *, uncertain: bool = False) -> list[CallOutcome]:
    """Commit records in one transaction, or each on its own if that fails; return one outcome per record, in order.

    `uncertain`: an earlier attempt may have committed these records (see `write_batch`); a lost connection is then not
    retried.
    """
    with (together := CallOutcome()):
        together.value = write_batch(records, uncertain=uncertain)
    if isinstance(together.error, IntegrityError):
        # Another worker stored one of the same messages at the same time: the second attempt finds that message.
        with (together := CallOutcome()):
            together.value = write_batch(records, uncertain=uncertain)
    if not uncertain and _may_pass(together.error):
        # The first attempt may have committed before the connection broke: the second attempt looks first.
        log.warning("Recording %d requests failed (%s); retrying", len(records), type(together.error).__name__)
        drop_connection()
        with (together := CallOutcome()):
            together.value = write_batch(records, uncertain=True)
    if together.error is None:
        return [CallOutcome(committed) for committed in together.value]
    reason = storage_fault(together.error)
    if reason is not None or len(records) == 1 or isinstance(together.error, (OperationalError, InterfaceError)):
        if reason not in {FULL, LOCKED}:
            drop_connection()
        if reason is None:
            log.error("%d requests could not be recorded (%s)", len(records), type(together.error).__name__)
            for record in filter(was_paid, records):
                _record_bare(record)
        return [together] * len(records)
    return [outcome for record in records for outcome in commit_batch([record], uncertain=uncertain)]


def _record_bare(record: ExchangeRecord) -> None:
    """Record only the usage of a record that the database rejected; its caller gets the error."""
    if (outcome := attempt(lambda: write_batch([bare(record)], uncertain=True))).error is not None:
        log.error("A request that Gemini answered has no usage record (%s)", type(outcome.error).__name__)


def _may_pass(error: Exception | None) -> bool:
    """Return whether a second attempt may succeed: after a lost connection or a deadlock."""
    return isinstance(error, (OperationalError, InterfaceError)) and storage_fault(error) in {None, OUT_OF_REACH}


def attempt(call: Callable[[], Any]) -> CallOutcome:
    """Return the outcome of a call; a call that failed on a lost connection runs once more on a new one."""
    with (outcome := CallOutcome()):
        outcome.value = call()
    if isinstance(outcome.error, Error) and not _usable():
        drop_connection()
        with (outcome := CallOutcome()):
            outcome.value = call()
    return outcome


def _usable() -> bool:
    with (usable := CallOutcome(False)):
        usable.value = connection.is_usable()
    return bool(usable.value)


def drop_connection() -> None:
    """Close this thread's connection; Django opens a new one at the next query."""
    with CallOutcome():  # closing a broken connection may itself fail
        connection.close()
