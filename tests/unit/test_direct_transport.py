"""The connection of the transport: received bytes go to the waiting reader, and no byte is lost."""

from unittest.mock import Mock

import pytest

from api.gemini.direct_transport import Connection, DirectTransport
from api.gemini.transport import BrokenOffError

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FAR = 1e9


def asked(socket: Mock) -> Connection:
    """Return a connection that has sent a request over `socket`."""
    made = Connection(DirectTransport("http://localhost", connect_seconds=1))
    made.connection_made(socket)
    made.send([b"POST / HTTP/1.1\r\n\r\n"])
    return made


@pytest.fixture
async def connection() -> Connection:
    """A connection that has sent a request without a server."""
    return asked(Mock())


async def test_a_chunk_received_with_the_head_is_stored_for_the_reader(connection: Connection) -> None:
    head = connection.receive(FAR)
    connection.data_received(HEAD + b"3\r\none\r\n")

    assert await head == b""
    assert await connection.receive(FAR) == b"one"


async def test_unread_chunks_are_read_together(connection: Connection) -> None:
    connection.data_received(HEAD + b"3\r\none\r\n")
    connection.data_received(b"3\r\ntwo\r\n0\r\n\r\n")

    assert await connection.receive(FAR) == b"onetwo"
    assert await connection.receive(FAR) == b""


async def test_bytes_received_before_a_lost_connection_are_read_first(connection: Connection) -> None:
    connection.data_received(HEAD + b"3\r\none\r\n")
    connection.connection_lost(None)

    assert await connection.receive(FAR) == b"one"
    with pytest.raises(BrokenOffError):
        await connection.receive(FAR)


async def test_the_socket_is_paused_with_unread_bytes_and_resumed_after_a_read() -> None:
    socket = Mock()
    connection = asked(socket)
    connection.data_received(HEAD + b"50000\r\n" + bytes(0x50000))
    assert socket.pause_reading.called
    assert not socket.resume_reading.called

    assert await connection.receive(FAR) == bytes(0x50000)
    assert socket.resume_reading.called
