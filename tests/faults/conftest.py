"""The plain server for the fault tests, and raw connections to the server."""

import json
import re
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.server_process import ServerProcess

StartServer = Callable[..., ServerProcess]


def start_plain_server(**options: Any) -> ServerProcess:
    """The application of `plain_server` behind the gateway's server; options replace the defaults."""
    command = [sys.executable, "-W", "error", "-m", "tests.faults.plain_server", json.dumps(options)]
    return ServerProcess(command, ready=r"ready on (\d+)")


@pytest.fixture(scope="module")
def plain_server() -> Iterator[ServerProcess]:
    """A plain server with short timeouts for all tests of a module."""
    with start_plain_server() as server:
        yield server


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Start servers for one test; the fixture stops the servers after the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(start_plain_server(**options))


@pytest.fixture
def connect() -> Iterator[Callable[[ServerProcess], socket.socket]]:
    """Open raw connections; the fixture closes the connections after the test."""
    with ExitStack() as stack:

        def open_one(server: ServerProcess) -> socket.socket:
            return stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=15))

        yield open_one


def read_to_end(connection: socket.socket) -> bytes:
    """Return all bytes until the server closes the connection."""
    chunks = []
    while chunk := connection.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)


def read_answer(connection: socket.socket) -> bytes:
    """Return one response with a length as soon as it is complete: after a rejected body the server closes later."""
    response = b""
    while (missing := _missing(response)) and (chunk := connection.recv(missing)):
        response += chunk
    return response


def _missing(response: bytes) -> int:
    """Return the number of missing bytes of a response; at least 1 while the head is incomplete."""
    head, end, body = response.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return int(length[1]) - len(body) if end and length else 1
