"""Admission of keyless requests, by their headers and the address they come from.

A keyless request belongs to the built-in local principal. It is admitted only if it comes from this machine: its peer
is loopback, its Host is local, its Origin is local or listed in CORS_ALLOWED_ORIGINS, and it has no header of a proxy
or tunnel. That stops DNS rebinding, web pages and forgotten tunnels. A dummy `Authorization: Bearer anything` is
accepted, because OpenAI's SDKs always send one; it is neither stored nor logged.
"""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.http import QueryDict
from django.http.request import split_domain_port, validate_host

from api.auth.loopback import is_loopback_address
from api.auth.origins import LOCAL_NAMES, is_admitted
from api.auth.proxies import client_address
from api.errors import AuthenticationError, InvalidRequestError, PermissionDeniedError

# Prefixes of the headers that proxies, tunnels and hosting services add to a request, in CGI form. Prefixes, because
# each service adds headers of its own; a direct client sends none of them.
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

MISSING: Final = (
    "You didn't provide an API key. This gateway requires a client key: send it as "
    "'Authorization: Bearer sk-gw-...'. An operator creates keys in the admin or with 'manage.py create_key'."
)
MISSING_ADMIN: Final = (
    "You didn't provide an admin key. The administration API requires one: send it as "
    "'Authorization: Bearer sk-gwadmin-...'."
)
ELSEWHERE = (
    "Only local programs may connect (no client keys configured): use localhost, 127.0.0.1 or [::1], without a proxy. "
    "To open the gateway to a network, see docs/operations.md."
)
FOREIGN_ORIGIN = (
    "Web pages of this origin may not use the gateway. To allow the origin, add it to CORS_ALLOWED_ORIGINS."
)


# The name among the headers of a key in a WebSocket's query: headers of clients begin with HTTP_.
QUERY_KEY: Final = "QUERY_KEY"


class Credentials(NamedTuple):
    """The headers and the address that identify a client.

    `headers` are named as in CGI (HTTP_HOST), like Django's META; SERVER_NAME is the address of the server, and other
    variables are not read. `peer` is the client's address, "" on a Unix socket.
    """

    headers: Mapping[str, Any]
    peer: str
    opens_socket: bool = False

    @property
    def client_address(self) -> str:
        """The address of the client, behind trusted proxies too."""
        return client_address(self.peer, self.headers.get("HTTP_X_FORWARDED_FOR", ""))

    @classmethod
    def of_handshake(cls, scope: Mapping[str, Any]) -> "Credentials":
        """Return the credentials of a WebSocket handshake's ASGI scope, with ALLOW_QUERY_KEY from its query too."""
        headers: dict[str, str] = {"SERVER_NAME": (scope.get("server") or ["unknown"])[0]}
        for raw_name, raw_value in scope["headers"]:
            if b"_" in raw_name:  # else it could replace another header (CVE-2015-0219)
                continue
            name, value = f"HTTP_{raw_name.decode('latin1').upper().replace('-', '_')}", raw_value.decode("latin1")
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        if settings.ALLOW_QUERY_KEY and (key := QueryDict(scope.get("query_string", b"")).get("key")):
            headers[QUERY_KEY] = key
        return cls(headers, str((scope.get("client") or [""])[0]), opens_socket=True)


def admit(credentials: Credentials) -> None:
    """Admit a keyless request, or raise: AuthenticationError if REQUIRE_KEY is set, PermissionDeniedError if it may not
    come from this machine.

    A browser opens a WebSocket without a preflight, for any page. A foreign page is therefore rejected even with
    ALLOW_INSECURE_KEYLESS; the gateway's own origin is not foreign.
    """
    headers, peer, opens_socket = credentials
    if settings.REQUIRE_KEY:
        raise AuthenticationError(MISSING, retryable=False)
    origin = headers.get("HTTP_ORIGIN")
    if settings.ALLOW_INSECURE_KEYLESS:
        _require_allowed_host(headers)
        if opens_socket and origin is not None and not (is_admitted(origin) or _is_own(origin, headers)):
            raise _foreign_origin()
        return
    if peer and not is_loopback_address(peer):
        raise PermissionDeniedError(ELSEWHERE, code="keyless_not_local", retryable=False)
    if _has_passed_a_proxy(tuple(headers)):
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


@lru_cache(maxsize=128)  # 2 us instead of 24 (timeit, 25 names): a client repeats its names
def _has_passed_a_proxy(names: tuple[str, ...]) -> bool:
    return any(name.startswith(PROXY_HEADERS) for name in names)


def _require_allowed_host(headers: Mapping[str, Any]) -> None:
    """Raise InvalidRequestError for a Host that ALLOWED_HOSTS does not list, which stops DNS rebinding."""
    name, _ = split_domain_port(headers.get("HTTP_HOST", headers.get("SERVER_NAME", "")))
    if not name or not validate_host(name, settings.ALLOWED_HOSTS):
        raise InvalidRequestError(
            "The host name of the header 'Host' is not allowed. Add it to ALLOWED_HOSTS.",
            code="disallowed_host",
        )


def _host_name(host: str) -> str:
    """Return the name in a Host header of the form `name`, `name:port` or `[v6]:port`; "" for any other form."""
    if host.startswith("["):
        name, closed, rest = host[1:].partition("]")
        return _shortened(name) if closed and (not rest or _is_port(rest)) else ""
    name, _, port = host.partition(":")
    return name.lower() if not port or port.isdigit() else ""


def _shortened(address: str) -> str:
    """Return an IPv6 address in its shortest form, "" for an invalid one."""
    try:
        return str(ipaddress.IPv6Address(address))
    except ValueError:
        return ""


def _is_port(rest: str) -> bool:
    return rest.startswith(":") and rest[1:].isdigit()
