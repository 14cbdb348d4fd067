"""Loopback addresses and host names: reachable from this machine only. Plain Python, for every layer."""

import ipaddress


def is_loopback_address(address: str) -> bool:
    """Return whether an IP address is loopback, including IPv4 addresses mapped to IPv6; False for names."""
    if address == "127.0.0.1":
        return True
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def is_loopback_host(host: str) -> bool:
    """Return whether a host to listen on or to connect to is loopback: `localhost` or an address, with or without the
    brackets of IPv6.
    """
    name = host.strip("[]")
    return name.lower() == "localhost" or is_loopback_address(name)
