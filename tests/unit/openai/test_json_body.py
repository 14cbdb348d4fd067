"""Hostile and broken JSON is refused in OpenAI's form; odd but sound JSON is read."""

import pytest

from api.errors import InvalidRequestError
from api.openai.json_body import MAX_DEPTH, parse_arguments, parse_json


def nested(levels: int) -> bytes:
    """Return an object `levels` deep, its own level included, with something at the bottom."""
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
    "lone surrogate": rb'{"a": "\ud800"}',
    "lone low surrogate": rb'{"a": "\udc00x"}',
    "escaped NUL": rb'{"a": "x\u0000y"}',
    "escaped NUL after an escaped backslash": rb'{"a": "\\\u0000"}',
    "NUL in a name": rb'{"a\u0000": 1}',
    "raw NUL": b'{"a": "x\x00y"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "bad UTF-8": b'{"a": "\xff"}',
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "raw line break in a string": b'{"a": "x\ny"}',
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_hostile_json_is_refused(body: bytes) -> None:
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
def test_sound_json_is_read(body: bytes, value: object) -> None:
    assert parse_json(body) == value


def test_the_deepest_allowed_body_is_read() -> None:
    assert parse_json(nested(MAX_DEPTH)).keys() == {"a"}


def test_wide_bodies_are_not_deep() -> None:
    assert len(parse_json(b'{"a": [' + b",".join([b"{}"] * 500) + b"]}")["a"]) == 500


@pytest.mark.parametrize(
    ("arguments", "value"), [("", {}), ("  ", {}), ("{}", {}), ('{"b": 1, "a": [2]}', {"b": 1, "a": [2]})]
)
def test_arguments_are_an_object(arguments: str, value: object) -> None:
    assert parse_arguments(arguments, param="x") == value


@pytest.mark.parametrize(
    "arguments", ["[]", "null", '"text"', "{", "{'a': 1}", '{"a": NaN}', '{"a":' + "[" * 90 + "]" * 90 + "}"]
)
def test_arguments_that_are_no_object_name_their_place(arguments: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse_arguments(arguments, param="messages[1].function_call.arguments")
    assert caught.value.param == "messages[1].function_call.arguments"
    assert caught.value.code == "invalid_value"
