"""Server-sent events in OpenAI's form.

Chat and completions send unnamed `data:` events and end with `[DONE]`; the newer endpoints name each event by its type.
No event has an `id:` field, and no `event:` comes without `data:`: OpenAI's Python SDK fails on both.

JSON leaves U+0085, U+2028 and U+2029 unescaped. Events escape them, because clients that split a stream by
`str.splitlines` treat them as line ends.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
CONTENT_TYPE: Final = "text/event-stream; charset=utf-8"

# In UTF-8. Unicode's other line ends are control characters, which JSON escapes.
_LINE_ENDS: Final = (
    (b"\xc2\x85", rb"\u0085"),
    (b"\xe2\x80\xa8", rb"\u2028"),
    (b"\xe2\x80\xa9", rb"\u2029"),
)


def event(obj: Mapping[str, Any]) -> bytes:
    """Return `obj` as one unnamed event. JSON contains no raw line break, so one `data:` line is enough."""
    json = orjson.dumps(obj)
    return b"data: %b\n\n" % (json if json.isascii() else _one_line(json))


def named_event(obj: Mapping[str, Any]) -> bytes:
    """Return `obj` as one event named by its `type`, which is one of OpenAI's event types and never client text."""
    json, kind = orjson.dumps(obj), obj["type"].encode("ascii")
    return b"event: %b\ndata: %b\n\n" % (kind, json if json.isascii() else _one_line(json))


def _one_line(json: bytes) -> bytes:
    """Return JSON with every Unicode line end escaped."""
    for line_end, escaped in _LINE_ENDS:
        if line_end in json:
            json = json.replace(line_end, escaped)
    return json


@dataclass(frozen=True, slots=True)
class Spelling:
    """The event format of an endpoint family, and the terminator of a successful stream."""

    event: Callable[[Mapping[str, Any]], bytes]
    end: bytes


UNNAMED: Final = Spelling(event, DONE)  # chat and legacy completions
NAMED: Final = Spelling(named_event, b"")  # responses
