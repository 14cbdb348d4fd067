"""The callers of requests, looked up once per state of the catalogue instead of once per request."""

from dataclasses import dataclass

from sessions_store.accounts.principals import local_principal
from sessions_store.catalogue.resolution import Catalogue
from sessions_store.writing.store import Store


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal that a request belongs to, and whether chat sessions are remembered for it."""

    principal_id: int
    memory: bool


class Principals:
    """The callers that one process has looked up in its store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._catalogue: Catalogue | None = None
        self._local: Caller | None = None

    def known(self, catalogue: Catalogue) -> Caller | None:
        """Return the local principal if it has been looked up since `catalogue` was loaded."""
        return self._local if self._catalogue is catalogue else None

    async def local(self, catalogue: Catalogue) -> Caller:
        """Return the built-in local principal, to whom keyless requests belong, looked up anew."""
        principal_id, memory = await self._store.read(local_principal)
        self._local, self._catalogue = Caller(principal_id, memory), catalogue
        return self._local
