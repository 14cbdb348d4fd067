"""Reads Gemini's JSON: unknown fields are ignored, a known field of a wrong type is an upstream error."""

from typing import Any, TypeVar

import orjson

from api.errors import UpstreamError

Expected = TypeVar("Expected")


def expect(value: Any, kind: type[Expected]) -> Expected:
    """Return `value` if it has that JSON type. Raises UpstreamError otherwise."""
    if isinstance(value, kind):
        return value
    raise unexpected_shape()


def to_json(value: Any) -> str:
    """Return compact JSON with the keys in Gemini's order. Raises UpstreamError for JSON nested too deeply."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        raise unexpected_shape() from None


def label(name: str, longest: int) -> str:
    """Return an upstream name in storable form: at most `longest` characters, without NUL."""
    return name[:longest].replace("\x00", "\ufffd")


def unexpected_shape() -> UpstreamError:
    """Return the error for JSON of an unexpected shape."""
    return UpstreamError("The upstream response has an unexpected structure.")
