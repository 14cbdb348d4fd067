"""Reading JSON from strangers: bytes in, a plain dict out, everything hostile refused in OpenAI's words.

orjson already refuses NaN and overflowing numbers, lone surrogates, UTF-16, a byte order mark, bad UTF-8 and more than
1,024 levels. Added here: a lower depth (what goes on must be serialised again, and orjson writes at most 254 levels)
and NUL characters (PostgreSQL's text has none). Of duplicate keys the last wins, as everywhere.
"""

from typing import Any

import orjson

from api.errors import InvalidRequestError

MAX_DEPTH = 64
_NUL = rb"\u0000"

_UNREADABLE = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)"
)


def parse_json(body: bytes, *, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Return the JSON object in `body`.

    Raises InvalidRequestError if it is empty, no JSON, no object, deeper than `max_depth` or holds a NUL character.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidRequestError(_UNREADABLE) from None
    if type(value) is not dict:
        raise InvalidRequestError("Invalid body: expected a JSON object.", code="invalid_type")
    # Escaped backslashes go first: what they precede is text.
    if _NUL in body and _NUL in body.replace(rb"\\", b""):
        raise InvalidRequestError(r"Invalid body: NUL characters (\u0000) are not allowed.", code="invalid_value")
    if body.count(b"{") + body.count(b"[") > max_depth and _is_deeper(value, max_depth):
        raise InvalidRequestError(
            f"Invalid body: nested too deeply. Expected at most {max_depth} levels.", code="invalid_value"
        )
    return value


def parse_arguments(arguments: str, *, param: str) -> dict[str, Any]:
    """Return the JSON object in a tool call's `arguments`; blank text means `{}`.

    Raises InvalidRequestError naming `param`.
    """
    if not arguments.strip():
        return {}
    try:
        value = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        raise InvalidRequestError(
            f"Invalid value for '{param}': expected a string with a JSON object, but it is not valid JSON.",
            param=param,
            code="invalid_value",
        ) from None
    if type(value) is not dict:
        raise InvalidRequestError(
            f"Invalid value for '{param}': expected a string with a JSON object.", param=param, code="invalid_value"
        )
    if arguments.count("{") + arguments.count("[") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise InvalidRequestError(
            f"Invalid value for '{param}': nested too deeply. Expected at most {MAX_DEPTH} levels.",
            param=param,
            code="invalid_value",
        )
    return value


def _is_deeper(root: Any, limit: int) -> bool:
    """Tell whether containers nest deeper than `limit`, level by level; empty ones do not count."""
    level = [root]
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if child and (type(child) is dict or type(child) is list)
        ]
        if not level:
            return False
    return True
