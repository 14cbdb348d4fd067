"""Thought signatures of tool calls, for callers of whom no message is stored.

Gemini 3 requires the signature of a tool call with the result of the call, and OpenAI's clients do not return it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from api.exchange.conversation.signature_compatibility import SignaturePolicy
from api.exchange.conversation.signature_seal import opened_signature
from api.exchange.exchange import Exchange
from api.translate.conversation.signatures import carried_signature
from sessions_store.state.call_signatures import SealedSignature, find_signatures

Message = Mapping[str, Any]


async def with_signatures(
    exchange: Exchange, messages: Sequence[Message], policy: SignaturePolicy
) -> list[dict[str, Any]]:
    """Return a client's messages with the signatures of their tool calls, in the form of Google's OpenAI endpoint.

    Calls with a signature of their own and unknown calls stay as sent. `policy` decides which signatures may be sent.
    """
    owner_id = exchange.accounting.caller.owner_id
    call_ids = [
        call["id"]
        for message in messages
        if message["role"] == "assistant"
        for call in message.get("tool_calls") or ()
        if carried_signature(call) is None
    ]
    if not call_ids:
        return [dict(message) for message in messages]
    found = await exchange.services.store.read(find_signatures, owner_id, call_ids, datetime.now(UTC))
    opened = {
        call_id: (signature, opened_signature(signature.sealed, owner_id, call_id))
        for call_id, signature in found.items()
    }
    return [
        {**message, "tool_calls": list(_signed(message["tool_calls"], opened, policy, f"messages[{index}]"))}
        if message["role"] == "assistant" and message.get("tool_calls")
        else dict(message)
        for index, message in enumerate(messages)
    ]


def _signed(
    calls: Sequence[Message],
    opened: Mapping[str, tuple[SealedSignature, str | None]],
    policy: SignaturePolicy,
    path: str,
) -> Iterator[Message]:
    """Yield the calls, each with its signature if there is one that may be sent."""
    for index, call in enumerate(calls):
        source, text = opened.get(call["id"], (None, None))
        place = f"{path}.tool_calls[{index}]"
        if source is None or text is None or carried_signature(call) is not None:
            yield call
        elif policy.accepts(model=source.model, account=source.account, path=place):
            yield {**call, "extra_content": {"google": {"thought_signature": text}}}
        else:
            yield call
