"""Queries on the transcript tree: keys of a history, stored contents by key, and the path from a head upwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from uuid import UUID

import orjson

from sessions_store.database.cursors import read_rows
from sessions_store.database.sql import from_texts, octets, within, within_ids
from sessions_store.transcript.call_ids import with_matching_ids
from sessions_store.transcript.canonical import (
    NodeId,
    NodeKey,
    answered_position,
    call_positions,
    message_key,
    stored_call_id,
)
from sessions_store.transcript.stored_messages import StoredContent, StoredMessage
from sessions_store.transcript.values import INSTRUCTION_ROLES, RESULT_ROLES

UNBOUNDED: Final = 2**62

_KEY = "SELECT key FROM sessions_store_message WHERE id = %s"
_BY_KEY = """
SELECT key, CASE WHEN role = 'assistant' THEN gemini ELSE '' END, model, account,
       former_gemini, former_model, former_account
  FROM sessions_store_message WHERE principal_id = %s AND {among}
"""
_SENT = """
SELECT key, gemini FROM sessions_store_message WHERE principal_id = %s AND gemini <> '' AND {among}
"""
_BY_CALL_ID = """
SELECT call.call_id, call.position, message.key
  FROM sessions_store_toolcall call JOIN sessions_store_message message ON message.id = call.message_id
 WHERE call.principal_id = %s AND {among}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeLookup:
    """The stored messages of a history.

    `contents`: the Gemini contents of each stored message, newest first; an empty content for a message that is not the
    assistant's. `by_call_id`: tool-call id -> (key of the assistant message, index of the call).
    """

    contents: Mapping[NodeKey, Sequence[StoredContent]]
    by_call_id: Mapping[str, tuple[NodeKey, int]]


def message_keys(
    principal_id: int, messages: Sequence[Mapping[str, Any]], *, parent: NodeKey | None = None
) -> list[NodeKey]:
    """Return the keys of a history's nodes in order: each under its predecessor, the first under `parent`."""
    keys: list[NodeKey] = []
    positions: Mapping[str, int] = {}
    results = 0
    for message in messages:
        position = 0
        if message["role"] in RESULT_ROLES:
            position = answered_position(message, positions, results)
            results += 1
        elif message["role"] == "assistant":
            positions, results = call_positions(message), 0
        parent = message_key(principal_id, parent, message, position=position)
        keys.append(parent)
    return keys


def key_of(node: UUID | None) -> NodeKey | None:
    """Return the key of a node by its id; None without an id or if the node was erased."""
    for (key,) in read_rows(_KEY, [node.hex]) if node is not None else ():
        return NodeKey(key)
    return None


def find_contents(principal_id: int, keys: Sequence[NodeKey], call_ids: Sequence[str]) -> TreeLookup:
    """Return the stored messages among `keys` and the assistant messages of these tool calls, of
    this principal only.
    """
    contents = _contents(principal_id, keys)
    calls: list[tuple[Any, ...]] = []
    wanted = {stored_call_id(call_id): call_id for call_id in call_ids}
    if wanted:
        calls = read_rows(_BY_CALL_ID.format(among=within("call.call_id")), [principal_id, from_texts(wanted)])
        # The messages of the calls are usually among the keys. Each message is read once.
        contents |= _contents(
            principal_id, [key for key in dict.fromkeys(row[2] for row in calls) if key not in contents]
        )
    return TreeLookup(contents=contents, by_call_id={wanted[own]: (key, position) for own, position, key in calls})


def _contents(principal_id: int, keys: Sequence[NodeKey]) -> dict[NodeKey, Sequence[StoredContent]]:
    if not keys:
        return {}
    rows = read_rows(_BY_KEY.format(among=within_ids("key")), [principal_id, from_texts(keys)])
    return {key: contents_of(*columns) for key, *columns in rows}


def stored_message(node: NodeId, key: NodeKey, role: str, openai: str, tokens: int, *contents: str) -> StoredMessage:
    """Return a row of the message table as a stored message."""
    return StoredMessage(id=node, key=key, role=role, openai=openai, tokens=tokens, contents=contents_of(*contents))


def contents_of(
    gemini: str, model: str, account: str, earlier_gemini: str, earlier_model: str, earlier_account: str
) -> Sequence[StoredContent]:
    """Return the Gemini contents in a row of the message table, newest first."""
    newest = StoredContent(gemini, model, account)
    return (newest, StoredContent(earlier_gemini, earlier_model, earlier_account)) if earlier_model else (newest,)


def sent_contents(principal_id: int, keys: Sequence[NodeKey]) -> dict[NodeKey, str]:
    """Return the stored Gemini contents of messages of any role, as JSON by key, for this principal only."""
    return dict(read_rows(_SENT.format(among=within_ids("key")), [principal_id, from_texts(keys)]))


def path_to(head: NodeKey, *, max_messages: int, max_tokens: int, max_bytes: int = UNBOUNDED) -> list[StoredMessage]:
    """Return the end of the conversation up to `head`, oldest first, within all limits.

    Tokens and bytes are both limited: an image has few tokens and many bytes. The path begins at a user message, so
    that each tool result follows its call, and does not end with unanswered calls. Instructions (the latest system
    messages) beyond the limits come first. The query reads no more rows than the limits allow.
    """
    bounds = (max_messages, max_tokens, max_bytes)
    newest_first = _walk(_path_to_key(), head, bounds)
    if not newest_first:
        return []
    path = with_matching_ids([stored for stored, _ in reversed(newest_first)])
    while path and path[-1].role == "assistant" and calls_tools(path[-1].openai):
        path.pop()
    first_user = next((index for index, stored in enumerate(path) if stored.role == "user"), len(path))
    leading = [stored for stored in path[:first_user] if stored.role in INSTRUCTION_ROLES]
    path = leading + path[first_user:]
    # The nearest instructions above the head are in force and supersede all earlier system messages.
    instructions = newest_first[0][1]
    if instructions is None or any(stored.id == instructions for stored in path):
        return path
    block = _walk(_instructions(), instructions, bounds)
    return [stored for stored, _ in reversed(block)] + path


def calls_tools(openai: str) -> bool:
    """Whether a stored assistant message (OpenAI's form, as JSON) calls tools."""
    message = orjson.loads(openai)
    return bool(message.get("tool_calls") or message.get("function_call"))


# Both walks climb one parent at a time by primary key, up to the first message over a limit. The texts are joined last:
# a recursive query would copy them at each step.
_CLIMB = """
WITH RECURSIVE path(id, parent_id, total, size, number) AS (
    SELECT id, parent_id, tokens, {size}, 1
      FROM sessions_store_message node WHERE {start} = %s AND tokens <= %s
    UNION ALL
    SELECT node.id, node.parent_id, path.total + node.tokens, path.size + {size}, path.number + 1
      FROM path JOIN sessions_store_message node ON node.id = path.parent_id
     WHERE path.number < %s AND path.total + node.tokens <= %s AND path.size + {size} <= %s AND {condition}
)
SELECT node.id, node.key, node.role, node.openai, node.tokens, node.instructions, node.gemini, node.model, node.account,
       node.former_gemini, node.former_model, node.former_account
  FROM path JOIN sessions_store_message node ON node.id = path.id ORDER BY path.number
"""


def node_size() -> str:
    """Return the SQL expression of the size in bytes of a message's texts; its table has the alias `node`."""
    return f"{octets('node.openai')} + {octets('node.gemini')}"


@cache
def _path_to_key() -> str:
    return _CLIMB.format(size=node_size(), start="key", condition="1 = 1")


@cache
def _instructions() -> str:
    return _CLIMB.format(size=node_size(), start="id", condition="node.role IN ('system', 'developer')")


def _walk(statement: str, start: str, bounds: tuple[int, int, int]) -> list[tuple[StoredMessage, NodeId | None]]:
    """Return (message, id of its instructions) pairs from `start` upwards, newest first.

    `bounds`: maximum numbers of messages, tokens and bytes.
    """
    max_messages, max_tokens, max_bytes = bounds
    return [
        (stored_message(node, key, role, openai, tokens, *contents), instructions)
        for node, key, role, openai, tokens, instructions, *contents in read_rows(
            statement, [start, max_tokens, max_messages, max_tokens, max_bytes]
        )
    ]
