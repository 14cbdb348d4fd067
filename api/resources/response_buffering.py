"""An answer's head and body in one write, and so a stream's head with its first piece.

A server writes the head as soon as it has it and the body after it: two system calls and two packets for a small
answer, although both were there at once. Daphne waits with the head by itself; what uvicorn writes is gathered here.
Whatever else serves the application just gets the messages.

What is private of uvicorn: that `send` is a method of an object which writes to its `transport` and closes it;
tests/unit/test_one_write.py is the contract test.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Message = Mapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


async def send_whole(send: Send, start: Message, body: Message) -> None:
    """Send an answer of two messages."""
    answering: Any = getattr(send, "__self__", None)
    if not _is_uvicorns(type(answering).__module__):
        await send(start)
        await send(body)
        return
    transport = answering.transport
    gathering = answering.transport = _Gathering(transport)
    try:
        # If the client is slow, the first waits for it: nothing is gathered then, and nothing waits in between.
        await send(start)
        await send(body)
    finally:
        answering.transport = transport
        gathering.flush()


def gather_turn(send: Send) -> None:
    """Let what an answer sends in this turn of the event loop go out as one write, when the turn is over."""
    answering: Any = getattr(send, "__self__", None)
    if not _is_uvicorns(type(answering).__module__) or isinstance(answering.transport, _Gathering):
        return
    transport = answering.transport
    gathering = answering.transport = _Gathering(transport)

    def end() -> None:
        answering.transport = transport
        if not transport.is_closing():
            gathering.flush()

    asyncio.get_running_loop().call_soon(end)


def _is_uvicorns(module: str) -> bool:
    return module.startswith("uvicorn.protocols.http.")


class _Gathering:
    """Stands for a transport and keeps what is written until `flush` or `close`."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def flush(self) -> None:
        """Write what was kept."""
        if self._pieces:
            self._transport.write(b"".join(self._pieces))
            self._pieces.clear()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
