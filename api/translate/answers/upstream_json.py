"""Reading Gemini's JSON: unknown fields are left alone, a known field of a wrong type is Gemini's fault."""

from typing import Any, TypeVar

import orjson

from api.errors import UpstreamError

Expected = TypeVar("Expected")


def expect(value: Any, kind: type[Expected]) -> Expected:
    """Return `value` if it is of that JSON type, else raise UpstreamError."""
    if isinstance(value, kind):
        return value
    raise unexpected_shape()


def to_json(value: Any) -> str:
    """Return compact JSON with the keys in Gemini's order; raise UpstreamError if it nests too deeply to be written."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        raise unexpected_shape() from None


def label(name: str, longest: int) -> str:
    """Return a name of Gemini's as a record can hold it: no longer than a column, and without NUL."""
    return name[:longest].replace("\x00", "\ufffd")


def unexpected_shape() -> UpstreamError:
    """Return the error for an answer that is JSON but not an answer."""
    return UpstreamError("The upstream response has an unexpected structure.")
