"""Placing new messages in the transcript tree: their depth and instructions, and re-hanging them elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import orjson

from sessions_store.canonical import answered_position, call_ids_of, canonical_message, node_id
from sessions_store.cursors import Cursor
from sessions_store.records import NewMessage
from sessions_store.sql import from_uuids, to_uuid, within

INSTRUCTION_ROLES = frozenset({"system", "developer"})


@dataclass(frozen=True, slots=True)
class Place:
    """What a child inherits from a stored node."""

    depth: int
    instructions: UUID | None


ROOT = Place(-1, None)
_PLACES = "SELECT id, depth, instructions FROM sessions_store_message WHERE {among}"


def read_places(cursor: Cursor, ids: set[UUID | None]) -> dict[UUID | None, Place]:
    """Return the places of those nodes that are stored."""
    wanted = [key for key in ids if key is not None]
    if not wanted:
        return {}
    cursor.execute(_PLACES.format(among=within("id")), [from_uuids(wanted)])
    return {
        to_uuid(key): Place(depth, None if instructions is None else to_uuid(instructions))
        for key, depth, instructions in cursor.fetchall()
    }


def outer_parents(messages: Sequence[NewMessage]) -> set[UUID | None]:
    """Return the parents that are not among the messages themselves."""
    return {message.parent for message in messages} - {message.id for message in messages}


def rehang(
    principal_id: int, messages: Sequence[NewMessage], moved: Mapping[UUID | None, UUID | None]
) -> tuple[list[NewMessage], dict[UUID, UUID]]:
    """Hang messages under other parents: `moved` maps outer parents to new ones.

    Returns the messages with the ids that follow from it, and old ids to new ids. Messages come parents first.
    """
    renamed: dict[UUID, UUID] = {}
    rehung: list[NewMessage] = []
    calls: dict[UUID | None, tuple[list[str], int]] = {}  # per node: the calls of the last assistant, results since
    for message in messages:
        parent = message.parent
        parent = renamed[parent] if parent in renamed else moved.get(parent, parent)
        body = orjson.loads(message.openai)
        call_ids, results = calls.get(parent, ([], 0))
        position = 0
        if message.role in {"tool", "function"}:
            position = answered_position(body, call_ids, results)
            results += 1
        elif message.role == "assistant":
            call_ids, results = call_ids_of(body), 0
        key = node_id(principal_id, parent, canonical_message(body, position=position))
        calls[key] = (call_ids, results)
        renamed[message.id] = key
        rehung.append(replace(message, id=key, parent=parent))
    return rehung, renamed
