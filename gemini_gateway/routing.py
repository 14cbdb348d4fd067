"""Where a path leads: to a view of `api.urls`, also when it is written in another form (`api.http.addresses`)."""

from functools import lru_cache
from typing import Any, NamedTuple

from django.urls import Resolver404, ResolverMatch, get_resolver

from api.http.addresses import meant
from api.views.unknown import UnknownView

_resolver = get_resolver("api.urls")
_resolver.url_patterns  # noqa: B018 - imports the views now, so that a broken one stops the server from starting
_unknown = _resolver.resolve("/unknown")


class Route(NamedTuple):
    """A view with its arguments, and the model that the path names, "" for most."""

    match: ResolverMatch
    deployment: str


@lru_cache(maxsize=512)
def route(path: str) -> Route:
    """Return where a path leads: one that no URL takes as it stands is rewritten, and unknown if that does not help."""
    found = _found(path)
    if _is_known(found):
        return Route(found, "")
    other = meant(path)
    rewritten = _found(other.path)
    return Route(rewritten, other.deployment) if _is_known(rewritten) else Route(found, "")


def is_served(path: str) -> bool:
    """Whether a path is an endpoint's, in any form."""
    return _is_known(route(path).match)


def socket_path(path: str) -> str:
    """Return the path under `/v1` that the path of a WebSocket means; no deployment can be asked that way."""
    address = meant(path)
    return "" if address.deployment else address.path


def _found(path: str) -> ResolverMatch:
    try:
        return _resolver.resolve(path)
    except Resolver404:  # not even the last URL takes a line break, or what begins without a slash
        return _unknown


def _is_known(match: ResolverMatch) -> bool:
    view: Any = match.func
    return view.view_class is not UnknownView
