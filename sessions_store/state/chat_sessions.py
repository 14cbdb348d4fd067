"""Finds, lists and erases the chat sessions of a principal's users."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sessions_store.database.cursors import ReadRows, read_rows
from sessions_store.database.sql import to_datetime
from sessions_store.erasing.erasure import erase_session, erase_sessions
from sessions_store.transcript.canonical import NodeKey

__all__ = ["SessionState", "SessionSummary", "erase_session", "erase_sessions", "find_session", "list_sessions"]

LIST_LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """The state of an active session; `head` is the key of its last message."""

    id: int
    public_id: str
    head: NodeKey | None
    message_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """A session in a list; `id` identifies the next page. `active` is False after the session has expired."""

    id: int
    public_id: str
    user: str
    name: str
    title: str
    messages: int
    started_at: datetime
    last_active_at: datetime
    active: bool


_STATE = """
SELECT session.id, session.public_id, head.key, session.message_count, session.last_active_at, {choice} AS choice
  FROM sessions_store_chatsession session LEFT JOIN sessions_store_message head ON head.id = session.head_id
 WHERE session.principal_id = %s AND session."user" = %s AND session.ended_at IS NULL AND {condition}
"""
# Each condition uses one unique index: a user may have any number of sessions, and so may clients that send only a
# session name.
_BY_NAME = _STATE.format(choice=1, condition="session.name = %s")
_BY_PUBLIC_ID = _STATE.format(choice=2, condition="session.public_id = %s")
_BY_EITHER = f"{_BY_NAME} UNION ALL {_BY_PUBLIC_ID} ORDER BY choice"
_LIST = """
SELECT id, public_id, "user", name, title, message_count, started_at, last_active_at, ended_at
  FROM sessions_store_chatsession WHERE principal_id = %s AND (%s = '' OR "user" = %s) AND id < %s
 ORDER BY id DESC LIMIT %s
"""
_ABOVE_ALL_IDS = 2**63 - 1


def find_session(
    principal_id: int, user: str, name: str = "", *, now: datetime, idle: timedelta, rows: ReadRows = read_rows
) -> SessionState | None:
    """Return the active session of that name or public id; None if there is none, or after more than `idle` of
    inactivity.
    """
    wanted = [principal_id, user, name]
    for key, public_id, head, count, last_active_at, _ in (
        rows(_BY_EITHER, wanted * 2) if name else rows(_BY_NAME, wanted)
    ):
        if to_datetime(last_active_at) >= now - idle:
            return SessionState(id=key, public_id=public_id, head=head, message_count=count)
    return None


def list_sessions(
    principal_id: int, *, user: str = "", limit: int = LIST_LIMIT, before: int = _ABOVE_ALL_IDS
) -> list[SessionSummary]:
    """Return a principal's sessions, newest first, of one user or of all; `before` is the id of the previous page's
    last one.
    """
    return [_summary(row) for row in read_rows(_LIST, [principal_id, user, user, before, limit])]


def _summary(row: tuple[Any, ...]) -> SessionSummary:
    return SessionSummary(
        id=row[0],
        public_id=row[1],
        user=row[2],
        name=row[3],
        title=row[4],
        messages=row[5],
        started_at=to_datetime(row[6]),
        last_active_at=to_datetime(row[7]),
        active=row[8] is None,
    )
