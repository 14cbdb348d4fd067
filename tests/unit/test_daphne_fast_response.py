"""The contract of `gemini_gateway.server.daphne_fast.response` with Daphne: the sent bytes equal the bytes that Daphne
sends.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from daphne.http_protocol import WebRequest
from twisted.internet.testing import StringTransport

from api.resources.byte_budget import ByteBudget
from gemini_gateway.server.connection import GatewayRequest, Limits
from gemini_gateway.server.daphne_fast.request import DirectRequest
from gemini_gateway.server.daphne_fast.response import DirectResponse
from gemini_gateway.server.daphne_fast.writes import DirectChannel

Header = tuple[bytes, bytes]

TYPE: Header = (b"Content-Type", b"application/json")
LENGTH: Header = (b"content-length", b"2")
ODD_VALUES: list[Header] = [(b"x-name", b"a\r\nx-other: b"), (b"x-name", b"a\nb"), (b"x-name", b"a\rb")]
KEPT = b"GET /v1 HTTP/1.1\r\nHost: localhost\r\n\r\n"


class TwistedAnswer(DirectRequest):
    """A request with Daphne's own response."""


LIMITS = Limits(
    max_body_bytes=1,
    outbound_budget_bytes=1,
    header_timeout=1.0,
    body_timeout=1.0,
    send_timeout=1.0,
    budget=ByteBudget(),
)


def _server(**options: Any) -> Any:
    """A server without an application."""
    wanted = {
        "connections": {},
        "protocol_connected": lambda request: None,
        "protocol_disconnected": lambda request: None,
        "create_application": lambda request, scope: None,
        "log_action": lambda *words: None,
        "action_logger": None,
        "server_name": "",
        "root_path": "",
        "proxy_forwarded_address_header": None,
    }
    return SimpleNamespace(**{**wanted, **options})


def _sent(kind: Any, request: bytes, headers: Sequence[Header], *body: bytes, status: int = 200, **options: Any) -> Any:
    """Return the sent bytes of a response, and whether the connection stays open."""
    transport = StringTransport()
    channel = DirectChannel()
    channel.factory = SimpleNamespace(server=_server(**options), log=lambda request: None)
    channel.requestFactory = kind
    channel.makeConnection(transport)
    channel.dataReceived(request)
    answered = channel.requests[0]
    answered.handle_reply({"type": "http.response.start", "status": status, "headers": headers})
    for place, chunk in enumerate(body, start=1):
        answered.handle_reply({"type": "http.response.body", "body": chunk, "more_body": place < len(body)})
    channel.setTimeout(None)
    return transport.value(), transport.disconnecting


def _same(sent: bytes) -> tuple[Any, ...]:
    """Return a response with sorted header names in lower case."""
    head, _, body = sent.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    return status, sorted((name.lower(), value) for name, _, value in (line.partition(b": ") for line in lines)), body


@pytest.mark.parametrize(
    ("request_bytes", "headers", "body", "status"),
    [
        (KEPT, [TYPE, LENGTH], [b"{}"], 200),
        (KEPT, [TYPE, LENGTH], [b"{", b"}"], 201),
        (KEPT, [TYPE], [b"{", b"", b"}"], 200),
        (KEPT, [TYPE], [b""], 404),
        (KEPT, [TYPE, (b"set-cookie", b"a"), (b"set-cookie", b"b")], [b"{}"], 200),
        (KEPT, [], [b""], 204),
        (KEPT, [], [b""], 304),
        (KEPT, [TYPE, LENGTH], [b"{}"], 299),
        (KEPT.replace(b"GET", b"HEAD"), [TYPE, LENGTH], [b"{}"], 200),
        (KEPT.replace(b"1.1", b"1.0"), [TYPE], [b"{}"], 200),
        (KEPT.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), [TYPE, LENGTH], [b"{}"], 200),
        *((KEPT, [header, LENGTH], [b"{}"], 200) for header in ODD_VALUES),
    ],
)
def test_a_response_equals_daphnes(request_bytes: bytes, headers: list[Header], body: list[bytes], status: int) -> None:
    ours, we_close = _sent(DirectResponse, request_bytes, headers, *body, status=status)
    theirs, they_close = _sent(TwistedAnswer, request_bytes, headers, *body, status=status)

    assert _same(ours) == _same(theirs)
    assert we_close == they_close


@pytest.mark.parametrize("request_bytes", [KEPT, KEPT.replace(b"1.1", b"1.0")])
def test_the_chunks_of_a_stream_equal_daphnes(request_bytes: bytes) -> None:
    chunks = [b"data: 1\n\n", b"data: 2\n\n", b"", b"data: 3\n\n", b""]
    ours, _ = _sent(GatewayRequest, request_bytes, [TYPE], *chunks, draining=False, limits=LIMITS)
    theirs, _ = _sent(TwistedAnswer, request_bytes, [TYPE], *chunks)

    assert _same(ours) == _same(theirs)


def test_an_invalid_header_name_is_rejected() -> None:
    with pytest.raises(ValueError, match="x-name: a"):
        _sent(DirectResponse, KEPT, [(b"x-name: a\r\nx-other", b"b"), LENGTH], b"{}")


def test_the_server_name_and_the_log_equal_daphnes() -> None:
    log: list[Any] = []
    options: dict[str, Any] = {
        "server_name": "gateway",
        "action_logger": log.append,
        "log_action": lambda *words: log.append(words),
    }

    ours, _ = _sent(DirectResponse, KEPT, [TYPE, LENGTH], b"{}", **options)

    assert b"Server: gateway" in ours
    assert len(log) == 1


@pytest.mark.parametrize("kind", [DirectResponse, TwistedAnswer])
def test_a_second_response_start_is_rejected(kind: Any) -> None:
    start: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}
    request = _request(kind)
    request.handle_reply(start)

    with pytest.raises(ValueError, match="already been started"):
        request.handle_reply(start)


def test_a_body_without_a_response_start_is_rejected() -> None:
    with pytest.raises(ValueError, match="not yet been started"):
        _request(DirectResponse).handle_reply({"type": "http.response.body", "body": b"{}"})


def _request(kind: Any) -> Any:
    channel = DirectChannel()
    channel.factory = SimpleNamespace(server=_server())
    channel.makeConnection(StringTransport())
    channel.setTimeout(None)
    return kind(channel)


def test_a_request_scope_equals_daphnes() -> None:
    channel = _request(DirectRequest).channel
    ours, theirs = DirectRequest(channel), WebRequest(channel, False, parsePOSTFormSubmission=False)

    assert vars(ours).keys() == vars(theirs).keys()
