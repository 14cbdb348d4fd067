"""Trusted proxies: the address of the client behind them (TRUSTED_PROXIES)."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from django.conf import settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_networks(words: Sequence[str]) -> list[Network]:
    """Parse addresses and networks such as `10.0.0.0/8`; raises ValueError for the first invalid one."""
    return [ipaddress.ip_network(word, strict=False) for word in words]


def is_trusted(peer: str) -> bool:
    """Whether a peer is one of TRUSTED_PROXIES."""
    trusted = _trusted(tuple(settings.TRUSTED_PROXIES))
    if not trusted:
        return False
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    return any(address in network for network in trusted)


def client_address(peer: str, forwarded_for: str) -> str:
    """Return the address of the client behind a peer.

    For a trusted proxy, that is the last address in X-Forwarded-For outside of the trusted proxies; addresses before
    it may be forged. For any other peer, the peer itself.
    """
    if not forwarded_for or not is_trusted(peer):
        return peer
    address = peer
    for word in reversed(forwarded_for.split(",")):
        try:
            address = str(ipaddress.ip_address(word.strip()))
        except ValueError:
            break
        if not is_trusted(address):
            break
    return address


@lru_cache(maxsize=4)
def _trusted(words: tuple[str, ...]) -> tuple[Network, ...]:
    try:
        return tuple(parse_networks(words))
    except ValueError:  # the system check gateway.E010 reports it; until then no proxy is trusted
        return ()
