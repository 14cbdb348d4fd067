"""Compacting a conversation: what the model is asked, and the items that take the conversation's place
(https://platform.openai.com/docs/api-reference/responses/compact).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from api.openai.responses_items import item_type
from api.openai.responses_request import CompactRequest
from api.translate.responses.encrypted import pack_summary

Item = Mapping[str, Any]

_ASK: Final = (
    "Summarise our conversation so far, so that it can go on from the summary alone. Keep every fact, decision, name, "
    "number, file, open question and unfinished task that may matter later, and what the user wants of you. Write in "
    "the language of the conversation, without any introduction."
)


def compacting(request: CompactRequest) -> CompactRequest:
    """Return the request that asks the model for a summary: the same conversation and one more message."""
    ask = {"type": "message", "role": "user", "content": _ASK}
    return request.model_copy(update={"input": [*request.items, ask]})


def compacted(items: Sequence[Item], summary: str, *, item_ids: Iterator[str]) -> list[dict[str, Any]]:
    """Return what takes the place of a conversation's items: the users' messages and the summary of all of it."""
    kept = [_retained(item, item_ids) for item in items if _is_users(item)]
    compaction = {
        "id": f"cmp_{next(item_ids)}",
        "type": "compaction",
        "encrypted_content": pack_summary(summary),
    }
    return [*kept, compaction]


def _is_users(item: Item) -> bool:
    return item_type(dict(item)) == "message" and item["role"] == "user"


def _retained(item: Item, item_ids: Iterator[str]) -> dict[str, Any]:
    content = item["content"]
    parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
    own_id = item.get("id") or f"msg_{next(item_ids)}"
    return {"id": own_id, "type": "message", "status": "completed", "content": parts, "role": "user"}
