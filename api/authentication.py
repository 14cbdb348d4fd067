"""Who a request belongs to. One place decides, for every route under `/v1`; what it does not admit is refused.

Keyless requests belong to the built-in local principal, and only a request that cannot have come from elsewhere is
keyless: its peer is loopback, its Host is local, its Origin local or listed in CORS_ALLOWED_ORIGINS, and no proxy or
tunnel has left a header on it. That stops DNS rebinding, web pages and forgotten tunnels. A dummy `Authorization:
Bearer anything` is accepted then, because OpenAI's SDKs insist on sending one, and is neither stored nor logged.
"""

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

from api.errors import AuthenticationError, InvalidRequestError, PermissionDeniedError
from gemini_gateway.origins import LOCAL_NAMES, is_admitted

# How the headers begin that proxies, tunnels and hosting services leave on a request, as Django names them in META.
# Whole families, because each service adds to its own; a program that asks directly sends none of them.
PROXY_HEADERS: Final = tuple(
    f"HTTP_{name}"
    for name in (
        *("FORWARDED", "X_FORWARDED", "VIA", "MAX_FORWARDS", "FRONT_END_HTTPS", "SURROGATE_", "X_PROXY", "X_VARNISH"),
        *("CLIENT_IP", "TRUE_CLIENT_IP", "X_CLIENT_IP", "X_CLUSTER_", "X_REAL_", "X_REMOTE_", "REMOTE_", "X_ORIGINAL_"),
        *("AKAMAI_", "X_AKAMAI_", "ALI_CDN_", "CDN_", "CF_", "CLOUDFRONT_", "FASTLY_", "FLY_", "INCAP_", "X_SUCURI_"),
        *("X_AMZ_CF_", "X_AMZN_", "X_APPENGINE_", "X_ARR_", "X_AZURE_", "X_FD_", "X_NF_", "X_RAILWAY_", "X_VERCEL_"),
        *("DO_CONNECTING_", "PROXY_CLIENT_", "RNDR_", "X_ORIGINATING_", "X_RENDER_", "X_TAILSCALE_", "X_ZEABUR_"),
        *("NGROK_", "TAILSCALE_", "WL_PROXY_", "X_ENVOY_", "X_SCHEME", "X_TUNNEL_", "X_URL_SCHEME"),
    )
)

ELSEWHERE = (
    "Only local programs may connect (no client keys configured): use localhost, 127.0.0.1 or [::1], without a proxy. "
    "To open the gateway to a network, see docs/operations.md."
)
FOREIGN_ORIGIN = (
    "Web pages of this origin may not use the gateway. To allow the origin, add it to CORS_ALLOWED_ORIGINS."
)


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal that a request belongs to, and whether chat sessions are remembered for it."""

    principal_id: int
    memory: bool


def admit_keyless(request: HttpRequest) -> None:
    """Let a keyless request pass, or raise: 401 where the operator demands keys, 403 where it may come from afar."""
    if settings.REQUIRE_KEY:
        raise AuthenticationError("A client key is required.", retryable=False)
    if settings.ALLOW_INSECURE_KEYLESS:
        _require_allowed_host(request)
        return
    meta = request.META
    peer = meta.get("REMOTE_ADDR")
    if peer and not _is_loopback(peer):
        raise PermissionDeniedError(ELSEWHERE, code="keyless_not_local", retryable=False)
    if _has_passed_a_proxy(tuple(meta)):
        raise PermissionDeniedError(ELSEWHERE, code="keyless_behind_proxy", retryable=False)
    if _host_name(meta.get("HTTP_HOST", "")) not in LOCAL_NAMES:
        raise PermissionDeniedError(ELSEWHERE, code="keyless_foreign_host", retryable=False)
    origin = meta.get("HTTP_ORIGIN")
    if origin is not None and not is_admitted(origin):
        raise _foreign_origin()


def admit_socket(request: HttpRequest) -> None:
    """Let the handshake of a WebSocket pass by the rules of `admit_keyless`, or raise.

    A browser opens a WebSocket without asking first, whatever page wants it. A foreign page is therefore refused here
    also where ALLOW_INSECURE_KEYLESS is on; the gateway's own origin is not foreign.
    """
    admit_keyless(request)
    origin, host = request.META.get("HTTP_ORIGIN"), request.META.get("HTTP_HOST", "")
    if origin is None or is_admitted(origin):
        return
    if not host or origin.lower().removeprefix("https://").removeprefix("http://") != host.lower():
        raise _foreign_origin()


def _foreign_origin() -> PermissionDeniedError:
    return PermissionDeniedError(FOREIGN_ORIGIN, code="keyless_foreign_origin", retryable=False)


@lru_cache(maxsize=128)  # 2 us instead of 24 (timeit, 25 names): a client repeats its names
def _has_passed_a_proxy(names: tuple[str, ...]) -> bool:
    return any(name.startswith(PROXY_HEADERS) for name in names)


def _require_allowed_host(request: HttpRequest) -> None:
    """Open to the network is not open to every web page: a rebound name is no name of this gateway."""
    try:
        request.get_host()
    except DisallowedHost:
        raise InvalidRequestError(
            "The host name of the header 'Host' is not allowed. Add it to ALLOWED_HOSTS.",
            code="disallowed_host",
        ) from None


def _is_loopback(address: str) -> bool:
    if address == "127.0.0.1":
        return True
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def _host_name(host: str) -> str:
    """Return the name in a Host header of the form `name`, `name:port` or `[v6]:port`; "" where the form is another."""
    if host.startswith("["):
        name, closed, rest = host[1:].partition("]")
        return _shortened(name) if closed and (not rest or _is_port(rest)) else ""
    name, _, port = host.partition(":")
    return name.lower() if not port or port.isdigit() else ""


def _shortened(address: str) -> str:
    """Return an IPv6 address in its shortest form, "" for what is none."""
    try:
        return str(ipaddress.IPv6Address(address))
    except ValueError:
        return ""


def _is_port(rest: str) -> bool:
    return rest.startswith(":") and rest[1:].isdigit()
