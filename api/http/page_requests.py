"""Which requests want a page for people, and which JSON for a program."""

from collections.abc import Mapping
from typing import Any, Final

# Below these stands nothing but pages and what belongs to them.
OF_PAGES: Final = ("/admin", "/setup/", "/static/", "/favicon.ico")


def is_page(path: str) -> bool:
    """Whether a path is a page's, or beside one."""
    return path == "/" or path.startswith(OF_PAGES)


def wants_page(method: str, accept: str) -> bool:
    """Whether a request is a browser's that shows a page: it reads, and asks for HTML."""
    return method in ("GET", "HEAD") and "text/html" in accept.lower()


def wants_json(method: str, accept: str) -> bool:
    """Whether a request at a page's path is a program's: it does not read, or takes JSON and no HTML."""
    return method not in ("GET", "HEAD") or ("json" in accept.lower() and not wants_page(method, accept))


def accept_of(scope: Mapping[str, Any]) -> str:
    """Return the Accept headers of a request."""
    return ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"accept")
