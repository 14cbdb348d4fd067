"""Invalid HTTP gets an error in OpenAI's form with a request id, and the connection is closed."""

import json
import socket

import pytest

from tests.live_gateway import LiveGateway, by_serve

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"

pytestmark = by_serve("another server's parser refuses such bytes before there is a request")


def answer_to(gateway: LiveGateway, request: bytes) -> tuple[bytes, bytes]:
    """Send bytes; return head and body of the response, up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(request)
        response = b""
        while chunk := connection.recv(65536):
            response += chunk
    head, _, body = response.partition(b"\r\n\r\n")
    return head, body


@pytest.mark.parametrize(
    "request_bytes",
    [
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        HEAD + b"Bad Header: x\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        HEAD + b"X-Long: " + b"a" * 20_000 + b"\r\n\r\n",
        HEAD + b"".join(b"X-%d: y\r\n" % number for number in range(700)) + b"\r\n",
    ],
    ids=["length and chunks", "two lengths", "header name", "no request line", "long line", "many headers"],
)
def test_malformed_requests_are_rejected(gateway: LiveGateway, request_bytes: bytes) -> None:
    head, body = answer_to(gateway, request_bytes)

    assert head.startswith(b"HTTP/1.1 400 Bad Request")
    assert b"x-request-id: req_" in head.lower()
    assert json.loads(body)["error"]["type"] == "invalid_request_error"
