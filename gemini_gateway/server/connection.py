"""One connection of the server and one request on it, with limits: the size of a body (rejected before it is read), the
time for head and body, the bytes buffered for a client that does not read.
"""

import asyncio
import io
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from twisted.protocols.basic import LineReceiver

from api.errors import GatewayError, InternalError, InvalidRequestError, OverloadedError
from api.http.rejections import (
    FAILED,
    GOING_DOWN,
    LINGER_BYTES,
    LINGER_SECONDS,
    MALFORMED,
    OVERLOADED,
    TOO_LARGE,
    TOO_SLOW,
    closing_response,
    error_response,
)
from api.openai.shared.error_body import error_body
from api.openai.shared.sse import event
from api.resources.byte_budget import ByteBudget, Hold
from gemini_gateway.server.daphne_fast.idle_timeouts import SweptTimeout
from gemini_gateway.server.daphne_fast.response import DirectResponse
from gemini_gateway.server.daphne_fast.writes import DirectChannel

if TYPE_CHECKING:
    from weakref import WeakSet

logger = logging.getLogger(__name__)

DISCONNECT_SECONDS = 1.0  # for an application to act on `http.disconnect` before its send() raises
SLOWEST_BODY = 32 * 1024  # bytes a second that keep a long upload alive beyond the body timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes, times in seconds. `budget` limits the bytes of all requests together."""

    max_body_bytes: int
    outbound_budget_bytes: int
    header_timeout: float
    body_timeout: float
    send_timeout: float
    budget: ByteBudget


class ConnectionServer(Protocol):
    """The part of a server that its connections read: the limits, the open connections, whether it drains."""

    limits: Limits
    channels: "WeakSet[GatewayChannel]"
    draining: bool


class GatewayChannel(SweptTimeout, DirectChannel):
    """One client connection, parsed by Twisted. The head of each request has `header_timeout` from its first byte on;
    so has an idle connection.
    """

    def __init__(self, server: ConnectionServer) -> None:
        super().__init__()
        self._server = server
        self._limits = server.limits
        self._reading_head = False
        server.channels.add(self)

    def connectionMade(self) -> None:
        """A client has connected."""
        self.requestFactory = GatewayRequest  # here, because Daphne's factory sets its own on each new channel
        self.timeOut = self._limits.header_timeout
        super().connectionMade()
        # Each request asks for these again, and Twisted the kernel.
        self._peer, self._host, self._secure = super().getPeer(), super().getHost(), super().isSecure()
        # Twisted pauses producers (GatewayRequest) when more than this waits for the client.
        self.transport.bufferSize = self._limits.outbound_budget_bytes

    def getPeer(self) -> Any:
        """The client's address."""
        return self._peer

    def getHost(self) -> Any:
        """The address that the client has connected to."""
        return self._host

    def isSecure(self) -> bool:
        """Whether the connection is encrypted."""
        return bool(self._secure)

    def dataReceived(self, data: bytes) -> None:
        """Process bytes from the client; within a head they do not extend the timeout."""
        if not self._reading_head:
            self._reading_head = True
            self.resetTimeout()
        LineReceiver.dataReceived(self, data)

    def allHeadersReceived(self) -> None:
        """The head is complete: reject a body that is too large before it is read."""
        request = self.requests[-1]
        request.early_path = self._path.partition(b"?")[0]
        if self.length != 0:  # from here on the request looks at the time itself (check_timeouts)
            self._savedTimeOut = self.setTimeout(None)
        rejection = self._rejection(request, self.length)
        if rejection is not None:
            # No "100 Continue": the client must not start to send.
            request.requestHeaders.removeHeader(b"expect")
        super().allHeadersReceived()
        if rejection is not None:
            request.reject(rejection)

    def _rejection(self, request: "GatewayRequest", length: int | None) -> GatewayError | None:
        """Return the error for a body of that declared length; None if the body is read, and its bytes are reserved."""
        if not length:
            return None
        if length > self._limits.max_body_bytes:
            return TOO_LARGE
        try:
            request.hold.grow(length)
        except OverloadedError:
            return OVERLOADED
        return None

    def allContentReceived(self) -> None:
        """The body is complete."""
        self._reading_head = False
        super().allContentReceived()

    def lineLengthExceeded(self, line: bytes) -> None:
        """A line of the head is too long."""
        self._respondToBadRequestAndDisconnect()

    def _respondToBadRequestAndDisconnect(self) -> None:  # Twisted's name; Twisted's own response has no body and no id
        origin = self.requests[-1].origin if self.requests else None
        self.transport.write(closing_response(MALFORMED, b"/v1", origin))
        self.loseConnection()

    def linger(self) -> None:
        """Read on for LINGER_SECONDS after a response that precedes the end of the body, then close."""
        self._reading_head = True
        self.persistent = 0
        self.setTimeout(LINGER_SECONDS)

    def stop_reading(self) -> None:
        """Leave further bytes in the kernel's buffers."""
        self.transport.pauseProducing()

    def close_if_idle(self) -> None:
        """Close a kept-alive connection with no request on it."""
        if not self.requests and not self._reading_head:
            self.loseConnection()


class GatewayRequest(DirectResponse):
    """One request and its response.

    `served` is set if the application was started for the request: its end releases `hold`. `unread` is a future while
    more bytes than the outbound budget wait for the client, else None.
    """

    channel: GatewayChannel
    server: ConnectionServer

    def __init__(self, channel: GatewayChannel, queued: object = False) -> None:
        super().__init__(channel, queued)
        self.early_path = b""
        self.arrived = False
        self.served = False
        self.unread: asyncio.Future[None] | None = None
        self._producing = False
        self._rejected = False
        self._event_stream = False
        self._received = 0
        self._head_at = 0.0
        self.hold = Hold(self.server.limits.budget)

    @property
    def origin(self) -> bytes | None:
        """The request's Origin."""
        values = self.requestHeaders.getRawHeaders(b"origin")
        return values[0] if values else None

    # --- the request body ---------------------------------------------------------------------------------------------

    def gotLength(self, length: int | None) -> None:
        """The head is complete. The body stays in memory (its size is bounded), not in a temporary file."""
        self.content = io.BytesIO()
        self._head_at = time.monotonic()

    def handleContentChunk(self, data: bytes) -> None:
        """Store a chunk of the body, unless the body is too large."""
        self._received += len(data)
        limit = self.server.limits.max_body_bytes
        if self._rejected:
            if self._received > limit + LINGER_BYTES:
                self.channel.stop_reading()
        elif self._received > limit:
            self.reject(TOO_LARGE)
        else:
            try:
                self.hold.grow(self._received - self.hold.size)  # of a body without a declared length
            except OverloadedError:
                self.reject(OVERLOADED)
                return
            self.content.write(data)

    def reject(self, rejection: GatewayError) -> None:
        """Send a rejection at once, without the application, and close the connection after LINGER_SECONDS."""
        self._rejected = True
        self.content = io.BytesIO()
        self.hold.release()
        self.channel.write(closing_response(rejection, self.early_path, self.origin))
        self.channel.linger()
        logger.info("Request rejected: %s", rejection.code, extra={"status": rejection.status})

    def process(self) -> Any:
        """The request is complete: pass it to the application."""
        if self._rejected:
            self.channel.loseConnection()
            return None
        self.arrived = True
        # Daphne lets any client rewrite the application's path with this header.
        self.requestHeaders.removeHeader(b"daphne-root-path")
        try:
            return super().process()
        finally:
            if not self.served:  # Daphne rejected the request itself, or upgraded it to a WebSocket
                self.hold.release()

    def check_timeouts(self) -> None:
        """Called each second: reject a body that is late; the minimum rate is SLOWEST_BODY bytes per second."""
        if self.arrived or self._rejected or not self._head_at:
            return
        timeout = self.server.limits.body_timeout + self._received / SLOWEST_BODY
        if time.monotonic() - self._head_at > timeout:
            self.reject(TOO_SLOW)

    # --- the response -------------------------------------------------------------------------------------------------

    def handle_reply(self, message: Mapping[str, Any]) -> None:
        """Write one message of the application."""
        if message["type"] == "http.response.start":
            super().handle_reply(self._watch_headers(message))
            return
        if message.get("more_body"):
            if self._producing and self.chunked:
                # A further chunk of a stream needs neither Daphne nor Twisted: the head is sent.
                chunk = message.get("body", b"")
                if chunk and not self.finished and self.channel is not None:
                    self.sentLength += len(chunk)
                    self.channel.writeSequence((b"%x\r\n" % len(chunk), chunk, b"\r\n"))
                return
            self._announce_stream()
        if self.channel is not None:
            with self.channel.gathering():
                super().handle_reply(message)

    def _watch_headers(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Read the response's headers; while draining, the response is the last on its connection."""
        last = self.server.draining
        if last:
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        for name, value in message.get("headers", ()):
            lowered = name.lower()
            if lowered == b"content-type":
                self._event_stream = value.startswith(b"text/event-stream")
            elif lowered == b"connection":
                last = last or value == b"close"
        if last and self.channel is not None:
            self.channel.persistent = 0
        return message

    def _announce_stream(self) -> None:
        """Register as a producer: Twisted then reports a client that reads too slowly."""
        if not self._producing and not self.finished and self.channel is not None:
            self._producing = True
            self.registerProducer(self, True)

    def finish(self) -> None:
        """The response is complete."""
        self._stop_waiting()
        super().finish()

    def connectionLost(self, reason: Any) -> None:
        """The client has disconnected."""
        self._release()
        if not self.arrived and not self._rejected:
            self.hold.release()  # otherwise the end of the application does that
        super().connectionLost(reason)

    def pauseProducing(self) -> None:
        """Twisted: more bytes than the budget wait for the client."""
        if self.unread is None:
            self.unread = asyncio.get_running_loop().create_future()

    def resumeProducing(self) -> None:
        """Twisted: the client has read all bytes."""
        self._release()

    def stopProducing(self) -> None:
        """Twisted: the connection is closed."""
        self._release()

    async def wait_until_read(self) -> None:
        """Return when the client has read the waiting bytes; disconnect a client that does not within the send timeout.

        Raises ConnectionAbortedError then, a moment later: an application that watches for `http.disconnect` has been
        cancelled before.
        """
        if self.unread is None:
            return
        _, late = await asyncio.wait([self.unread], timeout=self.server.limits.send_timeout)
        if late:
            logger.info("Connection closed: the client did not read the response", extra={"status": self.code})
            self.abort()
            await asyncio.sleep(DISCONNECT_SECONDS)
            raise ConnectionAbortedError("The client did not read the response.")

    def _release(self) -> None:
        if self.unread is not None and not self.unread.done():
            self.unread.set_result(None)
        self.unread = None

    def _stop_waiting(self) -> None:
        self._release()
        if self._producing:
            self._producing = False
            self.unregisterProducer()

    # --- ends that are not the application's -------------------------------------------------------------------------

    def abort(self) -> None:
        """Close the connection at once; unsent bytes are lost."""
        if self.channel is not None:
            self.channel.forceAbortClient()

    def abandon(self) -> None:
        """The application ended without a complete response."""
        if self._response_started:
            self.abort()
        else:
            self._send_error(FAILED)

    def handle_exception(self, exception: BaseException) -> None:
        """The application failed: send an error if no head was sent, else close the connection."""
        self.abandon()

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """Send Daphne's own rejections (such as of bad header names) with OpenAI's error body."""
        self._send_error((InvalidRequestError if status < 500 else InternalError)(f"{body}."))

    def cut(self) -> None:
        """The server stops: an error event ends a stream, other requests get 503."""
        if self.finished or self.channel is None:
            return
        if not self._response_started:
            self._send_error(GOING_DOWN)
        elif self._event_stream:
            self.handle_reply({"type": "http.response.body", "body": event(error_body(GOING_DOWN))})
        else:
            self.abort()

    def _send_error(self, error: GatewayError) -> None:
        headers, body = error_response(error, self.uri.partition(b"?")[0], self.origin)
        headers[b"content-length"] = str(len(body)).encode()
        self.handle_reply({"type": "http.response.start", "status": error.status, "headers": list(headers.items())})
        self.handle_reply({"type": "http.response.body", "body": body})
