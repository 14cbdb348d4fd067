"""Who can reach the address we listen on, and whether that is allowed without client keys."""

import ipaddress

ADVICE = (
    "Listen on loopback (HOST=127.0.0.1), put a proxy with authentication in front, or set ALLOW_INSECURE_KEYLESS=1 "
    "if anyone who can reach this address may use your Gemini account."
)


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to `host` (a name or an address, IPv6 with or without brackets)."""
    name = host.strip("[]")
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def exposure_problem(host: str, *, allowed: bool) -> str:
    """Why the server must not start on `host`, or "" when it may; `allowed` is ALLOW_INSECURE_KEYLESS."""
    if allowed or is_loopback(host):
        return ""
    return f"Anyone who can reach {host} could use this server without a key."
