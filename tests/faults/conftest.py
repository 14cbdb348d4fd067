"""The plain server for the tests of the wire, and raw connections to it."""

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
    """The small application of `plain_server` behind the gateway's server; options replace its defaults."""
    command = [sys.executable, "-W", "error", "-m", "tests.faults.plain_server", json.dumps(options)]
    return ServerProcess(command, ready=r"ready on (\d+)")


@pytest.fixture(scope="module")
def plain_server() -> Iterator[ServerProcess]:
    """One with short timeouts for all tests of a module."""
    with start_plain_server() as server:
        yield server


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Start servers of the test's own; they are stopped after it."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(start_plain_server(**options))


@pytest.fixture
def connect() -> Iterator[Callable[[ServerProcess], socket.socket]]:
    """Open raw connections; they are closed after the test."""
    with ExitStack() as stack:

        def open_one(server: ServerProcess) -> socket.socket:
            return stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=15))

        yield open_one


def read_to_end(connection: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    chunks = []
    while chunk := connection.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)


def read_answer(connection: socket.socket) -> bytes:
    """One answer with a length, as soon as it is whole: a server that refuses a body may linger before it closes."""
    response = b""
    while (missing := _missing(response)) and (chunk := connection.recv(missing)):
        response += chunk
    return response


def _missing(response: bytes) -> int:
    """How many bytes an answer lacks; 1 at least while its head is not whole."""
    head, end, body = response.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return int(length[1]) - len(body) if end and length else 1
