"""The rule for listening on a public address without client keys."""

from api.auth.loopback import is_loopback_host

ADVICE = (
    "Listen on loopback (HOST=127.0.0.1), put a proxy with authentication in front, or set ALLOW_INSECURE_KEYLESS=1 "
    "if anyone who can reach this address may use your Gemini account."
)


def exposure_problem(host: str, *, allowed: bool) -> str:
    """Return the reason that forbids listening on `host`, or ""; `allowed` is ALLOW_INSECURE_KEYLESS."""
    if allowed or is_loopback_host(host):
        return ""
    return f"Anyone who can reach {host} could use this server without a key."
