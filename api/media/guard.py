"""The guard of outgoing fetches: the allowed URLs, and the allowed addresses of their host names.

A name is resolved once, all its addresses must be public, and the connection uses exactly the address that was checked:
a second look-up could return another one. TLS still verifies the name. The networks follow the IANA registries of
special addresses (https://www.iana.org/assignments/iana-ipv4-special-registry, iana-ipv6-special-registry).
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

import httpcore2
import httpx2

# Networks that `is_global` accepts, and those that stand for another address: translated, tunnelled or shared.
_DENIED: Final = tuple(
    ip_network(network)
    for network in (
        "100.64.0.0/10",
        "168.63.129.16/32",  # Azure's metadata service has a public address
        "192.0.0.0/24",
        "192.88.99.0/24",
        "::/96",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)
MAX_URL_LENGTH: Final = 8192
PORTS: Final = frozenset({80, 443})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]


class RejectedURLError(Exception):
    """The URL is not allowed; the text says why and repeats nothing of the URL."""


def is_public(address: str) -> bool:
    """Whether an IP address is public."""
    try:
        known = ip_address(address)
    except ValueError:
        return False
    special = known.is_multicast or known.is_reserved or known.is_unspecified or known.is_loopback
    if special or known.is_link_local or known.is_private or not known.is_global:
        return False
    return not any(_contains(network, known) for network in _DENIED)


def _contains(network: object, address: IPv4Address | IPv6Address) -> bool:
    return address in network  # type: ignore[operator]  # a network of the other version contains nothing


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name, resolved by the operating system. Raises OSError or UnicodeError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The rules of a fetch. A setting changes only `schemes`; the other fields exist for tests with a local server."""

    schemes: frozenset[str] = frozenset({"https"})
    ports: frozenset[int] = PORTS
    permits: Callable[[str], bool] = is_public
    resolve: Resolver = resolve

    def check_url(self, url: httpx2.URL) -> None:
        """Raise RefusedURLError for a URL that is not allowed, whatever its name resolves to."""
        if url.scheme not in self.schemes:
            raise RejectedURLError(f"only {' and '.join(sorted(self.schemes))} URLs are allowed")
        if url.userinfo:
            raise RejectedURLError("it must not contain a username or password")
        if not url.host or len(str(url)) > MAX_URL_LENGTH:
            raise RejectedURLError("it has no host or is too long")
        if (url.port or _DEFAULT_PORTS[url.scheme]) not in self.ports:
            raise RejectedURLError(f"only the ports {' and '.join(map(str, sorted(self.ports)))} are allowed")

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a name. Raises RefusedURLError unless all of them are allowed."""
        if port not in self.ports:
            raise RejectedURLError(f"only the ports {' and '.join(map(str, sorted(self.ports)))} are allowed")
        found = await self.resolve(host, port)
        if not found or not all(self.permits(address) for address in found):
            raise RejectedURLError("its host is not a public address")
        return found


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """The network backend of every fetch: it connects only to addresses that the guard has checked."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._backend = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of `host` that accepts. Raises RefusedURLError or an error of httpcore2."""
        try:
            async with asyncio.timeout(timeout):
                return await self._connect(host, port, local_address, socket_options)
        except TimeoutError:
            raise httpcore2.ConnectTimeout from None

    async def _connect(
        self,
        host: str,
        port: int,
        local_address: str | None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None,
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception | None = None
        for address in await self._guard.addresses(host, port):
            try:
                return await self._backend.connect_tcp(
                    address, port, local_address=local_address, socket_options=socket_options
                )
            except httpcore2.ConnectError as error:
                failure = error
        raise httpcore2.ConnectError from failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's signature
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Raise RefusedURLError: no URL names a Unix socket."""
        raise RejectedURLError("its host is not a public address")

    async def sleep(self, seconds: float) -> None:
        """Wait between attempts of the pool."""
        await asyncio.sleep(seconds)
