"""The decoder of Gemini's streams: every cut, every line end, errors inside a stream, and invalid JSON."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import UpstreamError
from api.gemini.sse import StreamDecoder

ONE: dict[str, Any] = {"candidates": [{"content": {"parts": [{"text": 'Überall\u2028grün \\ " { } [ ]\r\n🍓'}]}}]}
TWO: dict[str, Any] = {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"totalTokenCount": 3}}
ERROR: dict[str, Any] = {"error": {"code": 503, "message": 'The "model" is { overloaded }.', "status": "UNAVAILABLE"}}
LINE_ENDS = {"crlf": b"\r\n", "lf": b"\n", "cr": b"\r"}


def event(value: Any, end: bytes = b"\r\n") -> bytes:
    return b"data: " + orjson.dumps(value) + end + end


def pretty(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


def multi_line(value: Any, end: bytes) -> bytes:
    return b"".join(b"data:" + line + end for line in pretty(value).split(b"\n")) + end


def decode(*reads: bytes, **options: int) -> list[dict[str, Any]]:
    decoder = StreamDecoder(**options)
    return [item for data in reads for item in decoder.feed(data)] + decoder.finish()


BODIES: dict[str, tuple[bytes, list[dict[str, Any]]]] = {
    **{f"events-{name}": (event(ONE, end) + event(TWO, end), [ONE, TWO]) for name, end in LINE_ENDS.items()},
    **{f"multi-line-{name}": (multi_line(ONE, end) + event(TWO, end), [ONE, TWO]) for name, end in LINE_ENDS.items()},
    **{
        f"bare-error-{name}": (event(ONE, end) + pretty(ERROR).replace(b"\n", end) + end, [ONE, ERROR])
        for name, end in LINE_ENDS.items()
    },
    "mixed line ends": (event(ONE, b"\n") + event(TWO, b"\r\n") + event(ONE, b"\r"), [ONE, TWO, ONE]),
    "bare error without a line end": (event(ONE) + orjson.dumps(ERROR), [ONE, ERROR]),
    "events after a bare object": (event(ONE) + orjson.dumps(ERROR) + b"\r\n" + event(TWO), [ONE, ERROR, TWO]),
    "error as an event": (event(ONE) + event(ERROR), [ONE, ERROR]),
    "error in an array as an event": (event([ERROR]), [ERROR]),
    "comments and other fields": (b": hi\r\nevent: x\r\nid: 1\r\nretry: 5\r\n" + event(ONE), [ONE]),
    "no blank line at the end": (event(ONE) + b"data: " + orjson.dumps(TWO), [ONE, TWO]),
    "one line end at the end": (event(ONE) + b"data: " + orjson.dumps(TWO) + b"\n", [ONE, TWO]),
    "done mark": (event(ONE) + b"data: [DONE]\n\n", [ONE]),
    "blank lines and a byte order mark": (b"\xef\xbb\xbf\r\n\r\n" + event(ONE) + b"\r\n\r\n", [ONE]),
    "NUL and half a surrogate pair": (
        rb'data: {"a": "\u0000\ud83d\ud83d\ude00"}' + b"\n\n" + event(TWO),
        [{"a": "\ufffd\ufffd😀", "replacedCharacters": True}, TWO],
    ),
    "no space after the colon": (b"data:" + orjson.dumps(ONE) + b"\n\n", [ONE]),
    "array": (b"[" + pretty(ONE) + b"\n,\r\n" + pretty(TWO) + b"\n]\n", [ONE, TWO]),
    "array of one error": (b"[" + pretty(ERROR) + b"\n]\n", [ERROR]),
    "array with garbage behind": (b"[" + orjson.dumps(ONE) + b']\n<html>"oops', [ONE]),
    "one object": (pretty(ERROR), [ERROR]),
    "garbage behind the events": (event(ONE) + b"<html>502</html>\n", [ONE]),
    "nothing": (b"", []),
    "empty array": (b"[]", []),
}


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES)
def test_a_whole_body_is_decoded_in_one_read(body: bytes, expected: list[Any]) -> None:
    assert decode(body) == expected


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES)
def test_rule_091_a_stream_cut_at_every_byte_is_decoded(body: bytes, expected: list[Any]) -> None:
    for cut in range(len(body) + 1):
        assert decode(body[:cut], body[cut:]) == expected


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES)
def test_a_stream_is_decoded_byte_by_byte(body: bytes, expected: list[Any]) -> None:
    assert decode(*(body[index : index + 1] for index in range(len(body)))) == expected


@given(st.data())
def test_a_stream_with_any_cuts_is_decoded(data: st.DataObject) -> None:
    body, expected = data.draw(st.sampled_from(list(BODIES.values())))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    assert decode(*(body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True))) == expected


def test_an_event_is_returned_as_soon_as_it_is_complete() -> None:
    for end in LINE_ENDS.values():
        decoder = StreamDecoder()
        assert decoder.feed(event(ONE, end)) == [ONE]
        assert decoder.feed(event(TWO, end)[:-1]) == ([TWO] if end == b"\r\n" else [])


def test_an_array_item_is_returned_with_its_last_brace() -> None:
    decoder = StreamDecoder()
    assert decoder.feed(b"[" + orjson.dumps(ONE)) == [ONE]


NOT_JSON = [
    b"data: {oops}\n\n",
    b'data: "text"\n\n',
    b"data: 5\n\n",
    b"data: [5]\n\n",
    b'{"a": nope}',
    b"data: \xff{}\n\n",
]


@pytest.mark.parametrize("body", NOT_JSON)
def test_an_event_that_is_no_json_object_is_an_error_without_its_text(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        decode(body)
    assert "oops" not in caught.value.message


def test_events_before_a_malformed_event_are_returned_first() -> None:
    decoder = StreamDecoder()
    assert decoder.feed(event(ONE) + b"data: {oops}\r\n\r\n" + event(TWO)) == [ONE]
    for _ in range(2):
        with pytest.raises(UpstreamError):
            decoder.feed(event(TWO))
    with pytest.raises(UpstreamError):
        decoder.finish()


@pytest.mark.parametrize("body", [event(ONE), orjson.dumps(ERROR), b"[" + orjson.dumps(ONE)])
def test_a_body_that_breaks_off_inside_an_object_is_an_error(body: bytes) -> None:
    for cut in range(body.index(b"{") + 1, body.rindex(b"}")):
        with pytest.raises(UpstreamError, match="is incomplete"):
            decode(body[:cut])


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"upstream connect error\r\n\r\n"])
def test_a_body_without_a_single_object_is_an_error(body: bytes) -> None:
    with pytest.raises(UpstreamError, match="not valid JSON"):
        decode(body)


@pytest.mark.parametrize("body", [event(ONE), multi_line(ONE, b"\n"), pretty(ONE), b"[" + pretty(ONE)])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_an_event_above_the_limit_is_an_error(body: bytes, size: int) -> None:
    reads = [body[start : start + size] for start in range(0, len(body), size)]
    assert decode(*reads, max_event_bytes=len(body)) == [ONE]
    with pytest.raises(UpstreamError, match="larger"):
        decode(*reads, max_event_bytes=40)


def test_the_limit_applies_to_one_event_not_to_the_stream() -> None:
    assert len(decode(*[event(ONE)] * 50, max_event_bytes=len(event(ONE)))) == 50
