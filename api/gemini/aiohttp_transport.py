"""The aiohttp transport, used behind an HTTP proxy and where httptools is not installed."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp

from api.gemini.transport import Body, BrokenOffError, ConnectFailedError, ConnectTimeoutError, TransportError


class AiohttpResponse:
    """The `transport.UpstreamResponse` of aiohttp."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    async def receive(self, until: float) -> bytes | None:
        """See `transport.UpstreamResponse`."""
        try:
            async with asyncio.timeout_at(until):
                return await self._response.content.readany()
        except TimeoutError:
            return None
        except (aiohttp.ClientError, OSError):
            raise BrokenOffError("The connection to the upstream was lost.") from None

    def rest(self) -> bytes | None:
        """Return None: aiohttp does not report whether the body is complete. See `transport.UpstreamResponse`."""

    def release(self) -> None:
        """See `transport.UpstreamResponse`."""
        self._response.release()

    def close(self) -> None:
        """See `transport.UpstreamResponse`."""
        self._response.close()


class AiohttpTransport:
    """The `transport.Transport` of aiohttp; HTTP proxies come from the environment variables that aiohttp reads."""

    def __init__(self, origin: str, *, connect_seconds: float) -> None:
        self._origin = origin
        self._limits = aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
            trust_env=True,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=2**18,
        )

    async def post(self, path: str, headers: Mapping[str, str], body: Body, *, until: float) -> AiohttpResponse | None:
        """See `transport.Transport`."""
        return await self._send("POST", path, headers, body, until=until)

    async def get(self, path: str, headers: Mapping[str, str], *, until: float) -> AiohttpResponse | None:
        """See `transport.Transport`."""
        return await self._send("GET", path, headers, None, until=until)

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: Body | None, *, until: float
    ) -> AiohttpResponse | None:
        options: Any = {
            "headers": headers,
            "data": None if body is None else body(),
            "timeout": self._limits,
            "allow_redirects": False,
        }
        try:
            async with asyncio.timeout_at(until):
                response = await self._session.request(method, self._origin + path, **options)
        except aiohttp.ServerTimeoutError:
            raise ConnectTimeoutError("The upstream could not be reached in time.") from None
        except TimeoutError:
            return None
        except aiohttp.ClientConnectorError:
            raise ConnectFailedError("The upstream could not be reached.") from None
        except (aiohttp.ClientError, OSError):
            raise TransportError("The connection to the upstream was lost.") from None
        return AiohttpResponse(response)

    async def aclose(self) -> None:
        """See `transport.Transport`."""
        await self._session.close()
