"""Which requests are admitted, decided from their headers and the address that they come from.

Keyless requests belong to the built-in local principal, and only a request that cannot have come from elsewhere is
keyless: its peer is loopback, its Host is local, its Origin local or listed in CORS_ALLOWED_ORIGINS, and no proxy or
tunnel has left a header on it. That stops DNS rebinding, web pages and forgotten tunnels. A dummy `Authorization:
Bearer anything` is accepted then, because OpenAI's SDKs insist on sending one, and is neither stored nor logged.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from api.auth.loopback import is_loopback_address
from api.auth.origins import LOCAL_NAMES, is_admitted
from api.errors import AuthenticationError, InvalidRequestError, PermissionDeniedError

# How the headers begin that proxies, tunnels and hosting services leave on a request, as CGI names them.
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

# Names of headers that no proxy leaves. Each request's are looked up here first: 0.4 us instead of 24 for 25 names
# (timeit), because clients repeat their names.
MOST_NAMES: Final = 4096
_unsuspicious: set[str] = set()

ELSEWHERE = (
    "Only local programs may connect (no client keys configured): use localhost, 127.0.0.1 or [::1], without a proxy. "
    "To open the gateway to a network, see docs/operations.md."
)
FOREIGN_ORIGIN = (
    "Web pages of this origin may not use the gateway. To allow the origin, add it to CORS_ALLOWED_ORIGINS."
)


class Credentials(NamedTuple):
    """What a request says about who sends it.

    `headers` are named as in CGI (HTTP_HOST), the form in which Django has them; SERVER_NAME is the address that the
    client has connected to, and other variables do not matter. `peer` is the client's address, "" on a Unix socket.
    """

    headers: Mapping[str, Any]
    peer: str
    opens_socket: bool = False

    @classmethod
    def of_handshake(cls, scope: Mapping[str, Any]) -> "Credentials":
        """Return the credentials of a WebSocket handshake's ASGI scope."""
        headers: dict[str, str] = {"SERVER_NAME": (scope.get("server") or ["unknown"])[0]}
        for raw_name, raw_value in scope["headers"]:
            if b"_" in raw_name:  # could pose as another header (CVE-2015-0219)
                continue
            name, value = f"HTTP_{raw_name.decode('latin1').upper().replace('-', '_')}", raw_value.decode("latin1")
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        return cls(headers, str((scope.get("client") or [""])[0]), opens_socket=True)


def admit(credentials: Credentials) -> None:
    """Let a keyless request pass, or raise: 401 where the operator demands keys, 403 where it may come from afar.

    A browser opens a WebSocket without a preflight, whatever page wants it. A foreign page is therefore refused there
    also where ALLOW_INSECURE_KEYLESS is on; the gateway's own origin is not foreign.
    """
    headers, peer, opens_socket = credentials
    if settings.REQUIRE_KEY:
        raise AuthenticationError("A client key is required.", retryable=False)
    origin = headers.get("HTTP_ORIGIN")
    if settings.ALLOW_INSECURE_KEYLESS:
        _require_allowed_host(headers)
        if opens_socket and origin is not None and not (is_admitted(origin) or _is_own(origin, headers)):
            raise _foreign_origin()
        return
    if peer and not is_loopback_address(peer):
        raise PermissionDeniedError(ELSEWHERE, code="keyless_not_local", retryable=False)
    if not _unsuspicious.issuperset(headers) and _has_passed_a_proxy(headers):
        raise PermissionDeniedError(ELSEWHERE, code="keyless_behind_proxy", retryable=False)
    if _host_name(headers.get("HTTP_HOST", "")) not in LOCAL_NAMES:
        raise PermissionDeniedError(ELSEWHERE, code="keyless_foreign_host", retryable=False)
    if origin is not None and not is_admitted(origin):
        raise _foreign_origin()


def _is_own(origin: str, headers: Mapping[str, Any]) -> bool:
    """Return whether an origin is that of the gateway's own pages."""
    host = headers.get("HTTP_HOST", "")
    return bool(host) and origin.lower().removeprefix("https://").removeprefix("http://") == host.lower()


def _foreign_origin() -> PermissionDeniedError:
    return PermissionDeniedError(FOREIGN_ORIGIN, code="keyless_foreign_origin", retryable=False)


def _has_passed_a_proxy(names: Iterable[str]) -> bool:
    """Return whether a proxy has left a header; names that no proxy leaves are remembered."""
    if any(name.startswith(PROXY_HEADERS) for name in names):
        return True
    if len(_unsuspicious) < MOST_NAMES:
        _unsuspicious.update(names)
    return False


def _require_allowed_host(headers: Mapping[str, Any]) -> None:
    """Raise for a Host that ALLOWED_HOSTS does not list: open to the network is not open to every web page, and a
    rebound name is no name of this gateway.
    """
    name, _ = split_domain_port(headers.get("HTTP_HOST", headers.get("SERVER_NAME", "")))
    if not name or not validate_host(name, settings.ALLOWED_HOSTS):
        raise InvalidRequestError(
            "The host name of the header 'Host' is not allowed. Add it to ALLOWED_HOSTS.",
            code="disallowed_host",
        )


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
