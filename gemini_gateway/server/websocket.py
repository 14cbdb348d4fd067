"""One WebSocket of the server, with limits for the size and the time of a message, and the close codes of rejections.

A message over a limit or against the protocol closes the connection with the code that
https://datatracker.ietf.org/doc/html/rfc6455#section-7.4.1 names for it; the client can read that code, because the
server goes on reading for LINGER_SECONDS without keeping anything.
"""

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from autobahn.websocket.types import ConnectionDeny
from daphne.ws_protocol import WebSocketProtocol

from api.errors import OverloadedError
from api.http.rejections import LINGER_SECONDS
from api.resources.byte_budget import Hold
from gemini_gateway.server.connection import SLOWEST_BODY, Limits

POLICY_VIOLATION: Final = 1008
RESTARTING: Final = 1012
TRY_AGAIN_LATER: Final = 1013  # https://www.iana.org/assignments/websocket
SHUTTING_DOWN: Final = 4503
# An application that closes before it accepts has the HTTP status of the rejection as 4000 + status.
REJECTIONS: Final = range(4400, 4600)


def socket_options(limits: Limits) -> dict[str, Any]:
    """Autobahn's options: the limits of an HTTP body, and a closing handshake instead of a reset."""
    return {
        "maxMessagePayloadSize": limits.max_body_bytes,
        "maxFramePayloadSize": limits.max_body_bytes,
        "failByDrop": False,
        "closeHandshakeTimeout": LINGER_SECONDS,
    }


class GatewaySocket(WebSocketProtocol):  # type: ignore[misc]
    """One WebSocket. `_began` is when the message or frame began that is not complete yet, 0.0 between two; its bytes
    are held like those of an HTTP body.
    """

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits
        self._began = 0.0
        self._received = 0
        self._hold = Hold(self._limits.budget)

    # --- incoming messages -----------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Process bytes from the client, and record whether a message is incomplete."""
        self._received += len(data)
        super().dataReceived(data)
        if self.state != self.STATE_OPEN or not (self.inside_message or self.current_frame is not None or self.data):
            self._began = 0.0
        elif not self._began:
            self._began, self._received = time.monotonic(), len(data)
        if not self._began:
            self._release()
            return
        try:
            # Compressed, a message is larger than what came.
            size = max(self._received, self.message_data_total_length if self.inside_message else 0)
            self._hold.grow(size - self._hold.size)
        except OverloadedError as error:
            self._fail_connection(TRY_AGAIN_LATER, error.message)

    def connectionLost(self, reason: Any) -> None:
        """The connection has ended."""
        self._release()
        super().connectionLost(reason)

    def _release(self) -> None:
        if self._hold.size:
            self._hold.release()
            self._hold = Hold(self._limits.budget)

    def onFrameEnd(self) -> bool | None:
        """A frame is complete, and the message if the frame is its last."""
        going_on: bool | None = super().onFrameEnd()
        if not self.inside_message:
            self._began = 0.0
        return going_on

    def check_timeouts(self) -> None:
        """Called each second: a message must arrive in time, as the body of an HTTP request must."""
        super().check_timeouts()
        timeout = self._limits.body_timeout + self._received / SLOWEST_BODY
        if self._began and self.state == self.STATE_OPEN and time.monotonic() - self._began > timeout:
            self._began = 0.0
            self._fail_connection(POLICY_VIOLATION, "The message did not arrive in time.")

    # --- outgoing messages -----------------------------------------------------------------------------------------

    def sendMessage(self, payload: bytes, isBinary: bool = False, **options: Any) -> None:
        """Send a message; the size limit holds for incoming messages only."""
        self.maxMessagePayloadSize = 0
        try:
            super().sendMessage(payload, isBinary, **options)
        finally:
            self.maxMessagePayloadSize = self._limits.max_body_bytes

    def handle_reply(self, message: Mapping[str, Any]) -> None:
        """Write one message of the application, unless the connection is closing.

        Daphne leaves closing to a method of Autobahn's that takes private codes only; clients know the others, such as
        1012 for a server that restarts.
        """
        if self.state == self.STATE_CONNECTING and message["type"] == "websocket.close":
            self.reject(message.get("code") or 1000)
        elif self.state == self.STATE_OPEN and message["type"] == "websocket.close":
            self.sendCloseFrame(code=message.get("code") or 1000)
        elif self.state in {self.STATE_CONNECTING, self.STATE_OPEN}:
            super().handle_reply(message)

    def cut(self) -> None:
        """The server stops: close, and report the code to the application, which distinguishes it from a disconnect."""
        connecting = self.state == self.STATE_CONNECTING
        self.handle_reply({"type": "websocket.close", "code": SHUTTING_DOWN if connecting else RESTARTING})
        self.muted = True  # Daphne's word: nothing more goes to the application
        self.application_queue.put_nowait({"type": "websocket.disconnect", "code": RESTARTING})

    def reject(self, code: int) -> None:
        """Reject the handshake with the HTTP status of a code."""
        status = HTTPStatus(code - 4000) if code in REJECTIONS else HTTPStatus.FORBIDDEN
        self.handshake_deferred.errback(ConnectionDeny(code=status.value, reason=status.phrase))
        del self.handshake_deferred
        self.server.protocol_disconnected(self)
