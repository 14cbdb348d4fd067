"""Arguments of calls in the history: JSON text to the object that Gemini accepts, for any text.

A model may have been cut off in the middle of a call, and the client repeats the call in every later request. So no
text is rejected: the readable members are sent as JSON, the rest as text.
"""

import json
import math
import re
from typing import Any, Final

import orjson

from api.json.repair import mended, read_json, replaced
from api.openai.shared.json_body import MAX_DEPTH, is_deeper
from api.translate.request.context import RequestContext

UNPARSED: Final = "unparsed_arguments"

_NUL: Final = r"\u0000"
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_AFTER_NUMBER: Final = frozenset(", }\t\r\n")
_NOTHING_LEFT: Final = " \t\r\n,}"


def read_arguments(text: str, *, path: str, context: RequestContext) -> dict[str, Any]:
    """Return the arguments of the call at `path`, in the client's key order (rule 23).

    Blank text means `{}`. Of a truncated or malformed object the complete members are read:
        {"path": "a.py", "text": "def    {"path": "a.py", "unparsed_arguments": "\\"text\\": \\"def"}
        [1, 2]                           {"unparsed_arguments": "[1, 2]"}
    """
    if not text.strip():
        return {}
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _mended_arguments(text, path, context)
    if type(value) is not dict or _NUL in text:
        return _mended_arguments(text, path, context)
    if not _is_too_deep(value, text):
        return value
    context.note("converted", path, f"arguments with more than {MAX_DEPTH} levels: sent as text in '{UNPARSED}'")
    return {UNPARSED: text}


def _mended_arguments(text: str, path: str, context: RequestContext) -> dict[str, Any]:
    """Return the readable members of arguments that are not a valid JSON object."""
    raw = text.encode("utf-8", "surrogatepass")
    try:
        value, was_mended = read_json(raw)
    except orjson.JSONDecodeError:
        return _readable_arguments(mended(raw).decode("utf-8", "replace"), path, context)
    if was_mended:
        context.notes.append(replaced(path))
        text = mended(raw).decode()
    if type(value) is dict and not _is_too_deep(value, text):
        return value
    if type(value) is str and (inner := _object_in(value)) is not None:
        context.note("converted", path, "JSON object inside a JSON string: sent as the object")
        return inner
    if value is None:
        context.note("converted", path, "null: sent without arguments")
        return {}
    context.note("converted", path, f"arguments are not a JSON object: sent as text in '{UNPARSED}'")
    return {UNPARSED: text}


def _object_in(text: str) -> dict[str, Any] | None:
    """Return the JSON object in `text`, None if `text` has no object or one nested too deeply."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if type(value) is dict and not _is_too_deep(value, text) else None


def _readable_arguments(text: str, path: str, context: RequestContext) -> dict[str, Any]:
    """Return the complete members of a malformed object, and the rest as text."""
    members, end = _whole_members(text)
    rest = text[end:].lstrip(_NOTHING_LEFT).rstrip()
    if UNPARSED in members or _is_too_deep(members, text):
        members = {}
    if not members:
        context.note("converted", path, f"arguments are not a JSON object: sent as text in '{UNPARSED}'")
        return {UNPARSED: text}
    if not rest:
        context.note("converted", path, "malformed JSON: all members were readable")
        return members
    context.note("converted", path, f"malformed JSON: complete members are sent, the rest as text in '{UNPARSED}'")
    return {**members, UNPARSED: rest}


def _whole_members(text: str) -> tuple[dict[str, Any], int]:
    """Return the members of the object in `text` before the first truncated or malformed one, and their end offset."""
    members: dict[str, Any] = {}
    position = _skip_blanks(text, 0)
    if text[position : position + 1] != "{":
        return members, 0
    end = position + 1
    try:
        while text[position : position + 1] in ("{", ","):
            name, position = _DECODER.raw_decode(text, _skip_blanks(text, position + 1))
            position = _skip_blanks(text, position)
            if not isinstance(name, str) or text[position : position + 1] != ":":
                break
            value, position = _DECODER.raw_decode(text, _skip_blanks(text, position + 1))
            if type(value) in (int, float) and text[position : position + 1] not in _AFTER_NUMBER:
                break  # its last digits may be missing
            members[name] = value
            end = position = _skip_blanks(text, position)
    except (ValueError, RecursionError):
        pass
    return members, end


def _skip_blanks(text: str, position: int) -> int:
    blanks = _BLANKS.match(text, position)
    return blanks.end() if blanks else position


def _whole_number(digits: str) -> int | float | str:
    """Return an integer in the range of orjson, which cannot write larger ones; others become a float or text."""
    if len(digits) <= len(str(2**64)) and -(2**63) <= int(digits) < 2**64:
        return int(digits)
    return _number(digits)


def _number(digits: str) -> float | str:
    """Return a number; a number that overflows stays text."""
    number = float(digits)
    return number if math.isfinite(number) else digits


def _is_too_deep(value: dict[str, Any], text: str) -> bool:
    return text.count("{") + text.count("[") > MAX_DEPTH and is_deeper(value, MAX_DEPTH)


# Accepts line breaks inside strings, which models write, and reads NaN as text.
_DECODER: Final = json.JSONDecoder(parse_constant=str, parse_int=_whole_number, parse_float=_number, strict=False)
