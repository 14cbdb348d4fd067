"""The display of a stored message: text, thoughts, tool calls, and other content by type and size.

All values are plain text; the templates escape them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sessions_store.admin.display.formats import base64_size, pretty_json, size
from sessions_store.models import Message
from sessions_store.transcript.canonical import stored_call_id

LONGEST_TEXT = 100_000
EXCERPT = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool call; `arguments` are indented if they are JSON.

    `other_ids` are the call ids of the same call in other requests.
    """

    name: str
    id: str
    arguments: str
    other_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Content other than text: its kind, its media type or name, and its size or URL."""

    kind: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDisplay:
    """One message of the transcript page."""

    id: UUID
    role: str
    created_at: datetime
    model: str
    tokens: int
    text: str
    cut: int
    thoughts: str
    refusal: str
    answers_call: str
    calls: tuple[ToolCall, ...]
    attachments: tuple[Attachment, ...]
    signed: bool
    openai: str
    gemini: str

    @property
    def side(self) -> str:
        """The CSS class of the role."""
        sides = {"user": "user", "assistant": "assistant", "tool": "tool", "function": "tool"}
        return sides.get(self.role, "system")

    @property
    def excerpt(self) -> str:
        """The beginning of the message on one line."""
        line = " ".join(self.text[:400].split()) or ", ".join(f"calls {call.name}" for call in self.calls)
        line = line or ", ".join(attachment.kind for attachment in self.attachments) or "(no text)"
        return line if len(line) <= EXCERPT else line[:EXCERPT].rstrip() + "…"


def message_display(
    message: Message, model: str = "", call_ids: Mapping[int, Sequence[str]] = MappingProxyType({})
) -> MessageDisplay:
    """Return the display of a stored message from both of its forms; a form that is not JSON is shown as text.

    `model`: the model whose content is shown if several generated the message, by default the last. `call_ids`: the
    call ids of each tool call, by its index.
    """
    gemini_content = (
        message.former_gemini if model and model == message.former_model != message.model else message.gemini
    )
    openai, gemini = _parsed(message.openai), _parsed(gemini_content)
    body: Mapping[str, Any] = openai if isinstance(openai, Mapping) else {}
    texts, attachments = _content(body.get("content"))
    text = "\n\n".join(texts)
    return MessageDisplay(
        id=message.pk,
        role=message.role,
        created_at=message.created_at,
        model=model or message.model,
        tokens=message.tokens,
        text=text[:LONGEST_TEXT],
        cut=max(len(text) - LONGEST_TEXT, 0),
        thoughts=(_text(body.get("reasoning_content")) or _thoughts(gemini))[:LONGEST_TEXT],
        refusal=_text(body.get("refusal")),
        answers_call=_text(body.get("tool_call_id")) or _text(body.get("name")),
        calls=tuple(_calls(body, call_ids)),
        attachments=tuple(attachments),
        signed="thoughtSignature" in gemini_content,
        openai=_readable(openai),
        gemini=_readable(gemini),
    )


def _content(content: Any) -> tuple[list[str], list[Attachment]]:
    """Split a message's content into texts and attachments."""
    if isinstance(content, str):
        return [content] if content else [], []
    texts: list[str] = []
    attachments: list[Attachment] = []
    for part in content if isinstance(content, list) else ():
        if not isinstance(part, Mapping):
            continue
        kind = _text(part.get("type"))
        if kind in {"text", "input_text", "output_text"}:
            texts.append(_text(part.get("text")))
        elif kind == "refusal":
            texts.append(_text(part.get("refusal")))
        else:
            attachments.append(_attachment(kind, part))
    return [text for text in texts if text], attachments


def _attachment(kind: str, part: Mapping[str, Any]) -> Attachment:
    inner = part.get(kind)
    fields: Mapping[str, Any] = inner if isinstance(inner, Mapping) else part
    address = _text(fields.get("url")) or _text(fields.get("file_data")) or _text(inner)
    encoded = _text(fields.get("data"))
    name = _text(fields.get("filename")) or _text(fields.get("file_id")) or _text(fields.get("format"))
    if address.startswith("data:"):
        media_type, _, encoded = address.removeprefix("data:").partition(",")
        name = name or media_type.partition(";")[0]
    elif address:
        name = address
    details = [text for text in (name, size(base64_size(encoded)) if encoded else "") if text]
    return Attachment(kind=kind.removesuffix("_url").replace("_", " ") or "content", detail=", ".join(details)[:500])


def _calls(body: Mapping[str, Any], call_ids: Mapping[int, Sequence[str]]) -> Iterable[ToolCall]:
    calls = body.get("tool_calls")
    for position, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, Mapping):
            own = _text(call.get("id"))
            others = tuple(known for known in call_ids.get(position, ()) if known != stored_call_id(own))
            yield _call(call.get("function") or call.get("custom"), own, others)
    if body.get("function_call"):
        yield _call(body["function_call"], "")


def _call(function: Any, call_id: str, other_ids: tuple[str, ...] = ()) -> ToolCall:
    fields: Mapping[str, Any] = function if isinstance(function, Mapping) else {}
    arguments = _text(fields.get("arguments")) or _text(fields.get("input"))
    try:
        readable = _readable(_parsed(arguments))
    except RecursionError:  # a client may nest arguments to any depth
        readable = arguments
    return ToolCall(name=_text(fields.get("name")), id=call_id, arguments=readable, other_ids=other_ids)


def _thoughts(gemini: Any) -> str:
    """Join the thought parts of a Gemini content."""
    parts = gemini.get("parts") if isinstance(gemini, Mapping) else None
    return "\n\n".join(
        _text(part.get("text"))
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, Mapping) and part.get("thought")
    )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def _readable(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else pretty_json(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
