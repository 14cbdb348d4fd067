"""Where a path leads: to a view of `api.urls`, also when it is written in another form (`api.addresses`)."""

from functools import lru_cache
from typing import Any, NamedTuple

from django.urls import Resolver404, ResolverMatch, get_resolver

from api.addresses import meant
from api.views.unknown import UnknownView

_resolver = get_resolver("api.urls")
_resolver.url_patterns  # noqa: B018 - imports the views now, so that a broken one stops the server from starting


class Route(NamedTuple):
    """A view with its arguments, and the model that the path names, "" for most."""

    match: ResolverMatch
    deployment: str

    @property
    def known(self) -> bool:
        """Whether the path is an endpoint's."""
        return _is_known(self.match)


@lru_cache(maxsize=512)
def route(path: str) -> Route:
    """Return where a path leads. One that no URL takes as it stands is rewritten; if that does not help, it is unknown.

    Raises Resolver404 for what not even the last URL takes, such as a line break.
    """
    found = _found(path)
    if found is not None and _is_known(found):
        return Route(found, "")
    other = meant(path)
    rewritten = _found(other.path)
    if rewritten is not None and _is_known(rewritten):
        return Route(rewritten, other.deployment)
    if found is None:
        raise Resolver404({"path": path})
    return Route(found, "")


def is_served(path: str) -> bool:
    """Whether a path is an endpoint's, in any form."""
    try:
        return route(path).known
    except Resolver404:
        return False


def socket_path(path: str) -> str:
    """Return the path under `/v1` that the path of a WebSocket means; no deployment can be asked that way."""
    address = meant(path)
    return "" if address.deployment else address.path


def _found(path: str) -> ResolverMatch | None:
    try:
        return _resolver.resolve(path)
    except Resolver404:
        return None


def _is_known(match: ResolverMatch) -> bool:
    view: Any = match.func
    return view.view_class is not UnknownView
