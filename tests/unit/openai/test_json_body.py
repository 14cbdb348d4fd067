"""Hostile and invalid JSON is rejected in OpenAI's form; unusual but valid JSON is read, with the usual repairs."""

import json
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import InvalidRequestError
from api.json.repair import replaced
from api.openai.shared.json_body import MAX_DEPTH, parse_json


def nested(levels: int) -> bytes:
    """Return an object of `levels` levels, including its own, with a value at the lowest level."""
    return b'{"a":' + b"[" * (levels - 1) + b"0" + b"]" * (levels - 1) + b"}"


REFUSED = {
    "empty": b"",
    "blank": b"  \n",
    "half": b'{"model": "gpt-4"',
    "not JSON": b"model=gpt-4",
    "trailing comma": b'{"a": 1,}',
    "two values": b"{} {}",
    "array": b"[]",
    "string": b'"text"',
    "null": b"null",
    "number": b"1",
    "100k arrays": b'{"a":' + b"[" * 100_000,
    "100k closed arrays": nested(100_000),
    "100k objects": b'{"a":' * 100_000,
    "just too deep": nested(MAX_DEPTH + 1),
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "overflowing decimal": b'{"a": 1e999}',
    "5,000 digits": b'{"a": ' + b"1" * 5000 + b"}",
    "raw NUL": b'{"a": "x\x00y"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "bad UTF-8": b'{"a": "\xff"}',
    "bad UTF-8 beside a half of a surrogate pair": b'{"a": "\xff\xed\xa0\xbd"}',
    "NaN beside a half of a surrogate pair": rb'{"a": "\ud83d", "b": NaN}',
    "5,000 digits beside a NUL": rb'{"a": "\u0000", "b": ' + b"1" * 5000 + b"}",
    "100k arrays around a half of a surrogate pair": b'{"a":' + b"[" * 100_000 + rb'"\ud83d"',
    "half a surrogate pair in a wrong escape": rb'{"a": "\ud83"}',
    "two byte order marks": b"\xef\xbb\xbf\xef\xbb\xbf{}",
    "UTF-16 with half a surrogate pair": '{"a": "\ud83d"}'.encode("utf-16", "surrogatepass"),
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "raw line break in a string": b'{"a": "x\ny"}',
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_hostile_json_is_rejected(body: bytes) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse_json(body)
    assert caught.value.status == 400
    assert caught.value.type == "invalid_request_error"
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"{}", {}),
        (b' \r\n\t{"a": 1} ', {"a": 1}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (rb'{"a": "\\u0000"}', {"a": r"\u0000"}),
        (rb'{"a": "\u0001"}', {"a": "\x01"}),
        (rb'{"a": "\ud83d\ude00"}', {"a": "😀"}),
        ('{"a": "😀"}'.encode(), {"a": "😀"}),
        (b'{"a": "' + b"[{" * 500 + b'"}', {"a": "[{" * 500}),
    ],
)
def test_valid_json_is_read(body: bytes, value: object) -> None:
    assert parse_json(body) == (value, [])


def test_the_deepest_allowed_body_is_read() -> None:
    assert parse_json(nested(MAX_DEPTH))[0].keys() == {"a"}


def test_wide_bodies_are_accepted() -> None:
    assert len(parse_json(b'{"a": [' + b",".join([b"{}"] * 500) + b"]}")[0]["a"]) == 500


REPLACED = {
    "high half": (rb'{"a": "x\ud83d"}', "x\ufffd"),
    "high half in capitals": (rb'{"a": "x\uD83D"}', "x\ufffd"),
    "low half": (rb'{"a": "\ude00x"}', "\ufffdx"),
    "halves in the wrong order": (rb'{"a": "\ude00\ud83d"}', "\ufffd\ufffd"),
    "half before a pair": (rb'{"a": "\ud83d\ud83d\ude00"}', "\ufffd😀"),
    "half after a pair": (rb'{"a": "\ud83d\ude00\ude00"}', "😀\ufffd"),
    "half after an escaped backslash": (rb'{"a": "\\\ud83d"}', "\\\ufffd"),
    "half between what looks like one": (rb'{"a": "\\ud83d\ude00"}', "\\ud83d\ufffd"),
    "NUL": (rb'{"a": "x\u0000y"}', "x\ufffdy"),
    "NUL after an escaped backslash": (rb'{"a": "\\\u0000"}', "\\\ufffd"),
    "half as bytes": (b'{"a": "x\xed\xa0\xbd"}', "x\ufffd"),
    "low half as bytes": (b'{"a": "\xed\xb8\x80x"}', "\ufffdx"),
    "pair as bytes of each half": (b'{"a": "\xed\xa0\xbd\xed\xb8\x80"}', "😀"),
    "pair and half as bytes": (b'{"a": "\xed\xb8\x80\xed\xa0\xbd\xed\xb8\x80"}', "\ufffd😀"),
}
PIECES = ["\ud83d", "\ude00", "\0", "\\", '"', "u", "d83d", "0000", "é", "\ufffd", "😀"]


@pytest.mark.parametrize(("body", "text"), REPLACED.values(), ids=REPLACED.keys())
def test_characters_that_no_database_stores_are_replaced(body: bytes, text: str) -> None:
    assert parse_json(body) == ({"a": text}, [replaced("body")])


def test_a_name_with_replaced_characters_is_accepted() -> None:
    assert parse_json(rb'{"a\u0000\ud83d": 1}')[0] == {"a\ufffd\ufffd": 1}


def test_a_byte_order_mark_is_skipped() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": 1}') == ({"a": 1}, [])


@given(st.lists(st.sampled_from(PIECES)).map("".join), st.booleans())
def test_every_other_character_is_unchanged(text: str, ascii_only: bool) -> None:
    body = json.dumps({"a": text}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    units = text.encode("utf-16-le", "surrogatepass")
    assert parse_json(body)[0] == {"a": units.decode("utf-16-le", "replace").replace("\0", "\ufffd")}


@pytest.mark.parametrize("unit", [rb"\ud83d", rb"\u0000", rb"\\", b"\xed\xa0\xbd", b"\xed\xa0\xbd\xed\xb8\x80"])
def test_the_work_of_repairs_grows_with_the_length_only(unit: bytes) -> None:
    def seconds(units: int) -> float:
        body = b'{"a": "' + unit * units + rb'\ud83d"}'
        began = process_time()
        parse_json(body)
        return process_time() - began

    seconds(1000)
    assert seconds(400_000) < 40 * max(seconds(40_000), 0.002)
