"""Rebuilds the body of an upstream call from the stored request (without messages) and the stored messages."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sessions_store.admin.display.conversation import climb
from sessions_store.models import Message, UpstreamRequest, UsageRecord
from sessions_store.transcript.values import OMITTED, SYSTEM
from sessions_store.writing.records import CONTENTS_AS_SENT, WITHOUT_SIGNATURES

MOST_MESSAGES = 2500


@dataclass(frozen=True, slots=True, kw_only=True)
class SentBody:
    """The body, or the reason for its absence."""

    body: dict[str, Any] | None
    problem: str = ""


def sent_body(record: UsageRecord) -> SentBody:
    """Rebuild the JSON body of the record's first upstream call.

    `placement` gives, for the session's instructions and then each message up to the leaf, its index in `contents` (-1:
    system instruction, -2: omitted); messages with one index were sent as one content.
    """
    if record.upstream_request_id is None or not record.placement:
        return SentBody(body=None, problem="Nothing was sent to Gemini.")
    rest = UpstreamRequest.objects.filter(pk=record.upstream_request_id).values_list("body", flat=True).first()
    if rest is None:
        return SentBody(body=None, problem="The conversation was deleted, and the request body with it.")
    sent: dict[str, Any] = json.loads(rest)
    unsigned = sent.pop(WITHOUT_SIGNATURES, False)
    own = sent.pop(CONTENTS_AS_SENT, {})
    messages = _messages(record)
    if len(messages) != len(record.placement):
        return SentBody(body=None, problem="Messages of this request were deleted. The request body cannot be rebuilt.")
    contents: dict[int, dict[str, Any]] = {}
    system: list[Any] = []
    last = len(messages) - 1
    for index, (place, message) in enumerate(zip(record.placement, messages, strict=True)):
        if place == OMITTED or message is None or not message.gemini:
            continue
        content = own.get(str(last - index)) or json.loads(message.gemini)
        if unsigned:
            content = _unsigned(content)
        if place == SYSTEM:
            system += content.get("parts", [])
            continue
        role = "model" if content.get("role") == "model" else "user"
        contents.setdefault(place, {"role": role, "parts": []})["parts"] += content.get("parts", [])
    body = {"contents": [contents[place] for place in sorted(contents)]}
    if system:
        body["systemInstruction"] = {"parts": system}  # type: ignore[assignment]  # JSON
    return SentBody(body=body | sent)


def _unsigned(content: dict[str, Any]) -> dict[str, Any]:
    parts = content.get("parts", [])
    return {
        **content,
        "parts": [{key: value for key, value in part.items() if key != "thoughtSignature"} for part in parts],
    }


def _messages(record: UsageRecord) -> list[Message | None]:
    """Return the messages of `placement`, in its order."""
    instructions = [UUID(key) for key in record.system_ids]
    walked = min(len(record.placement) - len(instructions), MOST_MESSAGES)
    found = Message.objects.in_bulk(instructions)
    path: list[Message] = climb(record.message_id, walked) if walked and record.message_id else []
    return [*(found.get(key) for key in instructions), *path]


def answers(record: UsageRecord) -> Iterator[UUID]:
    """Yield the ids of the record's assistant messages, in the order of the choices."""
    if record.answer_id is not None:
        yield record.answer_id
    for key in record.more_answers:
        yield UUID(key)
