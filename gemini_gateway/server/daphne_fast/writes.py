"""Writing to a client at once instead of in the next iteration of the event loop.

Twisted buffers each write, registers for a writable socket, writes, and unregisters: two system calls and an iteration
of the loop for each chunk of a stream, although the socket is nearly always writable. This module joins the bytes of
one ASGI message (head, body, end) and sends them with one call. Bytes that the socket does not accept, and all bytes
after them, go through Twisted, with its buffer, its limits and its errors.

What is private of Twisted: `FileDescriptor.dataBuffer`, `_tempDataBuffer` and `Connection.socket`;
tests/unit/test_daphne_fast_writes.py is the contract test. Other transports (TLS, say) write for themselves.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from twisted.internet.tcp import Connection
from twisted.web.http import HTTPChannel
from twisted.web.http_headers import Headers


def send_now(transport: Any, buffers: Sequence[bytes]) -> None:
    """Send the bytes that the socket accepts now; the transport buffers the rest."""
    is_clear = (  # a plain connection stands open and nothing waits to be sent before
        isinstance(transport, Connection)
        and not transport.TLS
        and transport.connected
        and not transport.disconnecting
        and not transport.dataBuffer
        and not transport._tempDataBuffer  # noqa: SLF001
    )
    if not is_clear:
        transport.writeSequence(buffers)
        return
    data = b"".join(buffers)
    try:
        sent = transport.socket.send(data)
    except OSError:  # it takes nothing now, or the connection is lost, which Twisted finds out for itself
        sent = 0
    if sent < len(data):
        transport.write(data[sent:] if sent else data)


class DirectChannel(HTTPChannel):  # type: ignore[misc]
    """An HTTP channel that writes responses at once."""

    _gathered: list[bytes] | None = None

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Join all writes inside the block, and send them at its end or before the connection closes."""
        self._gathered = []
        try:
            yield
        finally:
            self._flush()

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """Write the head of a response."""
        lines = [version, b" ", code, b" ", reason, b"\r\n"]
        for name, values in headers.getAllRawHeaders():
            for value in values:
                lines += (name, b": ", value, b"\r\n")
        lines.append(b"\r\n")
        self.writeSequence(lines)

    def write(self, data: bytes) -> None:
        """Write bytes of a response."""
        self.writeSequence((data,))

    def writeSequence(self, iovec: Sequence[bytes]) -> None:
        """Write a sequence of bytes of a response."""
        if self._gathered is None:
            send_now(self.transport, iovec)
        else:
            self._gathered += iovec

    def requestDone(self, request: Any) -> None:
        """The response is complete; the next request or the end of the connection follows."""
        self._flush()
        super().requestDone(request)

    def loseConnection(self) -> Any:
        """Close the connection after all bytes are sent."""
        self._flush()
        return super().loseConnection()

    def _flush(self) -> None:
        gathered, self._gathered = self._gathered, None
        if gathered:
            send_now(self.transport, gathered)
