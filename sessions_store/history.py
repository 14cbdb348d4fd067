"""The whole way up from a node of the transcript tree: what a response continues, and what a completion was asked."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import orjson

from sessions_store.call_ids import with_matching_ids
from sessions_store.canonical import Key, NodeId, stored_call_id
from sessions_store.cursors import read_rows
from sessions_store.sql import from_texts, within
from sessions_store.transcript import StoredMessage, stored_message

# One parent at a time by primary key; it stops at the first message over a bound. The texts are joined at the end: a
# recursive query would carry them through all its steps.
_UP = """
WITH RECURSIVE path(id, parent_id, total, number) AS (
    SELECT id, parent_id, tokens, 1 FROM sessions_store_message WHERE {start} = %s
    UNION ALL
    SELECT up.id, up.parent_id, path.total + up.tokens, path.number + 1
      FROM path JOIN sessions_store_message up ON up.id = path.parent_id
     WHERE path.number < %s AND path.total + up.tokens <= %s
)
SELECT node.id, node.key, node.role, node.openai, node.tokens, node.gemini, node.model, node.account,
       node.former_gemini, node.former_model, node.former_account
  FROM path JOIN sessions_store_message node ON node.id = path.id ORDER BY path.number DESC
"""
_UP_FROM_KEY = _UP.format(start="key")
_UP_FROM_ID = _UP.format(start="id")
_CALLS = "SELECT call_id, message_id, position FROM sessions_store_toolcall WHERE principal_id = %s AND {among}"
_ABOVE = "SELECT 1 FROM sessions_store_message WHERE id = %s AND parent_id IS NOT NULL"
_NO_BOUND = 2**62
# Far beyond what any model reads; it bounds what one request can make the server load.
MOST_MESSAGES = 50_000


def history_to(head: Key, *, max_tokens: int | None = None) -> list[StoredMessage]:
    """Return the conversation that leads to `head`, oldest first, its last calls included; [] if it was forgotten.

    With `max_tokens` the oldest messages are left out; what remains begins at a user's turn.
    """
    rows = read_rows(_UP_FROM_KEY, [head, MOST_MESSAGES, max_tokens or _NO_BOUND])
    path = with_matching_ids([stored_message(*row) for row in rows])
    if max_tokens is None:
        return path
    return path[next((index for index, stored in enumerate(path) if stored.role == "user"), 0) :]


def is_whole(path: Sequence[StoredMessage]) -> bool:
    """Whether a stretch of a conversation begins at its first message."""
    if not path:
        return True
    return not read_rows(_ABOVE, [path[0].id])


def messages_to(leaf: UUID, count: int) -> list[dict[str, Any]]:
    """Return the last `count` messages up to the node of that id, oldest first, in OpenAI's form."""
    return [orjson.loads(row[3]) for row in read_rows(_UP_FROM_ID, [leaf.hex, count, _NO_BOUND])]


def calls_made(principal_id: int, call_ids: Collection[str]) -> dict[str, tuple[NodeId, int]]:
    """Return for tool-call ids the id of the message that made the call, and which of its calls it is."""
    asked = {stored_call_id(call_id): call_id for call_id in call_ids}
    rows = read_rows(_CALLS.format(among=within("call_id")), [principal_id, from_texts(asked)])
    return {asked[stored]: (node, position) for stored, node, position in rows}
