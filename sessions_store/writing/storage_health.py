"""When the database takes no records: what kind of failure says so, the state that is left, and what becomes of a
record that nobody was told of.
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

# https://www.sqlite.org/rescode.html, primary codes. What is not here (SQLITE_ERROR: a statement) is not its fault.
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
# https://www.postgresql.org/docs/current/errcodes-appendix.html: states, or their classes.
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
    """Return what is wrong with the database in an operator's words, or None if the failure is not its own.

    A deadlock, a statement that is refused, a value that does not fit say nothing about the next record.
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
        return None  # the module's own complaint, about a parameter for example
    return OUT_OF_REACH if isinstance(error, OperationalError | InterfaceError) else None


# Far above what any call counts, and far below what makes sums over many of them too large for a column.
MOST_TOKENS: Final = 2**31 - 1


class Outage:
    """Whether the database takes records, as the latest attempt showed. For any thread; each change is one log line.

    `reason` is None as long as it does.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self._lock = Lock()

    def begin(self, reason: str) -> bool:
        """Note that records are not taken; return whether that is news."""
        with self._lock:
            if self.reason is not None:
                return False
            self.reason = reason
        log.error("Nothing can be recorded: %s. Requests get a 503 until the database accepts records", reason)
        return True

    def end(self) -> None:
        """Note that records are taken again."""
        with self._lock:
            self.reason = None
        log.warning("The database accepts records again")


def try_writing() -> None:
    """Write something and take it away again, so that disk, lock and server are asked; raises as they do."""
    key = uuid4().hex
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("INSERT INTO sessions_store_upstreamrequest (id, body) VALUES (%s, '')", [key])
        cursor.execute("DELETE FROM sessions_store_upstreamrequest WHERE id = %s", [key])


def was_paid(record: ExchangeRecord) -> bool:
    """Return whether Gemini was asked."""
    return record.usage.attempts > 0


def unacknowledged(record: ExchangeRecord) -> ExchangeRecord:
    """Return the record of an exchange whose answer was withheld because it could not be recorded in time.

    What it used stays. It has failed: the session, the conversation and what is stored stand where they stood, since
    its client will ask again. An exchange that had failed already, or whose client had gone, is recorded as it was.
    """
    usage = record.usage
    if usage.status not in _SUCCEEDED:
        return record
    failed = replace(
        usage, status=UsageRecord.Status.INTERNAL_ERROR.value, http_status=503, error_code=UNAVAILABLE_CODE
    )
    return replace(record, usage=failed, session=None, state=_failed(record.state))


def bare(record: ExchangeRecord) -> ExchangeRecord:
    """Return what any database takes of a record that was refused for what it holds: its usage, without what Gemini or
    the client has worded. So what was paid for is recorded, although nobody was given the answer.
    """
    usage = record.usage
    failed = UsageRow(
        request_id=usage.request_id,
        principal_id=usage.principal_id,
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
    return ExchangeRecord(usage=failed, state=_failed(record.state))


def _cut(tokens: int) -> int:
    return min(max(tokens, 0), MOST_TOKENS)


def _failed(state: State | None) -> State | None:
    """Return the end of a background response; what was to be stored otherwise is not."""
    if not isinstance(state, ResponseState) or not state.running:
        return None
    error = {"code": "server_error", "message": "The response could not be recorded."}
    body = orjson.dumps(orjson.loads(state.body) | {"status": "failed", "error": error}).decode()
    return replace(
        state, status="failed", body=body, answer=None, outputs=(), conversation=None, settings="[]", events=None
    )
