"""Authentication of every request under `/v1`, for HTTP and for WebSocket handshakes."""

from api.auth.admission import Credentials, admit
from api.auth.principals import Caller, Principals
from api.services import Services
from sessions_store.catalogue.resolution import Catalogue


async def authenticate(services: Services, credentials: Credentials) -> tuple[Caller, Catalogue]:
    """Return the caller, and the snapshot of the catalogue that the request uses.

    Raises the errors of `admit`, and StoreError if the database does not respond.
    """
    admit(credentials)
    catalogue = await services.store.catalogue()
    principals = services.shared(Principals, services.store)
    return principals.known(catalogue) or await principals.local(catalogue), catalogue
