"""Placement of new messages in the transcript tree: ids, depth, instructions, and the move to another parent."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from secrets import randbits
from time import time_ns

import orjson

from sessions_store.database.cursors import Cursor
from sessions_store.database.sql import from_texts, within_ids
from sessions_store.transcript.canonical import NodeId, NodeKey, answered_position, call_positions, message_key
from sessions_store.transcript.values import RESULT_ROLES
from sessions_store.writing.records import NewMessage


@dataclass(frozen=True, slots=True)
class Place:
    """A stored node: its id and the values that a child inherits. The root has no id."""

    id: NodeId | None
    depth: int
    instructions: NodeId | None


ROOT = Place(None, -1, None)
_PLACES = "SELECT key, id, depth, instructions FROM sessions_store_message WHERE {among}"


def new_ids() -> Iterator[NodeId]:
    """Yield ids for new nodes: UUIDs of version 7 (RFC 9562), ascending."""
    moment = time_ns() // 1_000_000
    number = moment << 80 | 7 << 76 | randbits(12) << 64 | 0b10 << 62 | randbits(61)
    while True:
        yield NodeId(f"{number:032x}")
        number += 1


def read_places(cursor: Cursor, keys: set[NodeKey | None]) -> dict[NodeKey, Place]:
    """Return the places of the stored nodes among `keys`."""
    return _read(cursor, "key", [key for key in keys if key is not None])


def read_places_by_id(cursor: Cursor, ids: Sequence[NodeId]) -> dict[NodeId, tuple[NodeKey, Place]]:
    """Return the key and place of stored nodes by id."""
    return {place.id: (key, place) for key, place in _read(cursor, "id", ids).items() if place.id is not None}


def outer_parents(messages: Sequence[NewMessage]) -> set[NodeKey | None]:
    """Return the parents that are not among the messages."""
    return {message.parent for message in messages} - {message.key for message in messages}


def rehang(
    principal_id: int, messages: Sequence[NewMessage], moved: Mapping[NodeKey | None, NodeKey | None]
) -> tuple[list[NewMessage], dict[NodeKey, NodeKey]]:
    """Move messages to other parents: `moved` maps outer parents to new ones.

    Returns the messages under their new keys, and a mapping of old keys to new ones. Parents precede children.
    """
    renamed: dict[NodeKey, NodeKey] = {}
    rehung: list[NewMessage] = []
    calls: dict[
        NodeKey | None, tuple[Mapping[str, int], int]
    ] = {}  # by node: calls of the last assistant message, results since
    for message in messages:
        parent = message.parent
        parent = renamed[parent] if parent in renamed else moved.get(parent, parent)
        body = orjson.loads(message.openai)
        positions, results = calls.get(parent, ({}, 0))
        position = 0
        if message.role in RESULT_ROLES:
            position = answered_position(body, positions, results)
            results += 1
        elif message.role == "assistant":
            positions, results = call_positions(body), 0
        key = message_key(principal_id, parent, body, position=position)
        calls[key] = (positions, results)
        renamed[message.key] = key
        rehung.append(replace(message, key=key, parent=parent))
    return rehung, renamed


def _read(cursor: Cursor, column: str, wanted: Sequence[str]) -> dict[NodeKey, Place]:
    if not wanted:
        return {}
    found = cursor.rows(_PLACES.format(among=within_ids(column)), [from_texts(wanted)])
    return {key: Place(*row) for key, *row in found}
