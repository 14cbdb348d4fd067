"""The distinction between requests for an HTML page and requests for JSON."""

from collections.abc import Mapping
from typing import Any, Final

# The prefixes of pages and their static files.
OF_PAGES: Final = ("/admin", "/setup/", "/static/", "/favicon.ico")


def is_page(path: str) -> bool:
    """Whether a path belongs to the HTML pages."""
    return path == "/" or path.startswith(OF_PAGES)


def wants_page(method: str, accept: str) -> bool:
    """Whether a request is a browser's navigation: a reading method, and an Accept header with HTML."""
    return method in ("GET", "HEAD") and "text/html" in accept.lower()


def wants_json(method: str, accept: str) -> bool:
    """Whether a request at a page's path is a program's: a writing method, or an Accept header with JSON only."""
    return method not in ("GET", "HEAD") or ("json" in accept.lower() and not wants_page(method, accept))


def accept_of(scope: Mapping[str, Any]) -> str:
    """Return the Accept headers of an ASGI scope, joined by commas."""
    return ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"accept")
