"""The history of a node of the transcript tree up to its root, for a continued response or a stored completion."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import orjson

from sessions_store.database.cursors import read_rows
from sessions_store.database.sql import from_texts, within
from sessions_store.transcript.call_ids import with_matching_ids
from sessions_store.transcript.canonical import NodeId, NodeKey, stored_call_id
from sessions_store.transcript.reading import UNBOUNDED, node_size, stored_message
from sessions_store.transcript.stored_messages import StoredMessage

# One parent at a time by primary key, up to the first message over a limit. The texts are joined last: a recursive
# query would copy them at each step.
_UP = """
WITH RECURSIVE path(id, parent_id, total, size, number) AS (
    SELECT id, parent_id, tokens, {size}, 1 FROM sessions_store_message node WHERE {start} = %s
    UNION ALL
    SELECT node.id, node.parent_id, path.total + node.tokens, path.size + {size}, path.number + 1
      FROM path JOIN sessions_store_message node ON node.id = path.parent_id
     WHERE path.number < %s AND path.total + node.tokens <= %s AND path.size + {size} <= %s
)
SELECT node.id, node.key, node.role, node.openai, node.tokens, node.gemini, node.model, node.account,
       node.former_gemini, node.former_model, node.former_account, path.parent_id IS NULL
  FROM path JOIN sessions_store_message node ON node.id = path.id ORDER BY path.number DESC
"""
_CALLS = "SELECT call_id, message_id, position FROM sessions_store_toolcall WHERE principal_id = %s AND {among}"
# Far beyond any model's context; limits the rows that one request loads.
MOST_MESSAGES = 50_000


@dataclass(frozen=True, slots=True)
class History:
    """Stored messages, oldest first; `whole` is False if older messages were left out."""

    path: list[StoredMessage]
    whole: bool


def history_to(head: NodeKey, *, max_tokens: int | None = None, max_bytes: int = UNBOUNDED) -> History:
    """Return the conversation up to `head`, unanswered tool calls included; empty if the conversation was erased.

    Beyond a limit the oldest messages are left out; with `max_tokens` the remainder begins at a user message.
    """
    rows = read_rows(_up("key"), [head, MOST_MESSAGES, max_tokens or UNBOUNDED, max_bytes])
    path = with_matching_ids([stored_message(*row[:-1]) for row in rows])
    whole = not rows or bool(rows[0][-1])
    if max_tokens is None:
        return History(path, whole)
    first = next((index for index, stored in enumerate(path) if stored.role == "user"), 0)
    return History(path[first:], whole and not first)


def messages_to(leaf: UUID, count: int) -> list[dict[str, Any]]:
    """Return the last `count` messages up to the node of that id, oldest first, in OpenAI's form."""
    return [orjson.loads(row[3]) for row in read_rows(_up("id"), [leaf.hex, count, UNBOUNDED, UNBOUNDED])]


@cache
def _up(start: str) -> str:
    return _UP.format(size=node_size(), start=start)


def calls_made(principal_id: int, call_ids: Collection[str]) -> dict[str, tuple[NodeId, int]]:
    """Return {call id: (node id, index)}: the assistant message of each tool call, and the index of the call in it."""
    wanted = {stored_call_id(call_id): call_id for call_id in call_ids}
    rows = read_rows(_CALLS.format(among=within("call_id")), [principal_id, from_texts(wanted)])
    return {wanted[stored]: (node, position) for stored, node, position in rows}
