"""Failures of the database as a whole: their classification, the outage state, and the record of an unacknowledged
exchange.
"""

import logging
import sqlite3
from dataclasses import replace
from threading import Lock
from typing import Final
from uuid import uuid4

import orjson
from django.db import Error, InterfaceError, OperationalError, connection, transaction

from sessions_store.models import UsageRecord
from sessions_store.writing.records import ExchangeRecord, UsageRow
from sessions_store.writing.state_records import ResponseState, State

log = logging.getLogger(__name__)

UNAVAILABLE_CODE: Final = "storage_unavailable"
REFUSED_CODE: Final = "record_refused"
FULL: Final = "the database has no space left"
LOCKED: Final = "another process holds the database locked"
READ_ONLY: Final = "the database is read-only"
OUT_OF_REACH: Final = "the database is out of reach"
FAILING: Final = "the database cannot read or write its files"
SILENT: Final = "the database does not answer in time"
BEHIND: Final = "too much waits to be recorded"
_SUCCEEDED: Final = (UsageRecord.Status.OK.value, UsageRecord.Status.BLOCKED.value)

# Primary codes of https://www.sqlite.org/rescode.html. A code that is not here (SQLITE_ERROR: a statement) is not a
# fault of the database.
_SQLITE: Final = {
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_PERM: READ_ONLY,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_IOERR: FAILING,
    sqlite3.SQLITE_CANTOPEN: FAILING,
    sqlite3.SQLITE_CORRUPT: FAILING,
    sqlite3.SQLITE_NOTADB: FAILING,
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html: SQLSTATE codes, or their classes.
_POSTGRES: Final = {
    "25006": READ_ONLY,
    "53100": FULL,
    "53": OUT_OF_REACH,
    "08": OUT_OF_REACH,
    "57P": OUT_OF_REACH,
    "55P": LOCKED,
    "58": FAILING,
    "XX": FAILING,
}


def storage_fault(error: BaseException | None) -> str | None:
    """Return the reason in an operator's words if the database as a whole has failed, else None.

    A deadlock, a rejected statement and a rejected value are None: the next record may succeed.
    """
    if not isinstance(error, Error):
        return None
    cause = error.__cause__
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE.get(code & 0xFF)
    state = getattr(cause, "sqlstate", None)
    if state is not None:
        return next((found for size in (5, 3, 2) if (found := _POSTGRES.get(state[:size]))), None)
    if isinstance(cause, sqlite3.Error):
        return None  # an error of the sqlite3 module, for example about a parameter
    return OUT_OF_REACH if isinstance(error, OperationalError | InterfaceError) else None


# Far above the count of any call, and small enough that sums over many calls fit a column.
MOST_TOKENS: Final = 2**31 - 1


class Outage:
    """Whether the database accepts records, by the latest attempt. For any thread; each change is one log line.

    `reason` is None while the database accepts records.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self._lock = Lock()

    def begin(self, reason: str) -> bool:
        """Begin an outage; False if one has begun already."""
        with self._lock:
            if self.reason is not None:
                return False
            self.reason = reason
        log.error("Nothing can be recorded: %s. Requests get a 503 until the database accepts records", reason)
        return True

    def end(self) -> None:
        """End the outage."""
        with self._lock:
            self.reason = None
        log.warning("The database accepts records again")


def try_writing() -> None:
    """Insert a row and delete it, which tests disk, lock and server; raises the database's errors."""
    key = uuid4().hex
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("INSERT INTO sessions_store_upstreamrequest (id, body) VALUES (%s, '')", [key])
        cursor.execute("DELETE FROM sessions_store_upstreamrequest WHERE id = %s", [key])


def was_paid(record: ExchangeRecord) -> bool:
    """Return whether the exchange made an upstream call."""
    return record.usage.attempts > 0


def unacknowledged(record: ExchangeRecord) -> ExchangeRecord:
    """Return the record of an exchange whose response was not sent because its commit failed or timed out.

    The usage stays. A successful exchange becomes a failed one without session, conversation and stored object, since
    its client will retry. An exchange that failed, or whose client disconnected, is recorded unchanged.
    """
    usage = record.usage
    if usage.status not in _SUCCEEDED:
        return record
    failed = replace(
        usage, status=UsageRecord.Status.INTERNAL_ERROR.value, http_status=503, error_code=UNAVAILABLE_CODE
    )
    return replace(record, usage=failed, session=None, state=_failed(record.state))


def bare(record: ExchangeRecord) -> ExchangeRecord:
    """Return the usage of a rejected record without any text of Gemini or the client, so that the paid tokens are
    recorded.
    """
    usage = record.usage
    failed = UsageRow(
        request_id=usage.request_id,
        principal_id=usage.principal_id,
        owner_id=usage.owner_id,
        project_id=usage.project_id,
        key_id=usage.key_id,
        user=usage.user,
        endpoint=usage.endpoint,
        public_model=usage.public_model,
        upstream_model=usage.upstream_model,
        upstream=usage.upstream,
        stream=usage.stream,
        status=UsageRecord.Status.INTERNAL_ERROR.value,
        http_status=500,
        error_code=REFUSED_CODE,
        attempts=usage.attempts,
        prompt_tokens=_cut(usage.prompt_tokens),
        cached_tokens=_cut(usage.cached_tokens),
        completion_tokens=_cut(usage.completion_tokens),
        reasoning_tokens=_cut(usage.reasoning_tokens),
        tool_tokens=_cut(usage.tool_tokens),
        total_tokens=_cut(usage.total_tokens),
        search_queries=_cut(usage.search_queries),
        estimated=True,
        started_at=usage.started_at,
        first_byte_ms=usage.first_byte_ms,
        latency_ms=usage.latency_ms,
    )
    return ExchangeRecord(usage=failed, state=_failed(record.state), reservation=record.reservation)


def _cut(tokens: int) -> int:
    return min(max(tokens, 0), MOST_TOKENS)


def _failed(state: State | None) -> State | None:
    """Return the failed state of a background response; None for any other state, which is not stored."""
    if not isinstance(state, ResponseState) or not state.running:
        return None
    error = {"code": "server_error", "message": "The response could not be recorded."}
    body = orjson.dumps(orjson.loads(state.body) | {"status": "failed", "error": error}).decode()
    return replace(
        state, status="failed", body=body, answer=None, outputs=(), conversation=None, settings="[]", events=None
    )
