"""Server-sent events as OpenAI writes them.

Chat and completions send unnamed `data:` events and end with `[DONE]`; the newer endpoints name each event by its
type. Never an `id:` field and never an `event:` without `data:`: OpenAI's Python SDK breaks on both.
"""

from collections.abc import Mapping
from typing import Any

import orjson

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"


def event(obj: Mapping[str, Any]) -> bytes:
    """Return `obj` as one unnamed event. JSON never holds a raw line break, so one `data:` line is enough."""
    return b"data: " + orjson.dumps(obj) + b"\n\n"


def named_event(name: str, obj: Mapping[str, Any]) -> bytes:
    """Return `obj` as one event named `name` (one of OpenAI's event types, never a client's text)."""
    return b"event: " + name.encode("ascii") + b"\ndata: " + orjson.dumps(obj) + b"\n\n"
