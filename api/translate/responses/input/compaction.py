"""Compaction of a conversation: the request for a summary, and the items that replace the conversation.

Source: https://platform.openai.com/docs/api-reference/responses/compact.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from api.openai.responses.items import item_type
from api.openai.responses.request import CompactRequest, ResponseParameters
from api.translate.conversation.pairing import in_order
from api.translate.responses.carried_state import CarriedConversation, StateSigner, pack_conversation
from api.translate.responses.input.expand_compaction import instruction_of
from api.translate.responses.input.message_items import message_to_items
from sessions_store.transcript.values import INSTRUCTION_ROLES, RESULT_ROLES

Item = Mapping[str, Any]
Message = Mapping[str, Any]

# The parameters of a response that its compaction shares; others affect the response only.
_SHARED: Final = (
    "instructions",
    "tools",
    "service_tier",
    "user",
    "metadata",
    "google",
    "extra_body",
    "safety_settings",
    "prompt_cache_key",
)

_SUMMARY_PROMPT: Final = (
    "Summarise our conversation so far, so that it can go on from the summary alone. Keep every fact, decision, name, "
    "number, file, open question and unfinished task that may matter later, and what the user wants of you. Write in "
    "the language of the conversation, without any introduction."
)


def compacting(request: CompactRequest) -> CompactRequest:
    """Return the request for a summary: the same conversation and one more message."""
    summary_message = {"type": "message", "role": "user", "content": _SUMMARY_PROMPT}
    return request.model_copy(update={"input": [*request.items, summary_message]})


def compacted(
    items: Sequence[Item], summary: str, *, item_ids: Iterator[str], signer: StateSigner
) -> list[dict[str, Any]]:
    """Return the items that replace a conversation: the users' messages and a summary of the whole conversation."""
    kept = [_retained(item, item_ids) for item in items if _is_users(item)]
    compaction = {
        "id": f"cmp_{next(item_ids)}",
        "type": "compaction",
        "encrypted_content": pack_conversation(CarriedConversation(summary=summary), signer),
    }
    return [*kept, compaction]


def _is_users(item: Item) -> bool:
    return item_type(dict(item)) == "message" and item["role"] == "user"


def _retained(item: Item, item_ids: Iterator[str]) -> dict[str, Any]:
    content = item["content"]
    parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
    own_id = item.get("id") or f"msg_{next(item_ids)}"
    return {"id": own_id, "type": "message", "status": "completed", "content": parts, "role": "user"}


def summarising(request: ResponseParameters, model: str, items: Sequence[Item]) -> CompactRequest:
    """Return the request for the summary of a response's conversation.

    `items` are the input items of the summary request.
    """
    shared = {name: value for name in _SHARED if (value := getattr(request, name, None)) is not None}
    choice = {"tool_choice": "none"} if request.tools else {}
    summary_request = CompactRequest.parse({"model": model, "store": False, "input": list(items), **shared, **choice})
    return compacting(summary_request)


def latest_step(messages: Sequence[Message]) -> int:
    """Return the index of the messages that the model responds to next, which stay verbatim.

    These are the user's last messages, or the last calls with their results.
    """
    start = len(messages)
    roles = [message["role"] for message in messages]
    if not roles or roles[-1] == "assistant":
        return start
    last = frozenset({"user"}) if roles[-1] == "user" else RESULT_ROLES
    while start and roles[start - 1] in last:
        start -= 1
    return max(start - 1, 0) if "user" not in last else start


def can_be_compacted(messages: Sequence[Message]) -> bool:
    """Whether the conversation has messages before the latest step, which a summary can replace."""
    messages = in_order(messages)
    return any(message["role"] not in INSTRUCTION_ROLES for message in messages[: latest_step(messages)])


def compacted_state(
    messages: Sequence[Message],
    settings: Sequence[Item],
    summary: str,
    *,
    item_ids: Iterator[str],
    signer: StateSigner,
) -> str:
    """Return the `encrypted_content` of the compaction item that replaces a whole conversation."""
    messages = in_order(messages)
    step = latest_step(messages)
    rules = [dict(instruction) for item in settings if (instruction := instruction_of(item)) is not None]
    for message in messages:
        if message["role"] in INSTRUCTION_ROLES:
            rules += message_to_items(message, item_ids=item_ids)
    latest: list[dict[str, Any]] = []
    for message in messages[step:]:
        if message["role"] not in INSTRUCTION_ROLES:
            latest += message_to_items(message, item_ids=item_ids)
    return pack_conversation(CarriedConversation(summary=summary, whole=True, rules=rules, latest=latest), signer)
