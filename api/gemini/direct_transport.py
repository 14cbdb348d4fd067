"""A minimal HTTP/1.1 client for one origin, over asyncio and httptools.

A request is one write, a response is read as it arrives, and an idle connection is reused. Redirects, cookies,
compression and HTTP proxies are not supported; `aiohttp_transport` serves deployments with a proxy.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from math import inf
from typing import Any, Final, cast
from urllib.parse import urlsplit

import httptools

from api.gemini.transport import Body, BrokenOffError, ConnectFailedError, ConnectTimeoutError

MOST_IDLE: Final = 256
IDLE_SECONDS: Final = 60.0
BUFFERED_HIGH: Final = 2**18
HEAD_LIMIT: Final = 2**16
ONE_WRITE: Final = 2**16
MOST_HEADS: Final = 1024


class Connection(asyncio.Protocol):
    """A connection and the response it is receiving; implements `transport.UpstreamResponse`.

    A connection carries one response at a time. `_chunks` holds the body bytes that have arrived and are unread; above
    256 KiB of unread bytes the socket is not read.
    """

    __slots__ = (
        "_buffered",
        "_chunks",
        "_ended",
        "_head_done",
        "_head_size",
        "_loop",
        "_lost",
        "_parser",
        "_paused",
        "_pool",
        "_reusable",
        "_timer",
        "_timer_at",
        "_transport",
        "_until",
        "_waiter",
        "_wants_body",
        "headers",
        "idle_since",
        "on_body",
        "status",
    )

    def __init__(self, pool: "DirectTransport") -> None:
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self.idle_since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf
        self._until = 0.0
        self._reset()

    def _reset(self) -> None:
        self._chunks: list[bytes] = []
        self.on_body = self._chunks.append  # httptools calls it with each chunk of the body
        self._parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: dict[str, str] = {}
        self._head_size = 0
        self._head_done = False
        self._ended = False
        self._reusable = False
        self._lost: BrokenOffError | None = None
        self._buffered = 0
        self._paused = False
        self._waiter: asyncio.Future[bytes | None] | None = None
        self._wants_body = False

    @property
    def usable(self) -> bool:
        """Whether an idle connection can carry another request."""
        fresh = self._loop.time() - self.idle_since < IDLE_SECONDS
        return fresh and self._lost is None and self._transport is not None and not self._transport.is_closing()

    def send(self, request: Sequence[bytes]) -> None:
        """Write a request and reset the state of the previous response."""
        assert self._transport is not None  # noqa: S101 - the pool returns connected instances only
        self._reset()
        if len(request) == 1:
            self._transport.write(request[0])
        else:
            self._transport.writelines(request)

    def receive(self, until: float) -> "asyncio.Future[bytes | None]":
        """See `transport.UpstreamResponse`. Before the head is complete, b"" reports the complete head."""
        waiter = self._waiter = self._loop.create_future()
        self._wants_body = self._head_done
        self._until = until
        if self._chunks or self._ended or self._lost is not None:
            self._wake()
        elif until < self._timer_at:
            self._set_timer(until)
        return waiter

    def rest(self) -> bytes | None:
        """See `transport.UpstreamResponse`."""
        if not self._ended or self._lost is not None:
            return None
        body = b"".join(self._chunks)
        self._chunks.clear()
        return body

    def _wake(self) -> None:
        """Resolve the pending `receive` with the data, the end of the body, or the connection's error."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if self._wants_body and self._chunks:
            waiter.set_result(b"".join(self._chunks))
            self._chunks.clear()
            if self._buffered:
                self._read_on()
        elif self._ended if self._wants_body else self._head_done:
            waiter.set_result(b"")
        elif self._lost is not None:
            waiter.set_exception(self._lost)

    def _read_on(self) -> None:
        self._buffered = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def _set_timer(self, when: float) -> None:
        """Schedule the timeout check of `receive` for `when`.

        A check that runs before the current deadline reschedules itself, so a stream needs one timer in many seconds
        and not one per chunk.
        """
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._look)
        self._timer_at = when

    def _look(self) -> None:
        self._timer = None
        self._timer_at = inf
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._until:
            self._set_timer(self._until)
        else:
            self._waiter.set_result(None)

    def release(self) -> None:
        """See `transport.UpstreamResponse`."""
        if self._ended and self._lost is None and self._reusable:
            self._pool.keep(self)
        else:
            self.close()

    def close(self) -> None:
        """See `transport.UpstreamResponse`."""
        if self._transport is not None:
            self._transport.abort()

    # --- callbacks of asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        # create_connection makes no other kind, but uvloop's transport is not a subclass of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse received bytes; closes the connection on bytes outside the expected response."""
        if self._ended:
            self._break("The upstream sent data after the end of the response.")
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._break("The upstream response is not HTTP.")
        if not self._head_done:
            self._head_size += len(data)
            if self._head_size > HEAD_LIMIT:
                self._break("The headers of the upstream response are too large.")
        self._wake()
        if self._chunks and self._lost is None:
            self._hold(len(data))

    def _hold(self, size: int) -> None:
        """Count unread bytes; pause reading above the limit."""
        self._buffered += size
        if self._buffered > BUFFERED_HIGH and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Mark the end; a response without a length ends with its connection (RFC 9112, 6.3)."""
        if self._head_done and not self._ended and exc is None and self._ends_with_connection():
            self._ended = True
        self._lost = self._lost or BrokenOffError("The connection to the upstream was lost.")
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self._wake()

    def _ends_with_connection(self) -> bool:
        return "content-length" not in self.headers and "chunked" not in self.headers.get("transfer-encoding", "")

    def _break(self, reason: str) -> None:
        self._lost = self._lost or BrokenOffError(reason)
        self.close()

    # --- callbacks of httptools ---

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store one header."""
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Store the status; the head is complete unless the status is 1xx."""
        self.status = self._parser.get_status_code()
        self._head_done = self.status >= 200

    def on_message_complete(self) -> None:
        """Mark the body as complete."""
        if self._head_done:
            self._ended = True
            self._reusable = bool(self._parser.should_keep_alive())  # httptools knows this only now


def _request(head: bytes, body: bytes) -> Sequence[bytes]:
    """Return a request as one write, or as two if joining head and body would copy a large body."""
    if len(body) <= ONE_WRITE:
        return (b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body),)
    return b"%sContent-Length: %d\r\n\r\n" % (head, len(body)), body


class DirectTransport:
    """A connection pool to one origin.

    The most recently used connection is reused first, so that the others can expire.
    """

    def __init__(self, origin: str, *, connect_seconds: float) -> None:
        parts = urlsplit(origin)
        self._host = parts.hostname or ""
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._authority = parts.netloc.rpartition("@")[2]
        self._connect_seconds = connect_seconds
        self._idle: list[Connection] = []
        self._heads: dict[str, tuple[Mapping[str, str], bytes]] = {}
        self._closed = False

    def post(self, path: str, headers: Mapping[str, str], body: Body, *, until: float) -> Awaitable[Connection | None]:
        """See `transport.Transport`."""
        return self._send(lambda: _request(self._head(path, headers), body()), until)

    def get(self, path: str, headers: Mapping[str, str], *, until: float) -> Awaitable[Connection | None]:
        """See `transport.Transport`."""
        return self._send(lambda: (self._lines("GET", path, headers) + b"\r\n",), until)

    async def _send(self, request: Callable[[], Sequence[bytes]], until: float) -> Connection | None:
        connection = self._reuse() or await self._connect()
        try:
            connection.send(request())
            if await connection.receive(until) is not None:
                return connection
        except BaseException:
            connection.close()
            raise
        connection.close()
        return None

    def keep(self, connection: Connection) -> None:
        """Return a connection to the pool."""
        if self._closed or len(self._idle) >= MOST_IDLE:
            connection.close()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.append(connection)

    async def aclose(self) -> None:
        """See `transport.Transport`."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _reuse(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.close()
        return None

    async def _connect(self) -> Connection:
        options: dict[str, Any] = {"ssl": self._tls, "server_hostname": self._host} if self._tls else {}
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: Connection(self), self._host, self._port, **options
                )
        except TimeoutError:
            raise ConnectTimeoutError("The upstream could not be reached in time.") from None
        except (OSError, ssl.SSLError):
            raise ConnectFailedError("The upstream could not be reached.") from None
        return connection

    def _head(self, path: str, headers: Mapping[str, str]) -> bytes:
        """Return the request's head without Content-Length; cached while the headers object stays the same."""
        known = self._heads.get(path)
        if known is not None and known[0] is headers:
            return known[1]
        head = self._lines("POST", path, headers)
        if len(self._heads) < MOST_HEADS:
            self._heads[path] = (headers, head)
        return head

    def _lines(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        """Return a request's first line and headers, each with its line end."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._authority}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n").encode("latin-1")
