"""Tool results under the call ids of the stored assistant message.

The same assistant message after the same history is one node, with the call ids of its first occurrence. A client's
tool results after a later occurrence have other call ids. `ToolCall` has the call ids of all occurrences.
"""

from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from sessions_store.database.cursors import read_rows
from sessions_store.database.sql import from_texts, within_ids
from sessions_store.transcript.canonical import call_ids_of, stored_call_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions_store.transcript.stored_messages import StoredMessage

_IDS = "SELECT message_id, call_id, position FROM sessions_store_toolcall WHERE {among}"


def with_matching_ids(path: "Sequence[StoredMessage]") -> "list[StoredMessage]":
    """Return a path of messages, oldest first, in which each tool result has the call id of its stored assistant
    message.
    """
    unmatched = _unmatched_results(path)
    if not unmatched:
        return list(path)
    calling_messages = _calling_messages(path)
    places = {path[place].id: place for place in calling_messages}
    known: dict[str, list[tuple[int, int]]] = {}
    for node, call_id, position in read_rows(_IDS.format(among=within_ids("message_id")), [from_texts(places)]):
        known.setdefault(call_id, []).append((places[node], position))
    for made in known.values():
        made.sort()
    own_sets = {place: frozenset(ids) for place, ids in calling_messages.items()}
    matched = list(path)
    for index, message in unmatched.items():
        made = known.get(stored_call_id(message["tool_call_id"]), [])
        before = bisect_left(made, (index,))
        if not before:
            continue
        calling_message, position = made[before - 1]
        own_ids = calling_messages[calling_message]
        if message["tool_call_id"] not in own_sets[calling_message] and position < len(own_ids):
            renamed = message | {"tool_call_id": own_ids[position]}
            matched[index] = replace(path[index], openai=orjson.dumps(renamed).decode())
    return matched


def _calling_messages(path: "Sequence[StoredMessage]") -> dict[int, list[str]]:
    """Return the call ids of each assistant message with tool calls, by its index in the path."""
    answers = ((place, stored) for place, stored in enumerate(path) if stored.role == "assistant")
    ids = ((place, call_ids_of(orjson.loads(stored.openai))) for place, stored in answers)
    return {place: own for place, own in ids if own}


def _unmatched_results(path: "Sequence[StoredMessage]") -> dict[int, dict[str, Any]]:
    """Return the tool results, by index in the path, whose call id is not one of the preceding assistant message's."""
    found: dict[int, dict[str, Any]] = {}
    before = -1
    own_ids: frozenset[str] | None = None
    for index, stored in enumerate(path):
        if stored.role == "assistant":
            before, own_ids = index, None
        elif stored.role == "tool":
            if own_ids is None:
                own_ids = frozenset(call_ids_of(orjson.loads(path[before].openai)) if before >= 0 else ())
            message = orjson.loads(stored.openai)
            if message.get("tool_call_id") not in own_ids and "tool_call_id" in message:
                found[index] = message
    return found
