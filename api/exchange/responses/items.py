"""Items as they are stored and listed: in the API's full form, each with an id of its own.

An item that came without an id gets one that follows from what stands before it, so that a client that sends its
history again with each request names, and stores, the same items.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import orjson

from api.openai.responses_items import item_type
from sessions_store.canonical import Key
from sessions_store.state_records import NewItem, new_item

Item = dict[str, Any]

_PREFIXES: Final = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "reasoning": "rs",
    "compaction": "cmp",
    "image_generation_call": "ig",
}
# Kinds of items that have a status, which clients leave out.
_WITH_STATUS: Final = frozenset({"message", "function_call", "function_call_output"})


def stored_items(principal_id: int, items: Iterable[Mapping[str, Any]], *, after: str) -> tuple[NewItem, ...]:
    """Return a request's items as they are stored; `after` names what they follow (a node, a conversation, nothing)."""
    chain = after.encode()
    stored = []
    for item in items:
        whole = whole_item(item)
        if not whole.get("id"):
            text = orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)
            chain = blake2b(chain + text, digest_size=24, key=principal_id.to_bytes(8, "big")).digest()
            whole = {"id": f"{_PREFIXES.get(whole['type'], 'item')}_{chain.hex()}", **whole}
        else:
            chain = blake2b(chain + whole["id"].encode(), digest_size=24).digest()
        stored.append(new_item(principal_id, whole))
    return tuple(stored)


def output_items(principal_id: int, items: Sequence[Mapping[str, Any]]) -> tuple[NewItem, ...]:
    """Return an answer's items as they are stored."""
    return tuple(new_item(principal_id, item) for item in items)


def whole_item(item: Mapping[str, Any]) -> Item:
    """Return an item in its full form: type and status are there, content is parts, nulls are gone."""
    kind = item_type(dict(item)) or ""
    whole = {name: value for name, value in item.items() if value is not None}
    whole["type"] = kind
    if kind in _WITH_STATUS:
        whole.setdefault("status", "completed")
    if kind == "message":
        whole["content"] = _parts(whole["content"], answer=whole["role"] == "assistant")
    return whole


def chain_start(head: Key | None, conversation: str = "") -> str:
    """Return the name of what a request's items follow."""
    return f"{conversation}|{head or ''}"


def _parts(content: Any, *, answer: bool) -> list[Item]:
    if not isinstance(content, str):
        return [dict(part) for part in content]
    if answer:
        return [{"type": "output_text", "text": content, "annotations": [], "logprobs": []}]
    return [{"type": "input_text", "text": content}]
