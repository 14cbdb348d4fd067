"""Reading JSON from strangers: bytes in, a plain dict out, everything hostile refused in OpenAI's words.

orjson already refuses NaN and overflowing numbers, UTF-16, bad UTF-8 and more than 1,024 levels. Added here is a lower
depth: what goes on must be serialised again, and orjson writes at most 254 levels. What honest programs write all the
same is read (`api.json.repair`). Of duplicate keys the last wins, as everywhere.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from api.errors import InvalidRequestError
from api.json.repair import read_json, replaced
from api.notes import Note

MAX_DEPTH = 64

_UNREADABLE = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)"
)


def parse_json(body: bytes, *, max_depth: int = MAX_DEPTH) -> tuple[dict[str, Any], Sequence[Note]]:
    """Return the JSON object in `body`, and what was changed in reading it.

    Raises InvalidRequestError if it is empty, no JSON, no object or deeper than `max_depth`.
    """
    try:
        value, mended = read_json(body)
    except orjson.JSONDecodeError:
        raise InvalidRequestError(_UNREADABLE) from None
    if type(value) is not dict:
        raise InvalidRequestError("Invalid body: expected a JSON object.", code="invalid_type")
    if body.count(b"{") + body.count(b"[") > max_depth and is_deeper(value, max_depth):
        raise InvalidRequestError(
            f"Invalid body: nested too deeply. Expected at most {max_depth} levels.", code="invalid_value"
        )
    return value, [replaced("body")] if mended else []


def is_deeper(root: Any, limit: int) -> bool:
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
