"""Writing to a client at once instead of at the event loop's next turn.

Twisted buffers each write, asks the reactor to tell when the socket takes data, writes then, and takes the request
back: two system calls and a turn of the loop for each piece of a stream, although the socket nearly always takes it.
Here what an answer's message comes to (head, body, end) is gathered and sent in one go. Only what the socket does not
take, and whatever comes behind that, goes Twisted's way, so its buffer, its limits and its errors stay as they are.

What is private of Twisted: `FileDescriptor.dataBuffer`, `_tempDataBuffer` and `Connection.socket`;
tests/unit/test_direct_write.py is the contract test. Other transports (TLS, say) write for themselves.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from twisted.internet.tcp import Connection
from twisted.web.http import HTTPChannel
from twisted.web.http_headers import Headers


def send_now(transport: Any, pieces: Sequence[bytes]) -> None:
    """Send what the socket takes now; the transport keeps the rest."""
    is_clear = (  # a plain connection stands open and nothing waits to be sent before
        isinstance(transport, Connection)
        and not transport.TLS
        and transport.connected
        and not transport.disconnecting
        and not transport.dataBuffer
        and not transport._tempDataBuffer  # noqa: SLF001
    )
    if not is_clear:
        transport.writeSequence(pieces)
        return
    data = b"".join(pieces)
    try:
        sent = transport.socket.send(data)
    except OSError:  # it takes nothing now, or the connection is lost, which Twisted finds out for itself
        sent = 0
    if sent < len(data):
        transport.write(data[sent:] if sent else data)


class DirectChannel(HTTPChannel):  # type: ignore[misc]
    """An HTTP channel whose answers go out at once."""

    _gathered: list[bytes] | None = None

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Send what is written inside the block as one piece, at its end or before the connection is let go."""
        self._gathered = []
        try:
            yield
        finally:
            self._flush()

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """Write the head of an answer."""
        lines = [version, b" ", code, b" ", reason, b"\r\n"]
        for name, values in headers.getAllRawHeaders():
            for value in values:
                lines += (name, b": ", value, b"\r\n")
        lines.append(b"\r\n")
        self.writeSequence(lines)

    def write(self, data: bytes) -> None:
        """Write a piece of an answer."""
        self.writeSequence((data,))

    def writeSequence(self, iovec: Sequence[bytes]) -> None:
        """Write pieces of an answer."""
        if self._gathered is None:
            send_now(self.transport, iovec)
        else:
            self._gathered += iovec

    def requestDone(self, request: Any) -> None:
        """The answer is complete; the next request or the end of the connection follows."""
        self._flush()
        super().requestDone(request)

    def loseConnection(self) -> Any:
        """Close the connection when all is sent."""
        self._flush()
        return super().loseConnection()

    def _flush(self) -> None:
        gathered, self._gathered = self._gathered, None
        if gathered:
            send_now(self.transport, gathered)
