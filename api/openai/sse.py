"""Server-sent events as OpenAI writes them.

Chat and completions send unnamed `data:` events and end with `[DONE]`; the newer endpoints name each event by its
type. Never an `id:` field and never an `event:` without `data:`: OpenAI's Python SDK breaks on both.

JSON leaves U+0085, U+2028 and U+2029 as they are. Clients that split a stream by `str.splitlines` take them for line
ends, so events hold them escaped.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
CONTENT_TYPE: Final = "text/event-stream; charset=utf-8"

# In UTF-8. The other line ends of Unicode are control characters, which JSON escapes.
_LINE_ENDS: Final = (
    (b"\xc2\x85", rb"\u0085"),
    (b"\xe2\x80\xa8", rb"\u2028"),
    (b"\xe2\x80\xa9", rb"\u2029"),
)


def event(obj: Mapping[str, Any]) -> bytes:
    """Return `obj` as one unnamed event. JSON never holds a raw line break, so one `data:` line is enough."""
    return b"data: " + one_line(orjson.dumps(obj)) + b"\n\n"


def named_event(name: str, obj: Mapping[str, Any]) -> bytes:
    """Return `obj` as one event named `name` (one of OpenAI's event types, never a client's text)."""
    return b"event: " + name.encode("ascii") + b"\ndata: " + one_line(orjson.dumps(obj)) + b"\n\n"


def one_line(json: bytes) -> bytes:
    """Return JSON with every line end of Unicode escaped."""
    if json.isascii():
        return json
    for line_end, escaped in _LINE_ENDS:
        if line_end in json:
            json = json.replace(line_end, escaped)
    return json
