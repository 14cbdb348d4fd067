"""The decoder of Gemini's streamed responses: bytes in, JSON objects out; no I/O.

Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) as
`:streamGenerateContent?alt=sse` sends them, the un-prefixed JSON block that Google inserts into a failing stream, and
the JSON array that the method sends without `alt=sse`. The objects are not interpreted here.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import orjson

from api.errors import UpstreamError
from api.json.repair import read_json

MAX_EVENT_BYTES: Final = 20 * 2**20

# Line ends of server-sent events. Bytes are split, never text: U+2028 and U+0085 stand unescaped in JSON strings.
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_OUTSIDE_STRING: Final = re.compile(rb'["{}]')
_INSIDE_STRING: Final = re.compile(rb'["\\]')
_NEWLINE: Final = ord("\n")
_RETURN: Final = ord("\r")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_BLANK: Final = b" \t\r\n"


class StreamDecoder:
    """Decodes the body of one streamed response into its JSON objects, independent of how the network splits the bytes.

    `feed` and `finish` raise UpstreamError for invalid JSON and for an event above `max_event_bytes`. Objects that were
    complete before the fault are returned first; the next call raises the fault, and so does every later call.
    """

    __slots__ = (
        "_between_events",
        "_block",
        "_data",
        "_data_size",
        "_fault",
        "_garbage_seen",
        "_head",
        "_limit",
        "_line",
        "_line_size",
        "_objects_seen",
        "_plain",
        "_skip_newline",
    )

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._limit = max_event_bytes
        self._fault: UpstreamError | None = None
        self._head: bytes | None = b""  # first bytes of the body, until the format is known
        self._plain: _JsonObjects | None = None  # the whole stream is plain JSON (array or one object)
        self._block: _JsonObjects | None = None  # an un-prefixed JSON object between events
        self._line: list[bytes] = []  # chunks of an incomplete line
        self._data: list[bytes] = []  # data lines of an incomplete event
        self._line_size = 0
        self._data_size = 0
        self._skip_newline = False  # the last read ended with \r: a \n at the start of the next belongs to it
        self._between_events = True  # no line, event or object is incomplete
        self._objects_seen = False
        self._garbage_seen = False

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Decode the next bytes of the body; return the objects completed by them."""
        if self._fault is not None:
            raise self._fault
        objects: list[dict[str, Any]] = []
        try:
            if not self._whole_events(data, objects):
                self._feed(data, objects)
                self._between_events = not (
                    self._head or self._plain or self._block or self._line or self._data or self._skip_newline
                )
        except UpstreamError as fault:
            self._fault = fault
            if not objects:
                raise
        if objects:
            self._objects_seen = True
        return objects

    def finish(self) -> list[dict[str, Any]]:
        """End the body; return the object of an event without its closing blank line."""
        if self._fault is not None:
            raise self._fault
        objects: list[dict[str, Any]] = []
        if self._head:
            self._start(self._head, objects, at_end=True)
        try:
            self._line_ended(b"".join(self._line), objects)
            self._line_ended(b"", objects)
        except UpstreamError:
            raise _broken_off() from None
        unfinished = self._plain or self._block
        if unfinished is not None and unfinished.inside:
            raise _broken_off()
        if self._garbage_seen and not (objects or self._objects_seen):
            raise _malformed()
        return objects

    def _whole_events(self, data: bytes, objects: list[dict[str, Any]]) -> bool:
        """Decode a read of whole one-line events, the usual case; return False for any other read."""
        end = b"\r\n\r\n" if data[-4:] == b"\r\n\r\n" else b"\n\n"
        if not self._between_events or data[:5] != b"data:" or data[-len(end) :] != end or len(data) > self._limit:
            return False
        text = data[5 : -len(end)]
        events = text.split(end + b"data:") if _NEWLINE in text else [text]
        for event in events:
            if _NEWLINE in event or _RETURN in event:
                return False
        self._head = None
        for event in events:
            _decode(event, objects)
        return True

    def _feed(self, data: bytes, objects: list[dict[str, Any]]) -> None:
        if self._head is not None:
            self._start(self._head + data, objects)
        elif self._plain is not None:
            self._plain.feed(data, objects)
        else:
            for line in self._lines(data):
                self._line_ended(line, objects)

    def _start(self, head: bytes, objects: list[dict[str, Any]], *, at_end: bool = False) -> None:
        """Choose between events and plain JSON by the first character, then decode `head`."""
        if not at_end and _BYTE_ORDER_MARK.startswith(head[:3]) and len(head) < len(_BYTE_ORDER_MARK):
            self._head = head
            return
        head = head.removeprefix(_BYTE_ORDER_MARK).lstrip(_BLANK)
        if not head:
            self._head = b""
            return
        self._head = None
        if head[:1] in (b"{", b"["):
            self._plain = _JsonObjects(self._limit)
        self._feed(head, objects)

    def _lines(self, data: bytes) -> Iterator[bytes]:
        """Yield each line that ends in `data`; store the remainder."""
        if self._skip_newline and data:
            self._skip_newline = False
            data = data.removeprefix(b"\n")
        if data.endswith(b"\r"):
            self._skip_newline = True
        start = 0
        for end in _LINE_END.finditer(data):
            line = data[start : end.start()]
            if self._line:
                self._line.append(line)
                line = b"".join(self._line)
                self._line.clear()
                self._line_size = 0
            start = end.end()
            yield line
        if start < len(data):
            self._line.append(data[start:])
            self._line_size += len(data) - start
            self._check_size()

    def _check_size(self) -> None:
        if self._line_size + self._data_size > self._limit:
            raise _too_large()

    def _line_ended(self, line: bytes, objects: list[dict[str, Any]]) -> None:
        if self._block is not None:
            self._block.feed(line + b"\n", objects)
            if not self._block.inside:
                self._block = None
        elif line[:5] == b"data:":
            self._data.append(line[5:])
            self._data_size += len(line)
            self._check_size()
        elif not line:
            if self._data:
                event = b"\n".join(self._data)
                self._data.clear()
                self._data_size = 0
                _decode(event, objects)
        elif line[:1] == b"{" and not self._data:
            self._block = _JsonObjects(self._limit)
            self._line_ended(line, objects)
        elif line[:1] != b":" and line.partition(b":")[0] not in (b"event", b"id", b"retry"):
            self._garbage_seen = True


class _JsonObjects:
    """Extracts whole JSON objects from bytes that arrive in chunks.

    Bytes between two objects (brackets, commas, white space, garbage after the last one) are skipped.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._depth = 0
        self._in_string = False
        self._skip = 0  # 1 if the last chunk ended between a backslash and the escaped character

    @property
    def inside(self) -> bool:
        """Whether an object is incomplete."""
        return self._depth > 0

    def feed(self, data: bytes, objects: list[dict[str, Any]]) -> None:
        """Decode the next bytes and append the completed objects to `objects`."""
        start, position = 0, self._skip
        self._skip = 0
        while True:
            mark = (_INSIDE_STRING if self._in_string else _OUTSIDE_STRING).search(data, position)
            if mark is None:
                break
            position = mark.end()
            if mark[0] == b"\\":
                position += 1
            elif mark[0] == b'"':
                # Between objects a quotation mark opens no string: garbage must not swallow the next object.
                self._in_string = self.inside and not self._in_string
            elif mark[0] == b"{":
                if not self.inside:
                    start = mark.start()
                self._depth += 1
            elif self.inside:
                self._depth -= 1
                if not self._depth:
                    self._keep(data[start:position])
                    _decode(self._take(), objects)
        self._skip = max(0, position - len(data))
        if self.inside:
            self._keep(data[start:])

    def _take(self) -> bytes:
        whole = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        return whole

    def _keep(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > self._limit:
            raise _too_large()


def _decode(text: bytes, objects: list[dict[str, Any]]) -> None:
    """Append the object in `text`, or the objects of an array (Google wraps some errors in one)."""
    try:
        decoded, replaced = read_json(text)
    except orjson.JSONDecodeError:
        if text.strip() in (b"", b"[DONE]"):
            return
        raise _malformed() from None
    for item in decoded if isinstance(decoded, list) else (decoded,):
        if not isinstance(item, dict):
            raise _malformed()
        if replaced:
            item["replacedCharacters"] = True
        objects.append(item)


def _malformed() -> UpstreamError:
    return UpstreamError("The upstream response contains an event that is not valid JSON.")


def _broken_off() -> UpstreamError:
    return UpstreamError("The upstream response is incomplete.")


def _too_large() -> UpstreamError:
    return UpstreamError("An event of the upstream response is larger than the limit of this server.", retryable=False)
