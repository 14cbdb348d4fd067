"""Framing of responses: plain JSON, server-sent events (`alt=sse`), or Google's streamed JSON array."""

from collections.abc import Callable
from typing import Any

import orjson

JSON = b"application/json; charset=UTF-8"
SSE = b"text/event-stream"


def dump(value: Any) -> bytes:
    """Return a value in Google's JSON format: two spaces per level."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


def sse_event(value: Any) -> bytes:
    """One event of a stream with `alt=sse`; Google ends lines with CR LF and sends no `[DONE]`."""
    return b"data: " + orjson.dumps(value) + b"\r\n\r\n"


class ArrayFraming:
    """A stream without `alt=sse`: one JSON array, an element a chunk."""

    content_type = JSON
    end = b"\n]\n"

    def __init__(self) -> None:
        self.started = False

    def chunk(self, value: Any) -> bytes:
        """Return the next element with its opening bracket or comma."""
        opening = b",\r\n" if self.started else b"["
        self.started = True
        return opening + dump(value)


class SseFraming:
    """A stream with `alt=sse`."""

    content_type = SSE
    end = b""
    chunk: Callable[[Any], bytes] = staticmethod(sse_event)
