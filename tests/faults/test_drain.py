"""SIGTERM: no new connections, running streams finish within their time, the rest end with an error, exit status 0."""

import http.client
import json
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from tests.faults.conftest import StartServer, read_to_end
from tests.server_process import ServerProcess

Connect = Callable[[ServerProcess], socket.socket]
Ask = Callable[[ServerProcess], http.client.HTTPConnection]
OpenStream = Callable[[ServerProcess, str], http.client.HTTPResponse]

pytestmark = pytest.mark.serve


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Return HTTP clients; the fixture closes the clients after the test."""
    with ExitStack() as stack:
        yield lambda server: stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", server.port, 15)))


@pytest.fixture
def open_stream(ask: Ask) -> OpenStream:
    """Begin a stream and read its first event."""

    def begin(server: ServerProcess, path: str) -> http.client.HTTPResponse:
        client = ask(server)
        client.request("GET", path)
        response = client.getresponse()
        assert response.readline() == b"data: 0\n"
        return response

    return begin


def test_running_streams_finish_and_the_server_exits_cleanly(
    start_server: StartServer, open_stream: OpenStream
) -> None:
    server = start_server(drain_seconds=10)
    streams = [open_stream(server, "/v1/stream/5/0.1") for _ in range(20)]

    server.terminate()

    assert all(stream.read().endswith(b"data: [DONE]\n\n") for stream in streams)
    assert server.wait() == 0
    assert "lifespan.shutdown" in server.log


def test_new_connections_are_rejected_while_draining(
    start_server: StartServer, connect: Connect, open_stream: OpenStream
) -> None:
    server = start_server(drain_seconds=10)
    stream = open_stream(server, "/v1/stream/10/0.2")
    server.terminate()
    server.wait_for("Stopping: waiting")

    with pytest.raises(ConnectionRefusedError):
        connect(server)
    assert stream.read().endswith(b"data: [DONE]\n\n")
    assert server.wait() == 0


def test_a_stream_longer_than_the_drain_ends_with_an_error_event(
    start_server: StartServer, open_stream: OpenStream
) -> None:
    server = start_server(drain_seconds=0.5)
    stream = open_stream(server, "/v1/stream/1000/0.1")
    server.terminate()

    last = stream.read().decode().strip().splitlines()[-1]

    error = json.loads(last.removeprefix("data: "))["error"]
    assert error["code"] == "server_shutting_down"
    assert server.wait() == 0
    assert "cancelled" in server.log


def test_idle_connections_do_not_delay_the_exit(start_server: StartServer, connect: Connect) -> None:
    server = start_server(drain_seconds=20)
    kept_alive = connect(server)
    kept_alive.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert kept_alive.recv(65536).startswith(b"HTTP/1.1 200")
    silent, half_asked = connect(server), connect(server)
    half_asked.sendall(b"GET /x HT")

    server.terminate()

    assert read_to_end(kept_alive) == b""
    assert read_to_end(silent) == b""
    assert server.wait(10) == 0


def test_a_request_still_arriving_is_dropped(start_server: StartServer, open_stream: OpenStream, ask: Ask) -> None:
    server = start_server(drain_seconds=10)
    client = ask(server)
    client.putrequest("POST", "/x")
    client.putheader("Content-Length", "2")
    client.endheaders(b"a")
    stream = open_stream(server, "/v1/stream/10/0.2")
    server.terminate()
    server.wait_for("Stopping: waiting")

    # A request with an incomplete body is dropped: the client may retry the request on another server.
    with pytest.raises((http.client.HTTPException, OSError)):
        client.getresponse()
    assert stream.read().endswith(b"data: [DONE]\n\n")
    assert server.wait() == 0


def test_a_second_signal_ends_the_drain(start_server: StartServer, open_stream: OpenStream) -> None:
    server = start_server(drain_seconds=60)
    stream = open_stream(server, "/v1/stream/1000/0.1")
    server.terminate()
    server.terminate()  # a signal to the process group arrives twice: the copy is not a second signal
    for _ in range(40):  # after some events, hence more than a second later
        assert stream.readline()

    server.process.send_signal(signal.SIGINT)

    assert b"server_shutting_down" in stream.read()
    assert server.wait(10) == 0
