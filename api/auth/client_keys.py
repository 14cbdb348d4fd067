"""Client keys in a request's headers: where a key may stand, and the caller of a valid key.

A value that has not the form of a key is passed over, because SDKs send dummies: a dummy may stand beside a key.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from api.auth.admission import QUERY_KEY, Credentials
from api.auth.origins import is_admitted
from api.errors import AuthenticationError, PermissionDeniedError
from sessions_store.accounts.access import Access, AccessKey
from sessions_store.accounts.key_form import is_key, resembles_key
from sessions_store.accounts.policy import Policy

# Headers with a bare key, in CGI form: Azure's, Anthropic's and Google's clients; and the query of a WebSocket.
KEY_HEADERS: Final = ("HTTP_API_KEY", "HTTP_X_API_KEY", "HTTP_X_GOOG_API_KEY", QUERY_KEY)
# The subprotocol by which browsers send a key: they cannot set headers on a WebSocket.
SUBPROTOCOL: Final = "openai-insecure-api-key."

INCORRECT: Final = "Incorrect API key provided. An operator creates keys in the admin or with 'manage.py create_key'."
SEVERAL: Final = "The request contains several different API keys. Send one."
ADMIN_KEY: Final = "This is an admin key. Admin keys are for /v1/organization only; send a client key."
CLIENT_KEY: Final = (
    "You have insufficient permissions for this operation. The administration API requires an admin key; this is a "
    "client key."
)
FOREIGN_ORIGIN: Final = "This API key may not be used by web pages of this origin."
FOREIGN_NETWORK: Final = "The gateway or this API key may not be used from your network address."


def find_key(headers: Mapping[str, Any], access: Access) -> AccessKey | None:
    """Return the valid key of a request; None if the request contains nothing that resembles a key.

    Raises AuthenticationError for an unknown, expired, revoked or inactive key (the same error for all of them) and for
    two different keys.
    """
    given = set(_presented(headers))
    keys = {text for text in given if is_key(text)}
    if not keys:
        if any(map(resembles_key, given)):
            raise AuthenticationError(INCORRECT, retryable=False)
        return None
    if len(keys) > 1:
        raise AuthenticationError(SEVERAL, retryable=False)
    found = access.find(keys.pop())
    if found is None or not found.usable(datetime.now(UTC)):
        raise AuthenticationError(INCORRECT, retryable=False)
    return found


def check_client_key(key: AccessKey, credentials: Credentials) -> None:
    """Raise PermissionDeniedError for an admin key, for an address outside the key's networks, and for a web page of an
    origin that neither the key nor the gateway lists, if the key lists origins.
    """
    policy, origin = key.caller.policy, credentials.headers.get("HTTP_ORIGIN")
    if key.admin:
        raise PermissionDeniedError(ADMIN_KEY, code="admin_key_not_allowed", retryable=False)
    check_network(policy, credentials)
    if origin is not None and policy.origins and not is_admitted(origin, policy.origins):
        raise PermissionDeniedError(FOREIGN_ORIGIN, code="origin_not_authorized", retryable=False)


def check_network(policy: Policy, credentials: Credentials) -> None:
    """Raise PermissionDeniedError for an address outside the networks of a policy."""
    if policy.networks and not policy.permits_address(credentials.client_address):
        raise PermissionDeniedError(FOREIGN_NETWORK, code="ip_not_authorized", retryable=False)


def check_admin_key(key: AccessKey) -> None:
    """Raise PermissionDeniedError for a client key."""
    if not key.admin:
        raise PermissionDeniedError(CLIENT_KEY, code="insufficient_permissions", retryable=False)


def _presented(headers: Mapping[str, Any]) -> Iterator[str]:
    """Yield every value that stands where a key may stand."""
    scheme, _, value = headers.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        yield value.strip()
    for name in KEY_HEADERS:
        if name in headers:
            yield headers[name].strip()
    if "HTTP_SEC_WEBSOCKET_PROTOCOL" in headers:
        for protocol in headers["HTTP_SEC_WEBSOCKET_PROTOCOL"].split(","):
            if protocol.strip().startswith(SUBPROTOCOL):
                yield protocol.strip().removeprefix(SUBPROTOCOL)
