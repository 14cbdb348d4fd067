"""The speaker of a message: OpenAI's `name` as text before the content, because Gemini's contents have no names.

    {"role": "user", "name": "Ann", "content": "Hi"}    {"role": "user", "parts": [{"text": "Ann: "}, {"text": "Hi"}]}

Adjacent messages of one role become one content of Gemini. If one of them has a name, a line break separates them.
"""

from collections.abc import Mapping
from typing import Any, cast

from api.gemini.wire import Content, Part
from api.translate.request.context import RequestContext

Message = Mapping[str, Any]
_APART = "\n"


def speaker(message: Message) -> str:
    """Return a message's `name` on one line, "" without one."""
    name = message.get("name")
    return " ".join(name.split()) if name and isinstance(name, str) else ""


def note_speaker(message: Message, *, path: str, context: RequestContext) -> None:
    """Note that a message's name is sent as text."""
    if speaker(message):
        context.note("converted", f"{path}.name", "Gemini does not support names: added before the text of the message")


def speaker_parts(message: Message) -> list[Part]:
    """Return the part with the name, to precede the message's own parts; none without a name."""
    name = speaker(message)
    return [{"text": f"{name}: "}] if name else []


def with_speaker(message: Message, content: Content) -> Content:
    """Return the content of an assistant message with the client's `name` first, unless it begins with the name.

    The other parts stay unchanged, because their signatures belong to them.
    """
    own = speaker_parts(message)
    if not own or (content["parts"] and content["parts"][0].get("text", "").lstrip() == own[0]["text"]):
        return content
    return cast("Content", {**content, "parts": [*own, *content["parts"]]})


def set_apart(content: Content) -> Content:
    """Return the content with a line break before it."""
    first, *rest = content["parts"]
    if first.get("text", "").startswith(_APART):
        return content
    begin = [{"text": f"{_APART}{first['text']}"}] if first.keys() == {"text"} else [{"text": _APART}, first]
    return cast("Content", {**content, "parts": [*begin, *rest]})
