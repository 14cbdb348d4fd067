"""The contract of `api.http.messages` with Django: its objects equal the objects of Django's constructors."""

import io
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import BadHeaderError

from api.http.messages import LeanRequest, LeanResponse, LeanStream

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "post",
    "scheme": "https",
    "root_path": "/below",
    "path": "/below/v1/chat/completions",
    "query_string": b"after=%C3%A4&after=b",
    "client": ("127.0.0.1", 4000),
    "server": ("127.0.0.1", 8080),
    "headers": [
        (b"host", b"localhost:8080"),
        (b"content-type", b"application/json"),
        (b"content-length", b"2"),
        (b"x-name", b"one"),
        (b"x-name", "zwölf".encode("latin1")),
        (b"x_name", b"an impostor"),
        (b"cookie", b"a=b"),
    ],
}
BARE: dict[str, Any] = {"type": "http", "method": "GET", "path": "/v1", "headers": []}
UNIX: dict[str, Any] = SCOPE | {"client": None, "server": ("/run/gateway.sock", None), "root_path": ""}
CONTENT_TYPES = [
    b"application/json",
    b"application/json; charset=utf-8",
    b'text/plain; charset="latin-1"',
    b"text/plain; charset=none",
    b"",
]


def _attributes(thing: Any, *without: str) -> dict[str, Any]:
    return {name: value for name, value in vars(thing).items() if name not in without}


@pytest.mark.parametrize("scope", [SCOPE, BARE, UNIX])
def test_a_request_equals_djangos(scope: dict[str, Any]) -> None:
    ours, theirs = LeanRequest(scope, b"{}"), ASGIRequest(scope, io.BytesIO(b"{}"))

    assert ours.body == theirs.body == b"{}"
    assert _attributes(ours, "_stream", "_read_started") == _attributes(theirs, "_stream", "_read_started")
    assert ours.GET == theirs.GET
    assert ours.COOKIES == theirs.COOKIES
    assert ours.headers == theirs.headers
    assert ours.scheme == theirs.scheme


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_the_content_type_of_a_request_is_parsed_like_djangos(content_type: bytes) -> None:
    scope = SCOPE | {"headers": [(b"content-type", content_type)]}
    ours, theirs = LeanRequest(scope, b"{}"), ASGIRequest(scope, io.BytesIO(b"{}"))

    assert (ours.content_type, ours.content_params) == (theirs.content_type, theirs.content_params)
    assert ours.encoding == theirs.encoding


def test_a_request_can_be_read_as_a_file() -> None:
    request = LeanRequest(SCOPE, b"{}")

    assert request.read() == b"{}"


def test_a_response_equals_djangos() -> None:
    ours = LeanResponse(b"{}", status=202, content_type="application/json")
    theirs = HttpResponse(b"{}", status=202, content_type="application/json")

    assert _attributes(ours) == _attributes(theirs)
    assert ours.serialize() == theirs.serialize()


class Body:
    """Yield a body of two chunks."""

    ended = False

    def __init__(self) -> None:
        self._pieces = two_pieces()

    def __aiter__(self) -> AsyncGenerator[bytes, None]:
        return self._pieces

    async def aclose(self) -> None:
        await self._pieces.aclose()


async def two_pieces() -> AsyncGenerator[bytes, None]:
    yield b"one"
    yield b"two"


async def test_a_stream_equals_djangos() -> None:
    ours = LeanStream(Body(), content_type="text/event-stream")
    theirs = StreamingHttpResponse(two_pieces(), content_type="text/event-stream")

    differs = ("_iterator", "body", "is_async", "status_code")
    assert _attributes(ours, *differs) == _attributes(theirs, *differs)
    assert (ours.is_async, ours.status_code) == (theirs.is_async, theirs.status_code)
    assert [chunk async for chunk in ours] == [chunk async for chunk in theirs] == [b"one", b"two"]


async def test_a_closed_stream_yields_no_more_chunks() -> None:
    stream = LeanStream(Body(), content_type="text/event-stream")
    await stream.aclose()

    assert [chunk async for chunk in stream] == []


def test_headers_equal_djangos() -> None:
    ours = LeanResponse(b"{}", status=200, content_type="application/json")
    theirs = HttpResponse(b"{}", content_type="application/json")
    for response in (ours, theirs):
        response["X-Name"] = "one"
        response["x-name"] = "two"
        response["x-number"] = 3
        response["x-bytes"] = b"four"
        response["x-latin"] = "zwölf"
        response["x-other"] = "十二"
        response["x-gone"] = "five"
        del response["X-Gone"]
        response.setdefault("X-NAME", "six")

    assert list(ours.items()) == list(theirs.items())
    assert ours.headers == theirs.headers
    assert ours["X-NAME"] == "two"


@pytest.mark.parametrize(("name", "value"), [("x-name", "a\r\nb: c"), ("x-name", "a\nb"), ("x\r\nname", "a")])
def test_a_line_end_in_a_header_is_rejected(name: str, value: str) -> None:
    response = LeanResponse(b"{}", status=200, content_type="application/json")

    with pytest.raises(BadHeaderError):
        response[name] = value
