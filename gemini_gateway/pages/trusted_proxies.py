"""Forwarded headers, accepted only from peers in TRUSTED_PROXIES.

For a request of a trusted proxy, REMOTE_ADDR is the client's address.
"""

import ipaddress
from collections.abc import Callable, Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

FORWARDED = ("HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED")

type_of_network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_networks(words: Sequence[str]) -> list[type_of_network]:
    """Parse addresses and networks such as `10.0.0.0/8`; raises ValueError for the first invalid one."""
    return [ipaddress.ip_network(word, strict=False) for word in words]


class TrustedProxyMiddleware:
    """Removes forwarded headers from untrusted peers, and sets REMOTE_ADDR for trusted proxies."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        try:
            self.trusted = parse_networks(settings.TRUSTED_PROXIES)
        except ValueError:  # the system check gateway.E010 reports it; until then no proxy is trusted
            self.trusted = []

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Set REMOTE_ADDR or remove forwarded headers, then call the next handler."""
        if self._is_trusted(request.META.get("REMOTE_ADDR", "")):
            request.META["REMOTE_ADDR"] = self._client(request)
        else:
            for name in FORWARDED:
                request.META.pop(name, None)
        return self.get_response(request)

    def _client(self, request: HttpRequest) -> str:
        """Return the last address in X-Forwarded-For outside of the trusted proxies; addresses before it may be forged.

        Without such an address, return the peer's.
        """
        address: str = request.META["REMOTE_ADDR"]
        for word in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
            try:
                address = str(ipaddress.ip_address(word.strip()))
            except ValueError:
                break
            if not self._is_trusted(address):
                break
        return address

    def _is_trusted(self, peer: str) -> bool:
        if not self.trusted:
            return False
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self.trusted)
