"""`/v1/organization/projects/{project}/api_keys`: the client keys of a project.

Keys are created with service accounts.
"""

from datetime import UTC, datetime
from typing import Any, Final, Literal

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from api.openai.organization.objects import KeyOwner, ObjectDeleted, Page, ProjectKey
from api.openai.organization.query import PAGE_NAMES, PageQuery, invalid, page_of, read_query
from api.openai.organization.requests import ProjectKeyUpdate
from api.views.operation import Operation, OperationParameter
from api.views.organization.paging import AFTER, LIMIT, page
from api.views.organization.view import (
    OrganizationView,
    answer,
    expiry,
    missing,
    project_of,
    read_body,
    rejected,
    stamp,
)
from sessions_store.accounts.audit import Actor, Change, log_change
from sessions_store.accounts.issuing import IssuingError, change_key, revoke_key
from sessions_store.accounts.policy import FAMILIES, PolicyError, parse_policy
from sessions_store.models import Key, Project, User

ACCESS: Final = ("active", "inactive", "any")
# OpenAI's scope for reading everything, as scopes of the endpoint families.
READ_ALL: Final = "api.all.read"
_ACCESS: Final = OperationParameter(
    name="owner_project_access",
    schema={"type": "string", "enum": list(ACCESS), "default": "any"},
    what="Only keys whose owner has access to the project, or has none.",
)


class ProjectKeysView(OrganizationView):
    """All client keys of a project that are not revoked."""

    @Operation(
        name="listProjectKeys",
        what="List the client keys of a project.",
        response=Page[ProjectKey],
        parameters=(AFTER, LIMIT, _ACCESS),
    )
    async def get(self, request: HttpRequest, project: str) -> HttpResponse:
        """List the keys, the oldest first."""
        query = read_query(self.query_pairs(request), one=(*PAGE_NAMES, "owner_project_access"))
        access = query.choice("owner_project_access", ACCESS, "any")
        return answer(await self.services.store.read(_list, project, page_of(query), access))


class ProjectKeyView(OrganizationView):
    """One client key of a project."""

    @Operation(name="retrieveProjectKey", what="Return a client key.", response=ProjectKey)
    async def get(self, request: HttpRequest, project: str, key: str) -> HttpResponse:
        """Return the key without its value."""
        read_query(self.query_pairs(request))
        return answer(await self.services.store.read(lambda: _encode(_key(project_of(project), key))))

    @Operation(
        name="updateProjectKey",
        what="Change the expiry or the scopes of a client key.",
        response=ProjectKey,
        body=ProjectKeyUpdate,
    )
    async def post(self, request: HttpRequest, project: str, key: str) -> HttpResponse:
        """Change the key."""
        body = await read_body(request, ProjectKeyUpdate, optional=True)
        return answer(await self.services.store.write(_update, self.actor, project, key, body))

    @Operation(
        name="deleteProjectKey", what="Revoke a client key; running requests end by themselves.", response=ObjectDeleted
    )
    async def delete(self, request: HttpRequest, project: str, key: str) -> HttpResponse:
        """Revoke the key."""
        return answer(await self.services.store.write(_delete, self.actor, project, key))


def scopes_to_policy(scopes: list[str]) -> list[str]:
    """Return scopes as a policy has them; raises InvalidRequestError."""
    found = [f"{family}.read" for family in FAMILIES] if READ_ALL in scopes else []
    found += [scope for scope in scopes if scope != READ_ALL]
    try:
        parse_policy({"scopes": found})
    except PolicyError as error:
        raise invalid("scopes", str(error).removesuffix(".")) from None
    return found


def _list(project_id: str, query: PageQuery, access: str) -> Page[ProjectKey]:
    project = project_of(project_id)
    keys = _keys(project)
    if access != "any":
        active = Q(principal__is_active=True) & Q(project__archived_at=None)
        keys = keys.filter(active if access == "active" else ~active)
    return page(keys, query, _encode)


def _update(actor: Actor, project_id: str, key_id: str, body: ProjectKeyUpdate) -> ProjectKey:
    project = project_of(project_id)
    key = _key(project, key_id)
    if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
        raise invalid("api_key_id", "expected a key that is not expired")
    requested: dict[str, Any] = {}
    policy = dict(key.policy)
    if body.expires_in_seconds is not None:
        requested["expires_in_seconds"] = body.expires_in_seconds
    if body.scopes is not None:
        requested["scopes"] = body.scopes
        policy.pop("scopes", None)
        if body.scopes:
            policy["scopes"] = scopes_to_policy(body.scopes)
    try:
        change_key(key, policy=policy, expires_at=expiry(body.expires_in_seconds) or key.expires_at)
    except (IssuingError, PolicyError) as error:
        raise rejected(IssuingError(str(error))) from None
    _log(actor, "api_key.updated", key, project, requested)
    return _encode(key)


def _delete(actor: Actor, project_id: str, key_id: str) -> ObjectDeleted:
    project = project_of(project_id)
    key = _key(project, key_id)
    revoke_key(key)
    _log(actor, "api_key.deleted", key, project, {})
    return {"id": key.public_id, "object": "organization.project.api_key.deleted", "deleted": True}


def _log(actor: Actor, event: str, key: Key, project: Project, requested: dict[str, Any]) -> None:
    change = Change(event=event, target=key, public_id=key.public_id, project=project, requested=requested)
    log_change(actor, change)


def _keys(project: Project) -> QuerySet[Key]:
    return Key.objects.filter(project=project, revoked_at=None).select_related("principal", "project")


def _key(project: Project, key_id: str) -> Key:
    """Return a key of the project that is not revoked; raises NotFoundError."""
    found = _keys(project).filter(public_id=key_id).first()
    if found is None:
        raise missing("API key", "api_key_id")
    return found


def _encode(key: Key) -> ProjectKey:
    return {
        "object": "organization.project.api_key",
        "id": key.public_id,
        "name": key.name,
        "redacted_value": key.redacted_value,
        "created_at": int(key.created_at.timestamp()),
        "last_used_at": stamp(key.last_used_at),
        "expires_at": stamp(key.expires_at),
        "owner": _owner(key.principal),
        "owner_project_access": _access(key),
    }


def _owner(owner: User) -> KeyOwner:
    name, created = owner.get_full_name() or owner.username, int(owner.date_joined.timestamp())
    public_id = owner.public_id or ""
    if owner.kind == User.Kind.SERVICE.value:
        account = {"id": public_id, "name": name, "created_at": created, "role": "member"}
        return {"type": "service_account", "service_account": account}  # type: ignore[typeddict-item]
    role = "owner" if owner.is_superuser else "member"
    user = {"id": public_id, "name": name, "email": owner.email, "created_at": created, "role": role}
    return {"type": "user", "user": user}  # type: ignore[typeddict-item]


def _access(key: Key) -> Literal["active", "inactive"]:
    archived = key.project is not None and key.project.archived_at is not None
    return "active" if key.principal.is_active and not archived else "inactive"
