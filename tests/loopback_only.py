"""No test connects to the outside: a connection beyond loopback or a Unix socket fails at once."""

import ipaddress
import socket
from typing import Any


class OutsideNetworkError(AssertionError):
    """A test tried to connect to another machine."""


def forbid_outside_network() -> None:
    """Guard every Python socket of this process."""
    for name in ("connect", "connect_ex"):
        setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))


def _guarded(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_local(address[0]):
            raise OutsideNetworkError(f"A test tried to connect to {address[0]}")
        return connect(self, address)

    return guarded


def _is_local(host: str) -> bool:
    if host in {"localhost", ""}:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
