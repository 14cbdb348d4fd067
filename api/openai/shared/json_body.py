"""Parsing of untrusted JSON bodies: bytes in, a dict out, OpenAI's error for anything else.

orjson rejects NaN, overflowing numbers, UTF-16, invalid UTF-8 and more than 1,024 levels. The limit of levels is lower
here, because orjson serialises at most 254. `api.json.repair` corrects mistakes that are frequent in honest clients.
The last of duplicate keys counts.
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
    """Return the JSON object in `body` and the notes on corrections.

    Raises InvalidRequestError if the body is empty, not JSON, not an object or deeper than `max_depth`.
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
    """Whether containers nest deeper than `limit`, checked level by level; empty containers do not count."""
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
