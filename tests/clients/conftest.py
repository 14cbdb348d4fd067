"""The order of the client tests: grouped by client, so that each program is started once."""

from typing import Any

from tests.clients.installed import CLIENTS


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Sort the tests with a client by client."""
    callspecs = (getattr(item, "callspec", None) for item in items)
    clients = [callspec.params.get("running") if callspec else None for callspec in callspecs]
    places = [place for place, client in enumerate(clients) if client in CLIENTS]
    ordered = [items[place] for place in sorted(places, key=lambda place: CLIENTS.index(clients[place]))]
    for place, item in zip(places, ordered, strict=True):
        items[place] = item
