"""OpenAI's messages to Gemini's contents, one function per role; `contents` merges them."""

from collections.abc import Iterator, Mapping
from typing import Any

from api.gemini.wire import Content, FunctionCall, FunctionResponse, Part
from api.translate.conversation.call_arguments import read_arguments
from api.translate.conversation.parts import (
    BLANK,
    TEXT_KINDS,
    content_to_parts,
    media_to_part,
    note_beside,
    url_to_part,
)
from api.translate.conversation.signatures import plain_call_id, signed_alone, usable_signature
from api.translate.conversation.speakers import note_speaker, speaker, speaker_parts
from api.translate.conversation.tool_calls import OpenCall
from api.translate.conversation.tool_item_text import tool_item_parts
from api.translate.conversation.tool_results import result_to_response
from api.translate.media.markdown_images import MARK, split_images
from api.translate.media.tool_results import placed_media
from api.translate.request.context import RequestContext
from api.translate.request.unknown_fields import note_unknown

Message = Mapping[str, Any]

_MESSAGE_FIELDS = ("role", "content", "name")
_RESULT_FIELDS = ("role", "content", "tool_call_id", "name")


def system_to_parts(message: Message, *, path: str, context: RequestContext) -> list[Part]:
    """Return the parts of a system or developer message, in the form of `systemInstruction` (rule 1)."""
    _note_beside(message, path, context)
    parts = content_to_parts(message["content"], path=f"{path}.content", context=context)
    if parts and (name := speaker(message)):
        parts[0] = {"text": f"{name}: {parts[0]['text']}"}
    return parts


def later_system_to_content(message: Message, *, path: str, context: RequestContext) -> Content | None:
    """Return a system message within the conversation as marked user text, or None if it is empty (rule 2).

    Moved to `systemInstruction`, it would change the start of the prompt and miss Gemini's implicit cache.
        {"role": "system", "content": "Be brief."}
        {"role": "user", "parts": [{"text": "<system_message>\\nBe brief.\\n</system_message>"}]}
    """
    parts = system_to_parts(message, path=path, context=context)
    if not parts:
        return None
    context.note("converted", path, "system message inside the conversation: sent as marked user text")
    return {
        "role": "user",
        "parts": [{"text": f"<system_message>\n{part['text']}\n</system_message>"} for part in parts],
    }


def user_to_content(message: Message, *, path: str, context: RequestContext) -> Content:
    """Return a user content; without any text it gets a blank one (rules 7 and 8)."""
    _note_beside(message, path, context)
    content = message["content"]
    named = bool(message.get("name"))
    if isinstance(content, str) and content and not named:
        return {"role": "user", "parts": [{"text": content}]}
    parts = content_to_parts(content, path=f"{path}.content", context=context)
    if not any("text" in part for part in parts):
        parts.append(BLANK)
    if named:
        parts = [*speaker_parts(message), *parts]
    return {"role": "user", "parts": parts}


def assistant_to_content(message: Message, *, path: str, context: RequestContext) -> Content | None:
    """Return a model content translated from the client's message, or None if the message is empty.

    Reasoning comes first as a thought, then text, images and function calls; each signature that the client sends stays
    on its part (rules 10, 11, 22 to 29).
        {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function",
         "function": {"name": "time", "arguments": ""}, "extra_content": {"google": {"thought_signature": "c2ln"}}}]}
        {"role": "model", "parts": [{"functionCall": {"name": "time", "args": {}, "id": "call_1"},
         "thoughtSignature": "c2ln"}]}
    """
    seen: set[str] = set()
    calls = [
        _call_to_part(call, path=call_path, seen=seen, context=context) for call, call_path in _calls(message, path)
    ]
    parts = _thought_parts(message, path, context)
    if "tool_items" in message:
        parts += tool_item_parts(message["tool_items"], path=path, context=context)
    parts += _assistant_text_parts(message, path=path, seen=seen, context=context)
    parts += _image_parts(message, path, context)
    if message.get("audio"):
        context.note("dropped", f"{path}.audio", "audio of earlier messages is not sent to Gemini, only the transcript")
    parts += calls
    _sign_message(message, parts, path=path, seen=seen, context=context)
    return {"role": "model", "parts": parts} if parts else None


def result_to_content(message: Message, call: OpenCall, *, path: str, context: RequestContext) -> Content:
    """Return the result of `call`, from a tool or function message, as a user content (rules 12, 14, 16, 19).

    Images and files of the result are put where the model accepts them (rule 18).

    {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"}
    {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"output": "21 degrees"}}}]}
    """
    if len(message) > len(("role", "content", "tool_call_id")):
        note_unknown(message, _RESULT_FIELDS, path=path, context=context)
    content = message["content"]
    parts = [_response_part(call, result_to_response(content))]
    for index, item in enumerate(content if isinstance(content, list) else ()):
        note_beside(item, f"{path}.content[{index}]", context)
        if item["type"] not in TEXT_KINDS:
            parts.append(media_to_part(item, path=f"{path}.content[{index}]", context=context))
    return placed_media({"role": "user", "parts": parts}, path=path, context=context)


def loose_result_to_content(message: Message, *, path: str, context: RequestContext) -> Content:
    """Return a result without a call as marked user text: Gemini rejects such a functionResponse.

    {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"}
    {"role": "user", "parts": [{"text": "<tool_output>\\n21 degrees\\n</tool_output>"}]}
    """
    parts = content_to_parts(message["content"], path=f"{path}.content", context=context)
    if len(parts) == 1 and "text" in parts[0]:
        return {"role": "user", "parts": [{"text": f"<tool_output>\n{parts[0]['text']}\n</tool_output>"}]}
    return {"role": "user", "parts": [{"text": "<tool_output>\n"}, *parts, {"text": "\n</tool_output>"}]}


def missing_result_to_content(call: OpenCall) -> Content:
    """Return an error result for a call without a result, because Gemini rejects a call without one."""
    return {"role": "user", "parts": [_response_part(call, {"error": "No result was given."})]}


def open_calls(message: Message, content: Content) -> list[OpenCall]:
    """Return the calls of an assistant message, with the names and ids of its Gemini content.

    The i-th call of the message is the i-th functionCall part of the content.
    """
    sent = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
    return [
        OpenCall(
            call_id=call.get("id") or "",
            client_name=_function_of(call)["name"],
            name=function_call["name"],
            gemini_id=function_call.get("id"),
            position=position,
        )
        for position, ((call, _), function_call) in enumerate(zip(_calls(message, ""), sent, strict=True))
    ]


def call_count(message: Message) -> int:
    """Return the number of calls of an assistant message, including a legacy `function_call`."""
    return len(message.get("tool_calls") or ()) + bool(message.get("function_call"))


def _calls(message: Message, path: str) -> Iterator[tuple[Message, str]]:
    """Yield the calls of an assistant message with their paths; a legacy `function_call` has no id."""
    for index, call in enumerate(message.get("tool_calls") or ()):
        yield call, f"{path}.tool_calls[{index}]"
    legacy = message.get("function_call")
    if legacy:
        yield {"function": legacy}, f"{path}.function_call"


def _function_of(call: Message) -> Message:
    function: Message = call["custom"] if call.get("type") == "custom" else call["function"]
    return function


def _call_to_part(call: Message, *, path: str, seen: set[str], context: RequestContext) -> Part:
    function = _function_of(call)
    name = context.names.sent(function["name"])
    function_call: FunctionCall = {"name": name, "args": _arguments(call, path, context)}
    if context.profile.function_call_ids and call.get("id"):
        function_call["id"] = plain_call_id(call["id"])
    part: Part = {"functionCall": function_call}
    signature = usable_signature(call, path=path, seen=seen, context=context)
    if signature:
        part["thoughtSignature"] = signature
    return part


def _arguments(call: Message, path: str, context: RequestContext) -> dict[str, Any]:
    """Return the arguments of a call; the text of a custom tool is its one argument."""
    if call.get("type") == "custom":
        return {"input": call["custom"]["input"]}
    place = f"{path}.function.arguments" if "id" in call else f"{path}.arguments"
    return read_arguments(call["function"]["arguments"], path=place, context=context)


def _response_part(call: OpenCall, response: dict[str, Any]) -> Part:
    function_response: FunctionResponse = {"name": call.name, "response": response}
    if call.gemini_id:
        function_response["id"] = call.gemini_id
    return {"functionResponse": function_response}


def _thought_parts(message: Message, path: str, context: RequestContext) -> list[Part]:
    for name in ("reasoning_content", "reasoning"):
        reasoning = message.get(name)
        if isinstance(reasoning, str) and reasoning:
            if context.profile.thinking != "none":
                return [{"text": reasoning, "thought": True}]
            context.note("dropped", f"{path}.{name}", "the model does not support reasoning")
            return []
    return []


def _assistant_text_parts(message: Message, *, path: str, seen: set[str], context: RequestContext) -> list[Part]:
    content = message.get("content") or message.get("refusal") or _transcript(message)
    if isinstance(content, str):
        if MARK in content:
            return _markdown_to_parts(content, path=f"{path}.content", context=context)
        return [{"text": content}] if content else []
    parts: list[Part] = []
    for index, item in enumerate(content):
        text = item[item["type"]]
        signature = usable_signature(item, path=f"{path}.content[{index}]", seen=seen, context=context)
        if signature:
            parts.append({"text": text, "thoughtSignature": signature})
        elif text:
            parts.append({"text": text})
    return parts


def _transcript(message: Message) -> str:
    """Return the transcript of an earlier spoken message, if the client sends more than OpenAI's `audio.id`."""
    transcript = (message.get("audio") or {}).get("transcript")
    return transcript if isinstance(transcript, str) else ""


def _markdown_to_parts(text: str, *, path: str, context: RequestContext) -> list[Part]:
    """Return the parts of a text with Markdown `data:` images, whose base64 must not be sent as text (rule 11)."""
    parts: list[Part] = []
    for index, segment in enumerate(split_images(text)):
        if index % 2:
            parts.append(url_to_part(segment, param=path, what="image", context=context))
        elif segment:
            parts.append({"text": segment})
    return parts


def _image_parts(message: Message, path: str, context: RequestContext) -> list[Part]:
    """Return the images of an earlier assistant message, which some servers return under `images` (rule 11)."""
    images = message.get("images")
    if not isinstance(images, list):
        return []
    parts: list[Part] = []
    for index, image in enumerate(images):
        inner = image.get("image_url") if isinstance(image, Mapping) else None
        url = inner.get("url") if isinstance(inner, Mapping) else inner
        if isinstance(url, str):
            param = f"{path}.images[{index}].image_url.url"
            parts.append(url_to_part(url, param=param, what="image", context=context))
        else:
            context.note("dropped", f"{path}.images[{index}]", "not an image URL")
    return parts


def _sign_message(message: Message, parts: list[Part], *, path: str, seen: set[str], context: RequestContext) -> None:
    """Put a signature of the message itself on its last text part, or on its first call without text.

    A signature that ended a stream alone goes on a part with empty text (rule 26).
    """
    signature = usable_signature(message, path=path, seen=seen, context=context)
    if signature is None:
        return
    texts = [part for part in parts if "text" in part and not part.get("thought")]
    target = texts[-1:] or [part for part in parts if "functionCall" in part][:1]
    if not target or signed_alone(message):
        parts.append({"text": "", "thoughtSignature": signature})
    elif "thoughtSignature" not in target[0]:
        target[0]["thoughtSignature"] = signature


def _note_beside(message: Message, path: str, context: RequestContext) -> None:
    """Note the fields of a system or user message besides its content."""
    if len(message) > len(("role", "content")):
        note_speaker(message, path=path, context=context)
        note_unknown(message, _MESSAGE_FIELDS, path=path, context=context)
