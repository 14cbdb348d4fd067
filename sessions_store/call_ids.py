"""Results under the ids of the calls that they answer.

The same answer given twice after the same words is one node, with the call ids of its first time; what a client sent
after the second time names the second ones. `ToolCall` knows all of them.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from sessions_store.canonical import NodeId, call_ids_of
from sessions_store.cursors import read_rows
from sessions_store.sql import from_texts, within_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions_store.transcript import StoredMessage

_IDS = "SELECT message_id, call_id, position FROM sessions_store_toolcall WHERE {among}"


def with_matching_ids(path: "Sequence[StoredMessage]") -> "list[StoredMessage]":
    """Return a stretch of a conversation in which each result names its call as the answer before it does."""
    strangers = _strangers(path)
    if not strangers:
        return list(path)
    known: dict[tuple[NodeId, str], int] = {}
    makers = {path[maker].id for maker, _, _ in strangers.values()}
    for node, call_id, position in read_rows(_IDS.format(among=within_ids("message_id")), [from_texts(makers)]):
        known[node, call_id] = position
    matched = list(path)
    for index, (maker, own_ids, message) in strangers.items():
        position = known.get((path[maker].id, message["tool_call_id"]))
        if position is not None and position < len(own_ids):
            renamed = message | {"tool_call_id": own_ids[position]}
            matched[index] = replace(path[index], openai=orjson.dumps(renamed).decode())
    return matched


def _strangers(path: "Sequence[StoredMessage]") -> dict[int, tuple[int, list[str], dict[str, Any]]]:
    """Return the results whose call is not named so by the answer before them: its index, its own ids, the result."""
    found: dict[int, tuple[int, list[str], dict[str, Any]]] = {}
    maker, own_ids = -1, []
    for index, stored in enumerate(path):
        if stored.role != "tool":
            continue
        before = index - 1
        while before > maker and path[before].role == "tool":
            before -= 1
        if before > maker and path[before].role == "assistant":
            maker, own_ids = before, call_ids_of(orjson.loads(path[before].openai))
        message = orjson.loads(stored.openai)
        if maker >= 0 and message.get("tool_call_id") not in own_ids:
            found[index] = (maker, own_ids, message)
    return found
