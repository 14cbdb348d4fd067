"""Daphne's responses, written directly.

Daphne copies each header into an object of Twisted's, which changes the case of its name, searches it for line ends and
is searched twice; then Daphne writes to an access log that nobody reads. This module builds the head of a plain
response from the application's headers. Other responses (HTTP/1.0, without a body, with a header that Twisted must
clean, from a server with a name or an access log) use Daphne's and Twisted's code.

What is private of them: `_response_started`, `startedWriting` and `chunked`, the state of a response;
tests/unit/test_daphne_fast_response.py is the contract test.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from twisted.web.http import NO_BODY_CODES, Request

from gemini_gateway.server.daphne_fast.request import DirectRequest, lowered_name

Header = tuple[bytes, bytes]


class DirectResponse(DirectRequest):
    """A request of Daphne's server whose response is written directly."""

    _headers: Iterable[Header] = ()

    def handle_reply(self, message: Mapping[str, Any]) -> None:
        """Write one message of the application."""
        kind = message.get("type")
        if self.server.action_logger or self.server.server_name or self.finished or self.channel is None:
            super().handle_reply(message)
        elif kind == "http.response.start" and not self._response_started and "status" in message:
            self._response_started = True
            self.setResponseCode(message["status"])
            self._headers = message.get("headers", ())
        elif kind == "http.response.body" and self._response_started:
            if not self.startedWriting:
                self._begin()
            self.write(message.get("body", b""))
            if not message.get("more_body", False):
                self.finish()
        else:
            super().handle_reply(message)  # raises

    def finish(self) -> None:
        """The response is complete."""
        if self.application_queue:
            self.send_disconnect()
        Request.finish(self)
        self.server.protocol_disconnected(self)

    def _begin(self) -> None:
        """Write the head, or leave it to Twisted's `write`, which writes it before the first chunk of the body."""
        headers, self._headers = self._headers, ()
        head = self._plain_head(headers)
        if head is not None:
            self.startedWriting = 1
            self.channel.write(head)
            return
        for name, value in headers:
            self.responseHeaders.addRawHeader(name, value)

    def _plain_head(self, headers: Iterable[Header]) -> bytes | None:
        """Return the head in its wire format; None if Twisted must build it."""
        bodiless = self.method == b"HEAD" or self.code in NO_BODY_CODES
        if bodiless or self.clientproto != b"HTTP/1.1" or any(self.responseHeaders.getAllRawHeaders()):
            return None
        lines = [b"HTTP/1.1 %d %b" % (self.code, self.code_message)]
        sized = False
        for name, value in headers:
            lowered = lowered_name(name)
            if not lowered:
                return None
            sized = sized or lowered == b"content-length"
            lines.append(b"%b: %b" % (name, value))
        if not sized:
            lines.append(b"Transfer-Encoding: chunked")
        head = b"\r\n".join((*lines, b"", b""))
        # A line end within a header would begin another one.
        if not head.count(b"\r") == head.count(b"\n") == len(lines) + 1:
            return None
        self.chunked = int(not sized)
        return head
