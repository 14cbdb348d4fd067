"""Resolution of a path to a view of `api.urls`, also for its alternative spellings (`api.http.addresses`)."""

from functools import lru_cache
from typing import Any, NamedTuple

from django.urls import Resolver404, ResolverMatch, get_resolver

from api.http.addresses import resolve_path
from api.views.unknown import UnknownView

_resolver = get_resolver("api.urls")
_resolver.url_patterns  # noqa: B018 - imports the views now, so that a broken one stops the server from starting
_unknown = _resolver.resolve("/unknown")


class Route(NamedTuple):
    """A view with its arguments, and the model name in the path, "" without one."""

    match: ResolverMatch
    deployment: str


@lru_cache(maxsize=512)
def route(path: str) -> Route:
    """Resolve a path; a path without a route is rewritten, and unknown if its rewritten form has no route either."""
    found = _found(path)
    if _is_known(found):
        return Route(found, "")
    other = resolve_path(path)
    rewritten = _found(other.path)
    return Route(rewritten, other.deployment) if _is_known(rewritten) else Route(found, "")


def is_served(path: str) -> bool:
    """Whether a path is an endpoint's, in any spelling."""
    return _is_known(route(path).match)


def socket_path(path: str) -> str:
    """Return the `/v1` path of a WebSocket path; "" for a path with an Azure deployment, which has no WebSocket."""
    address = resolve_path(path)
    return "" if address.deployment else address.path


def _found(path: str) -> ResolverMatch:
    try:
        return _resolver.resolve(path)
    except Resolver404:  # no URL accepts a line break, or a path without a leading slash
        return _unknown


def _is_known(match: ResolverMatch) -> bool:
    view: Any = match.func
    return view.view_class is not UnknownView
