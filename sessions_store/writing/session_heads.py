"""Moves the heads of chat sessions inside the writer's transaction: lock, compare, place late messages, set."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson

from sessions_store.database.cursors import Cursor, is_sqlite
from sessions_store.database.sql import from_datetime, to_datetime, without_nul
from sessions_store.transcript.canonical import NodeId, NodeKey
from sessions_store.transcript.placement import ROOT, Place, read_places_by_id
from sessions_store.writing.records import ExchangeRecord, SessionUpdate

HeadKey = tuple[int, str, str]
NewSession = tuple[SessionUpdate, ExchangeRecord]  # the data of a new session
TITLE_LENGTH = 80

_ACTIVE = (
    'SELECT session.id, session.public_id, session.principal_id, session."user", session.name, session.head_id,'
    " session.message_count, session.last_active_at, head.key, head.id, head.depth, head.instructions"
    " FROM sessions_store_chatsession session LEFT JOIN sessions_store_message head ON head.id = session.head_id"
    " WHERE "
)
# Each condition uses one unique index: a user may have any number of sessions, and so may clients that send only a
# session name.
_BY_NAME = '(session.principal_id = %s AND session."user" = %s AND session.name = %s AND session.ended_at IS NULL)'
_BY_PUBLIC_ID = _BY_NAME.replace("session.name", "session.public_id")
_CREATE = (
    "INSERT INTO sessions_store_chatsession"
    ' (public_id, principal_id, "user", name, title, head_id, message_count, started_at, last_active_at, ended_at)'
    " VALUES "
)
_CREATED = "(%s, %s, %s, %s, %s, %s, %s, %s, %s, NULL)"
_THEIR_IDS = ' RETURNING id, principal_id, "user", name'
_END = "UPDATE sessions_store_chatsession SET ended_at = last_active_at WHERE id = %s"
_SAVE = "UPDATE sessions_store_chatsession SET head_id = %s, message_count = %s, last_active_at = %s WHERE id = %s"


@dataclass(slots=True, kw_only=True)
class ActiveSession:
    """An active session in this transaction; `place` is the place of its head.

    A stored session is locked until the commit; a new session has id 0 until `save`.
    """

    id: int = 0
    public_id: str
    head: NodeKey | None = None
    place: Place = ROOT
    message_count: int = 0
    last_active_at: datetime


class SessionHeads:
    """The sessions of one batch. The exchanges of one session apply in the order of the batch."""

    def __init__(self, cursor: Cursor, records: Sequence[ExchangeRecord]) -> None:
        self._cursor = cursor
        self._found: dict[HeadKey, ActiveSession] = {}  # locked sessions, by name and by public id
        self._sessions: dict[HeadKey, ActiveSession] = {}
        wanted: dict[HeadKey, NewSession] = {}
        for record in records:
            if (update := record.session) is not None:
                wanted.setdefault(_key(update), (update, record))
        if wanted:
            self._lock(list(wanted))
        self._new = {key: opening for key, opening in wanted.items() if not self._continues(key, opening[0])}
        self._begin()
        self._sessions = {key: self._found[key] for key in wanted}

    def places(self) -> dict[NodeKey | None, Place]:
        """Return the places of the root and of the current heads."""
        return {None: ROOT, **{session.head: session.place for session in self._sessions.values()}}

    def session(self, update: SessionUpdate) -> ActiveSession:
        """Return the session of an update."""
        return self._sessions[_key(update)]

    def save(self) -> None:
        """Update the stored sessions, and insert the new ones in one statement.

        Raises IntegrityError if another worker has inserted one of the new sessions: a second attempt finds that
        session.
        """
        rows = {
            session.id: [session.place.id, session.message_count, from_datetime(session.last_active_at), session.id]
            for session in self._sessions.values()
            if session.id
        }
        self._cursor.executemany(_SAVE, list(rows.values()))
        if self._new:
            # Sorted: two writers that insert the same sessions cannot deadlock.
            values = [value for key in sorted(self._new) for value in self._values(key)]
            created = self._cursor.rows(_CREATE + ", ".join([_CREATED] * len(self._new)) + _THEIR_IDS, values)
            for number, *key in created:
                self._sessions[key[0], key[1], key[2]].id = number

    def _begin(self) -> None:
        """Create the sessions that are not stored."""
        # A client may refer to a session by its public id before the first exchange of that session is committed.
        named = {(*key[:2], update.public_id) for key, (update, _) in self._new.items()}
        self._new = {key: opening for key, opening in self._new.items() if not key[2] or key not in named}
        for key, (update, _) in self._new.items():
            session = ActiveSession(public_id=update.public_id or f"sess_{uuid4().hex}", last_active_at=update.now)
            self._found[key] = self._found[key[0], key[1], session.public_id] = session

    def _values(self, key: HeadKey) -> tuple[Any, ...]:
        """Return the row of a new session."""
        session, (update, record) = self._sessions[key], self._new[key]
        title = update.title or _title(record)
        return (
            session.public_id,
            *key,
            without_nul(title),
            session.place.id,
            session.message_count,
            from_datetime(update.now),
            from_datetime(session.last_active_at),
        )

    def _continues(self, key: HeadKey, update: SessionUpdate) -> bool:
        """Return whether the name has an active session; ends the session if it has expired."""
        found = self._found.get(key)
        if found is None or not _is_idle(found, update):
            return found is not None
        self._cursor.execute(_END, [found.id])
        self._found = {other: session for other, session in self._found.items() if session is not found}
        return False

    def _lock(self, keys: Sequence[HeadKey]) -> None:
        named = [key for key in keys if key[2]]
        statement = _ACTIVE + " OR ".join([_BY_NAME] * len(keys) + [_BY_PUBLIC_ID] * len(named))
        if not is_sqlite():  # SQLite's IMMEDIATE transaction holds the only write lock already
            statement += " ORDER BY session.id FOR UPDATE OF session"
        found = self._cursor.rows(statement, [part for key in (*keys, *named) for part in key])
        moved: dict[NodeId, list[ActiveSession]] = {}
        for row in found:
            session = _session(row)
            if row[5] != row[9]:
                moved.setdefault(row[5], []).append(session)
            self._found[row[2], row[3], row[4]] = session
            self._found.setdefault((row[2], row[3], row[1]), session)
        # The heads were read before the lock was acquired: read the current heads.
        for number, (key, place) in (read_places_by_id(self._cursor, list(moved)) if moved else {}).items():
            for session in moved[number]:
                session.head, session.place = key, place


def _key(update: SessionUpdate) -> HeadKey:
    return update.principal_id, update.user, update.name


def _is_idle(session: ActiveSession, update: SessionUpdate) -> bool:
    return update.session_id != session.id and update.now - session.last_active_at > update.idle


def _session(row: tuple[Any, ...]) -> ActiveSession:
    session = ActiveSession(id=row[0], public_id=row[1], message_count=row[6], last_active_at=to_datetime(row[7]))
    if row[9] is not None:
        session.head, session.place = row[8], Place(*row[9:])
    return session


def _title(record: ExchangeRecord) -> str:
    """Return the beginning of the first user message on one line."""
    for message in record.messages:
        if message.role == "user" and message.openai:
            content = orjson.loads(message.openai).get("content")
            parts = content if isinstance(content, list) else [{"text": content}]
            texts = [part.get("text") for part in parts if isinstance(part, dict)]
            title = " ".join(" ".join(text for text in texts if isinstance(text, str)).split())
            return title if len(title) <= TITLE_LENGTH else title[: TITLE_LENGTH - 1] + "…"
    return ""
