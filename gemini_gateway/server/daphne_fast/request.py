"""Daphne's requests, passed to the application directly.

Daphne iterates the headers three times, wraps the call of the application in two Deferreds and compares requests in
Python code. A plain request needs none of these. Other requests (an upgrade to WebSocket, headers or paths that must be
rejected, addresses from a proxy) use Daphne's code.
"""

import functools
import re
import time
from typing import Any, Final
from urllib.parse import unquote

from daphne.http_protocol import WebRequest
from daphne.utils import HEADER_NAME_RE, INVALID_HEADER_VALUE_BYTES
from twisted.web.http import Request
from twisted.web.http_headers import Headers as TwistedHeaders

_ODD_VALUE: Final = re.compile(b"[" + re.escape(bytes(sorted(INVALID_HEADER_VALUE_BYTES))) + b"]")

Headers = list[tuple[bytes, bytes]]


@functools.lru_cache(maxsize=1024)
def lowered_name(name: bytes) -> bytes:
    """Return a header's name in lower case, b"" for what is no name."""
    return name.lower() if HEADER_NAME_RE.fullmatch(name) else b""


class DirectRequest(WebRequest):  # type: ignore[misc]
    """A request of Daphne's server, compared by identity."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__

    _origin: bytes | None = None

    def __init__(self, channel: Any, queued: object = False) -> None:
        # What Daphne's own does. Twisted would parse multipart bodies in full, only for its `args` that nobody reads.
        self.client_addr: list[Any] | None = None
        self.server_addr: list[Any] | None = None
        self.application_queue = None
        self._response_started = False
        Request.__init__(self, channel, queued, parsePOSTFormSubmission=False)
        self.server = channel.factory.server
        self.server.protocol_connected(self)

    def process(self) -> Any:
        """Pass the request to the application."""
        headers = self._plain_headers()
        plain = self.uri.isascii() and self.method.isascii() and not self.server.proxy_forwarded_address_header
        if headers is None or not plain:
            return super().process()
        self.request_start = time.time()
        self.client_addr, self.server_addr = _address(self.client), _address(self.host)
        self.client_scheme = "https" if self.isSecure() else "http"
        self.root_path = self.server.root_path
        self.query_string = self.uri.partition(b"?")[2]
        self.content.seek(0)
        body = self.content.read()
        self.application_queue = self.server.create_application(self, self._scope(headers))
        # A stream may stay open for minutes: the request's body and headers are freed.
        self.content.truncate(0)
        self.requestHeaders = TwistedHeaders()
        if self._origin is not None:
            self.requestHeaders.setRawHeaders(b"origin", [self._origin])  # for rejections by the server
        if self.application_queue is not None:
            self.application_queue.put_nowait({"type": "http.request", "body": body, "more_body": False})
        return None

    def _plain_headers(self) -> Headers | None:
        """Return the headers in ASGI's form; None if Daphne must process them."""
        headers: Headers = []
        self._origin = None
        for name, values in self.requestHeaders.getAllRawHeaders():
            lowered = lowered_name(name)
            if lowered in {b"upgrade", b""}:
                return None
            if lowered == b"origin":
                self._origin = values[0]
            for value in values:
                if _ODD_VALUE.search(value):
                    return None
                # A name with an underscore could pose as another one in Django's META (CVE-2015-0219).
                if b"_" not in name:
                    headers.append((lowered, value))
        return headers

    def _scope(self, headers: Headers) -> dict[str, Any]:
        return {
            "type": "http",
            "http_version": self.clientproto.rpartition(b"/")[2].decode("ascii"),
            "method": self.method.decode("ascii"),
            "path": unquote(self.path.decode("ascii")),
            "raw_path": self.path,
            "root_path": self.root_path,
            "scheme": self.client_scheme,
            "query_string": self.query_string,
            "headers": headers,
            "client": self.client_addr,
            "server": self.server_addr,
        }


def _address(address: Any) -> list[Any] | None:
    """Return host and port; a Unix socket has none."""
    return [str(address.host), address.port] if hasattr(address, "port") else None
