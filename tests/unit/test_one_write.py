"""What `api.resources.response_buffering` takes from uvicorn's inside, and that what is sent is the same with it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api.resources.response_buffering import gather_turn, send_whole

Message = Mapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

BODY: Message = {"type": "http.response.body", "body": b"{}"}
KEPT = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
STREAM: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
PIECE = b"2\r\n{}\r\n"
CLOSED = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

every_protocol = pytest.mark.parametrize("protocol", [HttpToolsProtocol, H11Protocol])


class Client(asyncio.Transport):
    """The connection to a client that takes everything; keeps each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        assert not self.closed
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


def _start(length: int = 2) -> Message:
    return {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % length)]}


async def _two_messages(send: Send, start: Message, body: Message) -> None:
    await send(start)
    await send(body)


async def _answered(protocol: Any, request: bytes, answer: Callable[..., Awaitable[None]], start: Message) -> Client:
    """Return the client after an application has answered its requests."""

    async def application(scope: Any, receive: Any, send: Send) -> None:
        await answer(send, start, BODY)

    state, client = ServerState(), Client()
    config = Config(app=application, log_config=None, access_log=False, date_header=False)
    config.load()
    connection = protocol(config=config, server_state=state, app_state={}, _loop=asyncio.get_running_loop())
    connection.connection_made(client)
    connection.data_received(request)
    while state.tasks:  # one after the other: a pipelined request begins when the one before it ends
        await asyncio.wait(state.tasks)
    connection.connection_lost(None)
    return client


@every_protocol
@pytest.mark.parametrize("request_bytes", [KEPT, CLOSED], ids=["kept", "closed"])
async def test_an_answer_is_one_write(protocol: Any, request_bytes: bytes) -> None:
    plain = await _answered(protocol, request_bytes, _two_messages, _start())
    client = await _answered(protocol, request_bytes, send_whole, _start())

    assert len(plain.writes) > 1
    assert client.writes == [b"".join(plain.writes)]
    assert client.closed


@every_protocol
async def test_pipelined_answers_keep_their_order(protocol: Any) -> None:
    plain = await _answered(protocol, KEPT * 2, _two_messages, _start())
    client = await _answered(protocol, KEPT * 2, send_whole, _start())

    assert b"".join(client.writes) == b"".join(plain.writes)
    assert len(client.writes) == 2


@every_protocol
async def test_an_answer_that_fails_sends_what_it_sent_before(protocol: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Its head promises more than there is."""
    plain = await _answered(protocol, KEPT, _two_messages, _start(3))
    client = await _answered(protocol, KEPT, send_whole, _start(3))

    assert b"".join(client.writes) == b"".join(plain.writes)
    assert "Exception in ASGI application" in caplog.text


def _pieces(*turns: int) -> Callable[..., Awaitable[None]]:
    """Return an application that streams as many pieces in each turn of the event loop, with the head beside the first
    turn; the last piece ends the stream.
    """

    async def answer(send: Send, start: Message, body: Message) -> None:
        gather_turn(send)
        await send(start)
        for turn, pieces in enumerate(turns):
            if turn:
                await asyncio.sleep(0)
            for piece in range(pieces):
                await send({**body, "more_body": (turn + 1, piece + 1) != (len(turns), pieces)})

    return answer


@every_protocol
@pytest.mark.parametrize("request_bytes", [KEPT, KEPT * 2, CLOSED], ids=["kept", "pipelined", "closed"])
async def test_a_streams_first_piece_goes_out_with_its_head(protocol: Any, request_bytes: bytes) -> None:
    client = await _answered(protocol, request_bytes, _pieces(1, 2, 1), STREAM)

    head, second, third, *last = client.writes[: len(client.writes) // request_bytes.count(b"GET")]
    assert head.startswith(b"HTTP/1.1 200 ")
    assert head.endswith(b"\r\n\r\n" + PIECE)
    assert second + third == PIECE * 2
    assert b"".join(last) == PIECE + b"0\r\n\r\n"
    assert client.writes == [head, second, third, *last] * request_bytes.count(b"GET")


async def test_httptools_writes_a_streams_last_piece_with_its_end() -> None:
    client = await _answered(HttpToolsProtocol, KEPT, _pieces(1, 1), STREAM)

    assert client.writes[1:] == [PIECE + b"0\r\n\r\n"]


@every_protocol
async def test_a_stream_of_one_turn_is_one_write(protocol: Any) -> None:
    client = await _answered(protocol, KEPT, _pieces(2), STREAM)

    (whole,) = client.writes
    assert whole.endswith(b"\r\n\r\n" + PIECE * 2 + b"0\r\n\r\n")


@every_protocol
async def test_a_streams_head_does_not_wait_for_its_first_piece(protocol: Any) -> None:
    client = await _answered(protocol, KEPT, _pieces(0, 1), STREAM)

    head, *rest = client.writes
    assert head.endswith(b"\r\n\r\n")
    assert b"".join(rest) == PIECE + b"0\r\n\r\n"


async def test_another_servers_send_gets_both_messages() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await send_whole(send, _start(), BODY)

    assert sent == [_start(), BODY]
