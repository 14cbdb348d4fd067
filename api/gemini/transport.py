"""What a transport to Gemini gives: one request, an answer whose body is read in pieces, and its end at any moment.

Two kinds exist: `direct_transport` (asyncio and httptools, about ten times cheaper than an HTTP client library, see
docs/decisions/0005) and `aiohttp_transport`, for where an HTTP proxy stands between or httptools is missing.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

# Encodes a request; called once it can be sent, so that its bytes take memory only until the kernel has them.
Body = Callable[[], bytes]


class TransportError(Exception):
    """The connection failed. Its text names no address: it may reach a log."""


class ConnectFailedError(TransportError):
    """No connection came about: name, TCP or TLS."""


class ConnectTimeoutError(ConnectFailedError):
    """No connection came about in time."""


class BrokenOffError(TransportError):
    """The connection ended before the answer did, or what came was not HTTP."""


class Answer(Protocol):
    """An answer whose head has arrived. Header names are lower case."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the head."""

    def receive(self, until: float) -> Awaitable[bytes | None]:
        """Return the next piece of the body, b"" at its end, None once the loop's clock has passed `until`.

        Raises BrokenOffError.
        """

    def rest(self) -> bytes | None:
        """Return all that is left of the body if its end has come already, else None; `receive` goes on then."""

    def release(self) -> None:
        """Give the connection back; call it after the end of the body."""

    def close(self) -> None:
        """Drop the connection at once, which is how Gemini learns that nobody listens."""


class Transport(Protocol):
    """A pool of connections to one origin."""

    def post(self, path: str, headers: Mapping[str, str], body: Body, *, until: float) -> Awaitable[Answer | None]:
        """Send one request and return the answer's head, or None once the loop's clock has passed `until`.

        Raises TransportError. A caller that is cancelled leaves nothing behind.
        """

    def get(self, path: str, headers: Mapping[str, str], *, until: float) -> Awaitable[Answer | None]:
        """Send one request without a body; otherwise as `post`."""

    async def aclose(self) -> None:
        """Close all connections."""
