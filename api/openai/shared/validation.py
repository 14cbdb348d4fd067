"""Translation of pydantic's errors to OpenAI's: a self-contained message, the parameter's path, a code.

SDKs show only `error.message`, so the message names the parameter, the expected type and the given type. A value is
quoted only if it is a number, a boolean or a short name, never prompt text. Messages follow OpenAI's current API; codes
are those of its published list.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from api.errors import InvalidRequestError
from api.openai.shared.unions import FIELD_ERROR, KIND_ERROR

MAX_SHOWN = 40
_NAME = re.compile(r"[\w.$-]{1,64}", re.ASCII)
_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a decimal"),
    (str, "a string"),
    (list, "an array"),
    (dict, "an object"),
)
_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a decimal",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
}


def invalid_request(error: ValidationError) -> InvalidRequestError:
    """Return the 400 for the first of pydantic's errors."""
    first = error.errors(include_url=False)[0]
    kind, param = first["type"], param_path(first["loc"])
    if kind.startswith(FIELD_ERROR):
        return _wrong_member(first, param, kind.removeprefix(FIELD_ERROR))
    if kind == KIND_ERROR:
        return _wrong_type(param, first["msg"], first["input"])
    if kind == "missing":
        return missing(param)
    if kind in _EXPECTED:
        return _wrong_type(param, _EXPECTED[kind], first["input"])
    if kind == "literal_error" and type(first["input"]) is not str:
        return _wrong_type(param, "a string", first["input"])
    describe = _OUT_OF_BOUNDS.get(kind)
    text = describe(param, first["ctx"], first["input"]) if describe else f"Invalid value for '{param}'."
    return InvalidRequestError(text, param=param, code="invalid_value")


def missing(param: str) -> InvalidRequestError:
    """Return the error for an absent parameter."""
    return InvalidRequestError(
        f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
    )


def param_path(location: Sequence[str | int]) -> str:
    """Return an error's location in OpenAI's form: `messages[0].content`.

    Union tags and pydantic's markers are removed; a client's key that is not a plain name ends the path.
    """
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step == "[key]" or (step.startswith("<") and step.endswith(">")):
            continue
        elif _NAME.fullmatch(step) is None:
            break
        else:
            path += f".{step}" if path else step
    return path


def printable_name(name: str) -> str:
    """Return a name from a client in printable ASCII, at most 40 characters."""
    text = "".join(char if " " <= char <= "~" else "?" for char in name[: MAX_SHOWN + 1])
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _wrong_type(param: str, expected: str, value: Any) -> InvalidRequestError:
    return InvalidRequestError(
        f"Invalid type for '{param}': expected {expected}, but got {_kind(value)} instead.",
        param=param,
        code="invalid_type",
    )


def _wrong_member(error: ErrorDetails, param: str, field: str) -> InvalidRequestError:
    """Return the error of a union with the discriminator `field`: not an object, no such field, or an unknown value."""
    value = error["input"]
    if type(value) is not dict:
        return _wrong_type(param, "an object", value)
    param = f"{param}.{field}"
    if field not in value:
        return missing(param)
    if type(value[field]) is not str:
        return _wrong_type(param, "a string", value[field])
    return InvalidRequestError(
        f"Invalid value{_shown(value[field])}. Supported values of '{param}' are: {error['msg']}.",
        param=param,
        code="invalid_value",
    )


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return next((name for python, name in _KINDS if isinstance(value, python)), "something else")


def _shown(value: Any) -> str:
    """Return `: 'value'` for a short harmless value, else ""."""
    if isinstance(value, str):
        return f": '{value}'" if len(value) <= MAX_SHOWN and value.isascii() and value.isprintable() else ""
    return f": {value}" if isinstance(value, int | float) and len(str(value)) <= MAX_SHOWN else ""


def _above(param: str, context: dict[str, Any], value: Any) -> str:
    return _bound(param, "above maximum", f"<= {_number(context['le'])}", value)


def _below(param: str, context: dict[str, Any], value: Any) -> str:
    return _bound(param, "below minimum", f">= {_number(context['ge'])}", value)


def _bound(param: str, what: str, expected: str, value: Any) -> str:
    kind = "integer" if isinstance(value, int) else "decimal"
    text = f"Invalid '{param}': {kind} {what} value. Expected a value {expected}"
    return f"{text}, but got {shown.removeprefix(': ')} instead." if (shown := _shown(value)) else f"{text}."


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _long(param: str, context: dict[str, Any], value: Any) -> str:
    what = "an array" if isinstance(value, list) else "an object"
    size = "length" if isinstance(value, list) else "size"
    # Not pydantic's own count, which stops at the limit.
    return (
        f"Invalid '{param}': {what.split()[1]} too long. Expected {what} with maximum {size} "
        f"{context['max_length']}, but got {what} with {size} {len(value)} instead."
    )


def _short(param: str, context: dict[str, Any], value: Any) -> str:
    del value
    return (
        f"Invalid '{param}': empty array. Expected an array with minimum length {context['min_length']}, "
        "but got an empty array instead."
    )


def _long_string(param: str, context: dict[str, Any], value: Any) -> str:
    return (
        f"Invalid '{param}': string too long. Expected a string with maximum length {context['max_length']}, "
        f"but got a string with length {len(value)} instead."
    )


def _short_string(param: str, context: dict[str, Any], value: Any) -> str:
    del value
    return (
        f"Invalid '{param}': empty string. Expected a string with minimum length {context['min_length']}, "
        "but got an empty string instead."
    )


def _pattern(param: str, context: dict[str, Any], value: Any) -> str:
    del context, value
    return f"Invalid '{param}': control characters and line separators are not allowed."


def _choice(param: str, context: dict[str, Any], value: Any) -> str:
    return f"Invalid value{_shown(value)}. Supported values of '{param}' are: {context['expected']}."


_OUT_OF_BOUNDS: dict[str, Callable[[str, dict[str, Any], Any], str]] = {
    "less_than_equal": _above,
    "greater_than_equal": _below,
    "too_long": _long,
    "too_short": _short,
    "string_too_long": _long_string,
    "string_too_short": _short_string,
    "string_pattern_mismatch": _pattern,
    "literal_error": _choice,
}
