"""Daphne's answer, written without detours.

Daphne puts each header into an object of Twisted's, which brings its name into another form, looks for line ends in it
and is asked twice whether it has one; then an access log is told that nobody keeps. A plain answer's head is put
together here from what the application gave. What is not plain (HTTP/1.0, answers without a body, a header that Twisted
must clean, a server with a name or an access log) goes Daphne's and Twisted's way.

What is private of them: `_response_started`, `startedWriting` and `chunked`, by which they know how far an answer is;
tests/unit/test_direct_answer.py is the contract test.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from twisted.web.http import NO_BODY_CODES, Request

from gemini_gateway.server.daphne_fast.request import DirectRequest, lowered_name

Header = tuple[bytes, bytes]


class DirectAnswer(DirectRequest):
    """A request of Daphne's server that is answered directly."""

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
        """The answer is complete."""
        if self.application_queue:
            self.send_disconnect()
        Request.finish(self)
        self.server.protocol_disconnected(self)

    def _begin(self) -> None:
        """Write the head, or leave it to Twisted's `write`, which does it before the first piece of the body."""
        headers, self._headers = self._headers, ()
        head = self._plain_head(headers)
        if head is not None:
            self.startedWriting = 1
            self.channel.write(head)
            return
        for name, value in headers:
            self.responseHeaders.addRawHeader(name, value)

    def _plain_head(self, headers: Iterable[Header]) -> bytes | None:
        """Return the head as it goes over the wire, None if that is Twisted's to find out."""
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
