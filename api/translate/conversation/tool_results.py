"""A tool's result to `functionResponse.response`, which is always an object (rules 16 and 17)."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

# Google's field name for a function's plain result.
WRAPPER = "output"
# orjson writes at most 254 levels; a useful result is not nested deeper than this.
MAX_DEPTH = 64


def result_to_response(content: str | Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    """Return the response object of a tool message's content.

    A JSON object stays unchanged, in its own key order; an array or any other text is wrapped. Several text parts
    become an array, because a separator would be read as part of the result (rule 9). A JSON result with a `$ref` key
    is sent as plain text, because Gemini reads the key as a file reference. Parts other than text are ignored.
        '{"temp": 21}'   {"temp": 21}
        '21 degrees'     {"output": "21 degrees"}
        '[1, 2]'         {"output": [1, 2]}
    """
    if content is None:
        return {WRAPPER: ""}
    if isinstance(content, str):
        return _text_to_response(content)
    texts = [part["text"] for part in content if part["type"] == "text"]
    if len(texts) == 1:
        return _text_to_response(texts[0])
    return {WRAPPER: texts or ""}


def _text_to_response(text: str) -> dict[str, Any]:
    start = text.lstrip(" \t\r\n")[:1]
    if start not in {"{", "["} or not start:
        return {WRAPPER: text}
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {WRAPPER: text}
    if _may_need_a_look(text) and not _is_plain(parsed, MAX_DEPTH):
        return {WRAPPER: text}
    return parsed if isinstance(parsed, dict) else {WRAPPER: parsed}


def _may_need_a_look(text: str) -> bool:
    """Tell whether the text may have a `$ref` key (even escaped) or nest too deeply; most texts cannot."""
    return "$ref" in text or "\\u" in text or text.count("{") + text.count("[") > MAX_DEPTH


def _is_plain(value: Any, depth: int) -> bool:
    """Tell whether `value` has no `$ref` key and at most `depth` levels."""
    if isinstance(value, dict):
        return depth > 0 and "$ref" not in value and all(_is_plain(item, depth - 1) for item in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_is_plain(item, depth - 1) for item in value)
    return True
