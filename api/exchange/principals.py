"""The caller of a request, looked up once per state of the catalogue instead of once per request."""

from api.authentication import Caller
from sessions_store.catalogue import Catalogue, current
from sessions_store.principals import local_principal
from sessions_store.recording import Store


class _Cache:
    catalogue: Catalogue | None = None
    local: Caller | None = None


async def local_caller(store: Store) -> Caller:
    """Return the built-in local principal, to whom keyless requests belong."""
    catalogue = await current()
    if _Cache.local is None or _Cache.catalogue is not catalogue:
        principal_id, memory = await store.read(local_principal)
        _Cache.local, _Cache.catalogue = Caller(principal_id, memory), catalogue
    return _Cache.local
