"""`/v1/organization/admin_api_keys`: the admin keys, which are created, listed and revoked here."""

from django.http import HttpRequest, HttpResponse

from api.openai.organization.objects import AdminKey, ObjectDeleted, Page
from api.openai.organization.query import PAGE_NAMES, PageQuery, page_of, read_query
from api.openai.organization.requests import AdminKeyCreate
from api.views.operation import Operation
from api.views.organization.paging import AFTER, LIMIT, ORDER, page
from api.views.organization.view import OrganizationView, answer, expiry, missing, read_body, rejected, stamp
from sessions_store.accounts.audit import Actor, Change, log_change
from sessions_store.accounts.issuing import IssuingError, NewKey, create_key, revoke_key
from sessions_store.models import Key, User


class AdminKeysView(OrganizationView):
    """All admin keys that are not revoked."""

    @Operation(
        name="listAdminKeys", what="List the admin keys.", response=Page[AdminKey], parameters=(AFTER, LIMIT, ORDER)
    )
    async def get(self, request: HttpRequest) -> HttpResponse:
        """List the keys, the oldest first."""
        query = page_of(read_query(self.query_pairs(request), one=(*PAGE_NAMES, "order")))
        return answer(await self.services.store.read(_list, query))

    @Operation(
        name="createAdminKey",
        what="Create an admin key; the response contains the key, once.",
        response=AdminKey,
        body=AdminKeyCreate,
        gives=("key", "/id"),
    )
    async def post(self, request: HttpRequest) -> HttpResponse:
        """Create a key of the same owner."""
        body = await read_body(request, AdminKeyCreate)
        return answer(await self.services.store.write(_create, self.actor, body))


class AdminKeyView(OrganizationView):
    """One admin key."""

    @Operation(name="retrieveAdminKey", what="Return an admin key.", response=AdminKey)
    async def get(self, request: HttpRequest, key: str) -> HttpResponse:
        """Return the key without its value."""
        read_query(self.query_pairs(request))
        return answer(await self.services.store.read(lambda: _encode(_key(key))))

    @Operation(name="deleteAdminKey", what="Revoke an admin key.", response=ObjectDeleted)
    async def delete(self, request: HttpRequest, key: str) -> HttpResponse:
        """Revoke the key, possibly the key of this request."""
        return answer(await self.services.store.write(_delete, self.actor, key))


def _list(query: PageQuery) -> Page[AdminKey]:
    keys = Key.objects.filter(kind=Key.Kind.ADMIN, revoked_at=None).select_related("principal")
    return page(keys, query, _encode)


def _create(actor: Actor, body: AdminKeyCreate) -> AdminKey:
    owner = User.objects.get(pk=actor.principal_id)
    wanted = NewKey(
        name=body.name, principal=owner, admin=True, expires_at=expiry(body.expires_in_seconds), created_by=owner
    )
    try:
        key, value = create_key(wanted)
    except IssuingError as error:
        raise rejected(error) from None
    log_change(actor, Change(event="api_key.created", target=key, public_id=key.public_id))
    return {**_encode(key), "value": value}


def _delete(actor: Actor, key_id: str) -> ObjectDeleted:
    key = _key(key_id)
    revoke_key(key)
    log_change(actor, Change(event="api_key.deleted", target=key, public_id=key.public_id))
    return {"id": key.public_id, "object": "organization.admin_api_key.deleted", "deleted": True}


def _key(key_id: str) -> Key:
    """Return an admin key that is not revoked; raises NotFoundError."""
    keys = Key.objects.filter(kind=Key.Kind.ADMIN, revoked_at=None, public_id=key_id)
    found = keys.select_related("principal").first()
    if found is None:
        raise missing("admin key", "key_id")
    return found


def _encode(key: Key) -> AdminKey:
    owner = key.principal
    return {
        "object": "organization.admin_api_key",
        "id": key.public_id,
        "name": key.name,
        "redacted_value": key.redacted_value,
        "created_at": int(key.created_at.timestamp()),
        "expires_at": stamp(key.expires_at),
        "last_used_at": stamp(key.last_used_at),
        "owner": {
            "type": "user",
            "object": "organization.user",
            "id": owner.public_id or "",
            "name": owner.get_full_name() or owner.username,
            "created_at": int(owner.date_joined.timestamp()),
            "role": "owner",
        },
    }
