"""Limits on the size and the time of a request: early rejection, in OpenAI's form, without effect on other requests."""

import json
import socket
import time
from collections.abc import Callable

import pytest

from tests.faults.conftest import read_answer, read_to_end
from tests.server_process import ServerProcess

Connect = Callable[[ServerProcess], socket.socket]
MB = 1024 * 1024

pytestmark = pytest.mark.serve


def status_and_error(response: bytes) -> tuple[int, dict[str, object]]:
    """Return status and OpenAI error object of a raw response."""
    head, _, body = response.partition(b"\r\n\r\n")
    assert b"x-request-id: req_" in head.lower()
    assert b"connection: close" in head.lower()
    return int(head.split()[1]), json.loads(body)["error"]


def test_a_declared_too_large_body_is_rejected_before_it_is_sent(plain_server: ServerProcess, connect: Connect) -> None:
    connection = connect(plain_server)
    connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\n")

    status, error = status_and_error(read_answer(connection))

    assert status == 413
    assert error["type"] == "invalid_request_error"
    assert error["code"] == "request_too_large"


def test_a_client_that_expects_100_continue_is_rejected_without_it(
    plain_server: ServerProcess, connect: Connect
) -> None:
    connection = connect(plain_server)
    connection.sendall(b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\nExpect: 100-continue\r\n\r\n")

    assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_chunked_body_is_rejected_at_the_limit(plain_server: ServerProcess, connect: Connect) -> None:
    connection = connect(plain_server)
    connection.sendall(b"POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    for _ in range(4):
        connection.sendall(chunk)

    status, error = status_and_error(read_answer(connection))

    assert (status, error["code"]) == (413, "request_too_large")


def test_a_client_that_continues_to_send_reads_the_rejection(plain_server: ServerProcess, connect: Connect) -> None:
    connection = connect(plain_server)
    connection.sendall(b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
    connection.settimeout(0.5)
    sent, stuck = 0, False
    try:
        while sent < 100 * MB:
            sent += connection.send(b"x" * 65536)
    except TimeoutError:
        stuck = True
    assert stuck

    assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
    assert sent < 20 * MB  # the server reads the limit + 1 MB, the kernel's buffers have the rest


def test_a_body_at_the_limit_is_served(plain_server: ServerProcess, connect: Connect) -> None:
    connection = connect(plain_server)
    request = b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n"
    connection.sendall(request + b"x" * 100_000)

    assert b"100000 " in read_to_end(connection)


def test_two_requests_on_one_connection_get_two_responses(plain_server: ServerProcess, connect: Connect) -> None:
    connection = connect(plain_server)
    connection.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
    first = connection.recv(65536)
    connection.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nabcd")

    assert b"3 ''" in first
    assert b"4 ''" in read_to_end(connection)


@pytest.mark.parametrize(
    ("beginning", "drip"),
    [
        (b"", b""),
        (b"POST /v1/x HT", b""),
        (b"POST /v1/x HT", b"T"),
        (b"POST /v1/x HTTP/1.1\r\nHost: a\r\nX-Slow: ", b"x"),
    ],
    ids=["silent", "stuck in the first line", "dripping into the first line", "dripping into a header"],
)
def test_the_connection_of_a_late_head_is_closed(
    plain_server: ServerProcess, connect: Connect, beginning: bytes, drip: bytes
) -> None:
    connection = connect(plain_server)
    connection.sendall(beginning)
    began = time.monotonic()
    closed_after = drip_until_closed(connection, drip, began)

    assert 0.5 < closed_after < 4


def drip_until_closed(connection: socket.socket, drip: bytes, began: float) -> float:
    """Send `drip` repeatedly until the server closes; return the seconds since `began`."""
    connection.settimeout(0.2)
    while time.monotonic() - began < 10:
        try:
            if drip:
                connection.sendall(drip)
            if not connection.recv(65536):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - began


@pytest.mark.parametrize("drip", [b"", b"y"], ids=["stuck", "dripping"])
def test_a_late_body_is_rejected(plain_server: ServerProcess, connect: Connect, drip: bytes) -> None:
    connection = connect(plain_server)
    connection.sendall(b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nx")
    connection.settimeout(0.2)
    began = time.monotonic()
    response = b""
    while not response and time.monotonic() - began < 10:
        try:
            connection.sendall(drip)
            response = connection.recv(65536)
        except TimeoutError:
            continue

    status, error = status_and_error(response)

    assert (status, error["code"]) == (408, "request_timeout")
    assert time.monotonic() - began < 5


def test_a_header_of_a_client_does_not_change_the_root_path(plain_server: ServerProcess, connect: Connect) -> None:
    connection = connect(plain_server)
    connection.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\nDaphne-Root-Path: /v1\r\nConnection: close\r\n\r\n")

    assert read_to_end(connection).endswith(b"0 ''\r\n0\r\n\r\n")


def test_too_large_or_malformed_heads_are_rejected(plain_server: ServerProcess, connect: Connect) -> None:
    for head in (
        b"GET /v1/x HTTP/1.1\r\nHost: a\r\nX-Big: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET /v1/x HTTP/1.1\r\nHost: a\r\n" + b"X-Many: x\r\n" * 600 + b"\r\n",
        b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
    ):
        connection = connect(plain_server)
        connection.sendall(head)
        response = read_to_end(connection)
        assert response == b"" or response.startswith(b"HTTP/1.1 400 "), head[:60]


def test_a_failing_application_gets_an_error_in_openais_form_under_v1(
    plain_server: ServerProcess, connect: Connect
) -> None:
    connection = connect(plain_server)
    connection.sendall(b"GET /v1/fail HTTP/1.1\r\nHost: a\r\n\r\n")
    response = read_answer(connection)

    assert response.startswith(b"HTTP/1.1 500 ")
    assert json.loads(response.partition(b"\r\n\r\n")[2])["error"]["type"] == "server_error"
    assert b"on purpose" not in response


def test_an_application_without_a_response_is_an_error(plain_server: ServerProcess, connect: Connect) -> None:
    connection = connect(plain_server)
    connection.sendall(b"GET /v1/nothing HTTP/1.1\r\nHost: a\r\n\r\n")

    assert connection.recv(65536).startswith(b"HTTP/1.1 500 ")


def test_an_application_that_fails_midway_sends_no_complete_response(
    plain_server: ServerProcess, connect: Connect
) -> None:
    connection = connect(plain_server)
    connection.sendall(b"GET /v1/fail/late HTTP/1.1\r\nHost: a\r\n\r\n")

    try:
        response = read_to_end(connection)
    except ConnectionResetError:
        return
    assert not response.endswith(b"0\r\n\r\n")  # the chunked body has no end
