"""The contract of `gemini_gateway.server.daphne_fast.writes` with Twisted; every byte arrives once and in order."""

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactor, StringTransport

from gemini_gateway.server.daphne_fast.writes import send_now

MUCH = bytes(range(256)) * 16_384


@pytest.fixture
def ends() -> Iterator[tuple[Any, socket.socket, Any]]:
    """A Twisted connection, its client, and the reactor that registers writers."""
    own, client = socket.socketpair()
    own.setblocking(False)
    client.setblocking(False)
    reactor: Any = MemoryReactor()
    connection: Any = Connection(own, Protocol(), reactor)
    connection.connected = 1
    with closing(own), closing(client):
        yield connection, client, reactor


def test_bytes_that_the_socket_accepts_are_sent_at_once(ends: tuple[Any, socket.socket, Any]) -> None:
    connection, client, reactor = ends

    send_now(connection, [b"head", b"body"])

    assert client.recv(100) == b"headbody"
    assert list(reactor.getWriters()) == []


def test_new_bytes_follow_waiting_bytes(ends: tuple[Any, socket.socket, Any]) -> None:
    connection, client, _ = ends
    connection.write(b"first ")

    send_now(connection, [b"second"])

    with pytest.raises(BlockingIOError):
        client.recv(100)
    connection.doWrite()
    assert client.recv(100) == b"first second"


def test_twisted_sends_the_bytes_that_the_socket_did_not_accept(ends: tuple[Any, socket.socket, Any]) -> None:
    connection, client, reactor = ends

    send_now(connection, [MUCH])
    send_now(connection, [b"end"])

    assert connection in reactor.getWriters()
    received = bytearray()
    while len(received) < len(MUCH) + 3:
        received += client.recv(2**20)
        connection.doWrite()
    assert bytes(received) == MUCH + b"end"
    assert list(reactor.getWriters()) == []


def test_twisted_detects_a_client_disconnect(ends: tuple[Any, socket.socket, Any]) -> None:
    connection, client, reactor = ends
    client.close()

    send_now(connection, [b"too late"])

    assert connection in reactor.getWriters()
    assert isinstance(connection.doWrite(), Exception)


def test_other_transports_use_their_own_write() -> None:
    transport = StringTransport()

    send_now(transport, [b"head", b"body"])

    assert transport.value() == b"headbody"
