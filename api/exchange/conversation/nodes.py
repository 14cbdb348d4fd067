"""A message as a node of the transcript tree."""

from collections.abc import Mapping
from typing import Any

import orjson

from api.gemini.wire import Content
from api.translate.request.message_tokens import json_tokens
from sessions_store.transcript.canonical import NodeKey
from sessions_store.writing.records import NewMessage


def new_node(
    key: NodeKey,
    parent: NodeKey | None,
    message: Mapping[str, Any],
    gemini_content: Content | None,
    *,
    model: str = "",
    account: str = "",
) -> NewMessage:
    """Return the node of an OpenAI message with its Gemini content; `gemini_content` is None if the message was not
    sent.

    `model` and `account` generated the message; both are "" for a message of the client.
    """
    openai = orjson.dumps(message)
    return NewMessage(
        key=key,
        parent=parent,
        role=message["role"],
        openai=openai.decode(),
        gemini=orjson.dumps(gemini_content).decode() if gemini_content is not None else "",
        model=model,
        account=account,
        tokens=json_tokens(openai),
        call_ids=tuple([call["id"] for call in message.get("tool_calls") or ()]),
    )
