"""Moving the heads of chat sessions inside the writer's transaction: compare, re-hang what came too late, set."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson

from sessions_store.canonical import Key as NodeKey
from sessions_store.cursors import Cursor, is_sqlite
from sessions_store.records import ExchangeRecord, SessionUpdate
from sessions_store.sql import from_datetime, from_uuid, to_datetime, to_uuid, without_nul
from sessions_store.tree import ROOT, Place, place_of, read_places_by_id

Key = tuple[int, str, str]
TITLE_LENGTH = 80

_ACTIVE = (
    'SELECT session.id, session.public_id, session.principal_id, session."user", session.name, session.head_id,'
    " session.message_count, session.last_active_at, head.key, head.id, head.depth, head.instructions"
    " FROM sessions_store_chatsession session LEFT JOIN sessions_store_message head ON head.id = session.head_id"
    " WHERE "
)
# Each by one unique index: a user may have any number of sessions, and so may clients that name sessions only.
_BY_NAME = '(session.principal_id = %s AND session."user" = %s AND session.name = %s AND session.ended_at IS NULL)'
_BY_PUBLIC_ID = _BY_NAME.replace("session.name", "session.public_id")
_CREATE = (
    "INSERT INTO sessions_store_chatsession"
    ' (public_id, principal_id, "user", name, title, head_id, message_count, started_at, last_active_at, ended_at)'
    " VALUES "
)
_CREATED = "(%s, %s, %s, %s, %s, NULL, 0, %s, %s, NULL)"
_UNLESS_BEGUN = (
    ' ON CONFLICT (principal_id, "user", name) WHERE ended_at IS NULL DO NOTHING'
    ' RETURNING id, principal_id, "user", name'
)
_END = "UPDATE sessions_store_chatsession SET ended_at = last_active_at WHERE id = %s"
_SAVE = "UPDATE sessions_store_chatsession SET head_id = %s, message_count = %s, last_active_at = %s WHERE id = %s"


@dataclass(slots=True, kw_only=True)
class Session:
    """An active session as this transaction sees it, locked until the commit; `place` is that of its head."""

    id: int
    public_id: str
    head: NodeKey | None = None
    place: Place = ROOT
    message_count: int
    last_active_at: datetime


class SessionHeads:
    """The sessions of one batch. Several exchanges of one session take their turns in the batch's order."""

    def __init__(self, cursor: Cursor, records: Sequence[ExchangeRecord]) -> None:
        self._cursor = cursor
        self._found: dict[Key, Session] = {}  # as locked, under the name and under the public id
        self._sessions: dict[Key, Session] = {}
        wanted: dict[Key, ExchangeRecord] = {}
        for record in records:
            if record.session is not None:
                wanted.setdefault(_key(record.session), record)
        if wanted:
            self._lock(list(wanted))
        # In one order everywhere: two writers that begin the same sessions must not wait for each other.
        new = [(key, wanted[key]) for key in sorted(wanted) if not self._goes_on(key, wanted[key])]
        # A client may name a session by its public id while the exchange that begins it is under way.
        named = {(*key[:2], record.session.public_id) for key, record in new if record.session is not None}
        self._begin([(key, record) for key, record in new if not key[2] or key not in named])
        self._sessions = {key: self._found[key] for key in wanted}

    def places(self) -> dict[NodeKey | None, Place]:
        """Return the places of the root and of the present heads."""
        return {None: ROOT, **{session.head: session.place for session in self._sessions.values()}}

    def session(self, update: SessionUpdate) -> Session:
        """Return the session that an update belongs to."""
        return self._sessions[_key(update)]

    def save(self) -> None:
        """Write the sessions back."""
        rows = {
            session.id: [
                from_uuid(session.place.id),
                session.message_count,
                from_datetime(session.last_active_at),
                session.id,
            ]
            for session in self._sessions.values()
        }
        self._cursor.executemany(_SAVE, list(rows.values()))

    def _goes_on(self, key: Key, record: ExchangeRecord) -> bool:
        """Whether there is an active session of that name; one that was idle too long comes to rest here."""
        update = record.session
        found = self._found.get(key)
        if found is None or update is None or not _rests(found, update):
            return found is not None
        self._cursor.execute(_END, [found.id])
        self._found = {other: session for other, session in self._found.items() if session is not found}
        return False

    def _lock(self, keys: Sequence[Key]) -> None:
        named = [key for key in keys if key[2]]
        statement = _ACTIVE + " OR ".join([_BY_NAME] * len(keys) + [_BY_PUBLIC_ID] * len(named))
        if not is_sqlite():  # SQLite's IMMEDIATE transaction holds the only write lock already
            statement += " ORDER BY session.id FOR UPDATE OF session"
        self._cursor.execute(statement, [part for key in (*keys, *named) for part in key])
        moved: dict[UUID, list[Session]] = {}
        for row in self._cursor.fetchall():
            session = _session(row)
            if row[5] != row[9]:
                moved.setdefault(to_uuid(row[5]), []).append(session)
            self._found[row[2], row[3], row[4]] = session
            self._found.setdefault((row[2], row[3], row[1]), session)
        # These heads were read before the lock was held: they belong to the heads before.
        for number, (key, place) in (read_places_by_id(self._cursor, list(moved)) if moved else {}).items():
            for session in moved[number]:
                session.head, session.place = key, place

    def _begin(self, new: Sequence[tuple[Key, ExchangeRecord]]) -> None:
        """Begin sessions, all in one statement."""
        if not new:
            return
        begun: dict[Key, Session] = {}
        parameters: list[Any] = []
        for key, record in new:
            update = record.session
            now = record.usage.started_at if update is None else update.now
            public_id = (update.public_id if update else "") or f"sess_{uuid4().hex}"
            title = (update.title if update else "") or _title(record)
            begun[key] = Session(id=0, public_id=public_id, message_count=0, last_active_at=now)
            parameters += (public_id, *key, without_nul(title), from_datetime(now), from_datetime(now))
        self._cursor.execute(_CREATE + ", ".join([_CREATED] * len(new)) + _UNLESS_BEGUN, parameters)
        for number, *names in self._cursor.fetchall():
            key = (names[0], names[1], names[2])
            session = begun.pop(key)
            session.id = number
            self._found[key] = self._found[key[0], key[1], session.public_id] = session
        if begun:  # another worker began these since we looked
            self._lock(list(begun))


def _key(update: SessionUpdate) -> Key:
    return update.principal_id, update.user, update.name


def _rests(session: Session, update: SessionUpdate) -> bool:
    return update.session_id != session.id and update.now - session.last_active_at > update.idle


def _session(row: tuple[Any, ...]) -> Session:
    session = Session(id=row[0], public_id=row[1], message_count=row[6], last_active_at=to_datetime(row[7]))
    if row[9] is not None:
        session.head, session.place = NodeKey(to_uuid(row[8])), place_of(row[9:])
    return session


def _title(record: ExchangeRecord) -> str:
    """The beginning of the first user message, on one line."""
    for message in record.messages:
        if message.role == "user" and message.openai:
            content = orjson.loads(message.openai).get("content")
            parts = content if isinstance(content, list) else [{"text": content}]
            texts = [part.get("text") for part in parts if isinstance(part, dict)]
            title = " ".join(" ".join(text for text in texts if isinstance(text, str)).split())
            return title if len(title) <= TITLE_LENGTH else title[: TITLE_LENGTH - 1] + "…"
    return ""
