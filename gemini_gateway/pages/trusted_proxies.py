"""Forwarded headers, accepted only from peers in TRUSTED_PROXIES.

For a request of a trusted proxy, REMOTE_ADDR is the client's address.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from api.auth.proxies import client_address, is_trusted

FORWARDED = ("HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED")


class TrustedProxyMiddleware:
    """Removes forwarded headers from untrusted peers, and sets REMOTE_ADDR for trusted proxies."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Set REMOTE_ADDR or remove forwarded headers, then call the next handler."""
        peer = request.META.get("REMOTE_ADDR", "")
        if is_trusted(peer):
            request.META["REMOTE_ADDR"] = client_address(peer, request.META.get("HTTP_X_FORWARDED_FOR", ""))
        else:
            for name in FORWARDED:
                request.META.pop(name, None)
        return self.get_response(request)
