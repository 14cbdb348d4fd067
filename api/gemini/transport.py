"""The interface of a transport to Gemini: send one request, read the response in chunks, close at any moment.

Implementations: `direct_transport` (asyncio and httptools, about ten times cheaper than an HTTP client library, see
docs/decisions/0005) and `aiohttp_transport`, for a deployment behind an HTTP proxy or without httptools.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

# Encodes a request. Called at the moment of sending, so that the bytes take memory only until the kernel has them.
Body = Callable[[], bytes]


class TransportError(Exception):
    """The connection failed. The text holds no address: logs may show it."""


class ConnectFailedError(TransportError):
    """The connection was not established: DNS, TCP or TLS."""


class ConnectTimeoutError(ConnectFailedError):
    """The connection was not established in time."""


class BrokenOffError(TransportError):
    """The connection ended before the response, or the response was not HTTP."""


class UpstreamResponse(Protocol):
    """An HTTP response with a complete head and an unread body. Header names are lower case."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers."""

    def receive(self, until: float) -> Awaitable[bytes | None]:
        """Return the next chunk of the body, b"" at its end, None once the loop's clock has passed `until`.

        Raises BrokenOffError.
        """

    def rest(self) -> bytes | None:
        """Return the unread rest of the body if the body is complete, else None: then read with `receive`."""

    def release(self) -> None:
        """Return the connection to the pool; call it after the end of the body."""

    def close(self) -> None:
        """Drop the connection at once: Gemini stops generating."""


class Transport(Protocol):
    """A connection pool to one origin."""

    def post(
        self, path: str, headers: Mapping[str, str], body: Body, *, until: float
    ) -> Awaitable[UpstreamResponse | None]:
        """Send one request and return the response's head, or None once the loop's clock has passed `until`.

        Raises TransportError. Cancelling the caller closes the connection.
        """

    def get(self, path: str, headers: Mapping[str, str], *, until: float) -> Awaitable[UpstreamResponse | None]:
        """Send one request without a body; otherwise as `post`."""

    async def aclose(self) -> None:
        """Close all connections."""
