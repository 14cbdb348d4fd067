"""The caller of a request, looked up once per version of the catalogue instead of once per request."""

from dataclasses import dataclass

from sessions_store.accounts.principals import local_principal
from sessions_store.catalogue.resolution import Catalogue
from sessions_store.writing.store import Store


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal of a request; `memory` says whether chat sessions are stored for it."""

    principal_id: int
    memory: bool


class Principals:
    """The cached callers of one process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._catalogue: Catalogue | None = None
        self._local: Caller | None = None

    def known(self, catalogue: Catalogue) -> Caller | None:
        """Return the local principal if it was looked up for this `catalogue`, else None."""
        return self._local if self._catalogue is catalogue else None

    async def local(self, catalogue: Catalogue) -> Caller:
        """Look up the built-in local principal, the owner of keyless requests."""
        principal_id, memory = await self._store.read(local_principal)
        self._local, self._catalogue = Caller(principal_id, memory), catalogue
        return self._local
