"""CORS: the origins whose pages may call the API, and the response headers for them
(https://fetch.spec.whatwg.org/#http-cors-protocol).

An origin is admitted if its host is this machine, if CORS_ALLOWED_ORIGINS lists it, or if the key of the request lists
it (for a preflight, which has no key: any key). Responses to other origins have no CORS header. Credentials are never
allowed: `/v1` does not read cookies.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from django.conf import settings

LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# An origin exactly as browsers send it: scheme, host, port.
_WEB_ORIGIN: Final = re.compile(r"https?://(\[[0-9a-f:]+\]|[^\s/?#@\\:\[\]]+)(?::\d{1,5})?", re.IGNORECASE)
_ANY_ORIGIN: Final = re.compile(r"([a-z][a-z0-9+.-]*)://(?:\[[0-9a-f:]+\]|[^\s/?#@\\:\[\]*]+)(?::\d{1,5})?")
# All origins of an application's own scheme. Web pages have other schemes.
_ANY_HOST: Final = re.compile(r"(?!https?://)[a-z][a-z0-9+.-]*://\*")
_HEADER_NAMES: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, \t-]{1,4000}")

METHODS: Final = "GET, POST, DELETE, PUT, PATCH, HEAD, OPTIONS"
MAX_AGE: Final = "7200"  # seconds; Chromium's maximum
# The response headers that scripts may read, beside those that the standard allows.
EXPOSED: Final = ", ".join(
    (
        "x-request-id",
        *(f"openai-{what}" for what in ("organization", "processing-ms", "project", "version")),
        *(f"x-gateway-{what}" for what in ("budget-remaining", "model", "notes", "upstream")),
        *("x-session-id", "x-session-messages"),
        *(f"x-ratelimit-{what}-{unit}" for what in ("limit", "remaining", "reset") for unit in ("requests", "tokens")),
        *("retry-after", "retry-after-ms", "x-should-retry", "allow"),
    )
)


def origin_name(origin: str) -> str:
    """Return the host of a web origin in lower case, "" for any other value."""
    found = _WEB_ORIGIN.fullmatch(origin)
    return found[1].strip("[]").lower() if found else ""


def is_admitted(origin: str, own: Collection[str] = ()) -> bool:
    """Whether pages of this origin may call the API; `own` are the origins of a key, or of all keys."""
    if origin_name(origin) in LOCAL_NAMES:
        return True
    if not settings.CORS_ALLOWED_ORIGINS and not own:
        return False
    allowed = {*settings.CORS_ALLOWED_ORIGINS, *(entry.lower().rstrip("/") for entry in own)}
    lowered = origin.lower()
    found = _ANY_ORIGIN.fullmatch(lowered)
    return found is not None and (lowered in allowed or f"{found[1]}://*" in allowed)


def is_usable(entry: str) -> bool:
    """Whether an entry of CORS_ALLOWED_ORIGINS is an origin, or `scheme://*` for a scheme other than http and https."""
    return _ANY_ORIGIN.fullmatch(entry) is not None or _ANY_HOST.fullmatch(entry) is not None


def cors_headers(origin: str | None, own: Collection[str] = ()) -> dict[str, str]:
    """Return the CORS headers of a response to a request of this origin, whose key lists the origins `own`; none
    without an origin.
    """
    if origin is None:
        return {}
    if not is_admitted(origin, own):
        return {"Vary": "Origin"}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED, "Vary": "Origin"}


def is_preflight(meta: Mapping[str, Any]) -> bool:
    """Whether an OPTIONS request is a CORS preflight."""
    return "HTTP_ORIGIN" in meta and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in meta


def preflight_headers(meta: Mapping[str, Any], own: Collection[str] = ()) -> dict[str, str] | None:
    """Return the response headers of a CORS preflight, None for an origin that is not admitted; `own` are the origins
    of all keys.
    """
    origin = meta["HTTP_ORIGIN"]
    if not is_admitted(origin, own):
        return None
    headers = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Max-Age": MAX_AGE,
        "Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
        "Access-Control-Request-Private-Network",
    }
    requested = meta.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    if _HEADER_NAMES.fullmatch(requested):
        headers["Access-Control-Allow-Headers"] = requested
    if meta.get("HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK") == "true":
        headers["Access-Control-Allow-Private-Network"] = "true"
    return headers
