"""Authentication of every request under `/v1`, for HTTP and for WebSocket handshakes."""

from collections.abc import Collection

from api.auth.admission import MISSING, MISSING_ADMIN, Credentials, admit
from api.auth.client_keys import check_admin_key, check_client_key, check_network, find_key
from api.auth.failed_attempts import refused_attempt
from api.errors import AuthenticationError, PermissionDeniedError
from api.services import Services
from sessions_store.accounts.access import Access, AccessKey, Caller
from sessions_store.accounts.key_use import key_uses
from sessions_store.accounts.policy import Policy
from sessions_store.catalogue.resolution import Catalogue
from sessions_store.writing.store import StoreError


def require_scope(policy: Policy, family: str, *, write: bool) -> None:
    """Raise PermissionDeniedError unless the scopes of a key permit an endpoint family."""
    if not policy.permits_scope(family, write=write):
        scope = f"{family or 'all'}.{'write' if write else 'read'}"
        raise PermissionDeniedError(
            f"You have insufficient permissions for this operation. Missing scopes: {scope}.",
            code="insufficient_permissions",
            retryable=False,
        )


async def authenticate(services: Services, credentials: Credentials) -> tuple[Caller, Catalogue]:
    """Return the caller, and the snapshot of the catalogue that the request uses.

    Without a key in the request, the caller is the built-in local principal, until the first key exists. Raises
    AuthenticationError, RateLimitError after many failed attempts, PermissionDeniedError, the errors of `admit`, and
    StoreError if the database does not respond.
    """
    catalogue = await services.store.catalogue()
    access = catalogue.access
    key = _presented_key(access, credentials)
    if key is not None:
        check_client_key(key, credentials)
        key_uses.note(key.id, credentials.client_address)
        return key.caller, catalogue
    if access.keyed or access.local is None:
        raise AuthenticationError(MISSING, retryable=False)
    admit(credentials)
    check_network(access.local.policy, credentials)
    return access.local, catalogue


def authenticate_administrator(access: Access, credentials: Credentials) -> AccessKey:
    """Return the admin key of a request. Cookies of the admin site do not count.

    Raises AuthenticationError without a valid key, RateLimitError after many failed attempts, PermissionDeniedError for
    a client key.
    """
    key = _presented_key(access, credentials)
    if key is None:
        raise AuthenticationError(MISSING_ADMIN, retryable=False)
    check_admin_key(key)
    return key


def _presented_key(access: Access, credentials: Credentials) -> AccessKey | None:
    """Return the valid key of a request, None without one. Failed attempts are counted by address and throttled."""
    try:
        return find_key(credentials.headers, access)
    except AuthenticationError as error:
        raise refused_attempt(error, credentials.client_address) from None


async def key_origins(services: Services) -> Collection[str]:
    """Return the browser origins of all valid keys; none while the database does not respond."""
    try:
        return (await services.store.catalogue()).access.origins
    except StoreError:
        return ()
