"""`/v1/organization/projects/{project}/service_accounts`: the principals of programs, and
the creation of their keys.
"""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from api.openai.organization.objects import NewKey, ObjectDeleted, Page, ServiceAccount
from api.openai.organization.query import PAGE_NAMES, PageQuery, invalid, page_of, read_query
from api.openai.organization.requests import ServiceAccountCreate, ServiceAccountKeyCreate, ServiceAccountUpdate
from api.views.operation import Operation
from api.views.organization.paging import AFTER, LIMIT, page
from api.views.organization.project_keys import scopes_to_policy
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
from sessions_store.accounts import issuing
from sessions_store.accounts.audit import Actor, Change, log_change
from sessions_store.models import Project, User

FIRST_KEY = "Secret Key"


class ServiceAccountsView(OrganizationView):
    """All service accounts of a project."""

    @Operation(
        name="listServiceAccounts",
        what="List the service accounts of a project.",
        response=Page[ServiceAccount],
        parameters=(AFTER, LIMIT),
    )
    async def get(self, request: HttpRequest, project: str) -> HttpResponse:
        """List the accounts, the oldest first."""
        query = page_of(read_query(self.query_pairs(request), one=PAGE_NAMES))
        return answer(await self.services.store.read(_list, project, query))

    @Operation(
        name="createServiceAccount",
        what="Create a service account with its first key; the response contains the key, once.",
        response=ServiceAccount,
        body=ServiceAccountCreate,
        gives=("account", "/id"),
    )
    async def post(self, request: HttpRequest, project: str) -> HttpResponse:
        """Create an account."""
        body = await read_body(request, ServiceAccountCreate)
        if body.create_service_account_only and body.expires_in_seconds is not None:
            raise invalid("expires_in_seconds", "expected no expiry for a service account without a key")
        return answer(await self.services.store.write(_create, self.actor, project, body))


class ServiceAccountView(OrganizationView):
    """One service account of a project."""

    @Operation(name="retrieveServiceAccount", what="Return a service account.", response=ServiceAccount)
    async def get(self, request: HttpRequest, project: str, account: str) -> HttpResponse:
        """Return the account."""
        read_query(self.query_pairs(request))
        return answer(await self.services.store.read(lambda: _encode(_account(project_of(project), account))))

    @Operation(
        name="updateServiceAccount",
        what="Rename a service account.",
        response=ServiceAccount,
        body=ServiceAccountUpdate,
    )
    async def post(self, request: HttpRequest, project: str, account: str) -> HttpResponse:
        """Rename the account."""
        body = await read_body(request, ServiceAccountUpdate)
        return answer(await self.services.store.write(_rename, self.actor, project, account, body.name))

    @Operation(
        name="deleteServiceAccount", what="Disable a service account and revoke its keys.", response=ObjectDeleted
    )
    async def delete(self, request: HttpRequest, project: str, account: str) -> HttpResponse:
        """Disable the account; its usage stays."""
        return answer(await self.services.store.write(_delete, self.actor, project, account))


class ServiceAccountKeysView(OrganizationView):
    """The keys of one service account."""

    @Operation(
        name="createServiceAccountKey",
        what="Create a key of a service account; the response contains the key, once.",
        response=NewKey,
        body=ServiceAccountKeyCreate,
        optional=True,
    )
    async def post(self, request: HttpRequest, project: str, account: str) -> HttpResponse:
        """Create a key."""
        body = await read_body(request, ServiceAccountKeyCreate, optional=True)
        return answer(await self.services.store.write(_create_key, self.actor, project, account, body))


def _list(project_id: str, query: PageQuery) -> Page[ServiceAccount]:
    return page(_accounts(project_of(project_id)), query, _encode)


def _create(actor: Actor, project_id: str, body: ServiceAccountCreate) -> ServiceAccount:
    project = project_of(project_id)
    account = issuing.create_service_account(project, body.name)
    requested = {"name": body.name, "role": "member"}
    _log(actor, "service_account.created", account, project, requested)
    if body.create_service_account_only:
        return {**_encode(account), "role": "none", "api_key": None}
    first = ServiceAccountKeyCreate(name=FIRST_KEY, expires_in_seconds=body.expires_in_seconds)
    return {**_encode(account), "api_key": _new_key(actor, project, account, first)}


def _create_key(actor: Actor, project_id: str, account_id: str, body: ServiceAccountKeyCreate) -> NewKey:
    project = project_of(project_id)
    return _new_key(actor, project, _account(project, account_id), body)


def _new_key(actor: Actor, project: Project, account: User, body: ServiceAccountKeyCreate) -> NewKey:
    wanted = issuing.NewKey(
        name=body.name or FIRST_KEY,
        principal=account,
        project=project,
        policy={"scopes": scopes_to_policy(body.scopes)} if body.scopes else {},
        expires_at=expiry(body.expires_in_seconds),
        created_by=User.objects.get(pk=actor.principal_id),
    )
    try:
        key, value = issuing.create_key(wanted)
    except issuing.IssuingError as error:
        raise rejected(error, "project_id") from None
    requested = {"scopes": body.scopes} if body.scopes else {}
    change = Change(event="api_key.created", target=key, public_id=key.public_id, project=project, requested=requested)
    log_change(actor, change)
    return {
        "object": "organization.project.service_account.api_key",
        "id": key.public_id,
        "name": key.name,
        "value": value,
        "created_at": int(key.created_at.timestamp()),
        "expires_at": stamp(key.expires_at),
    }


def _rename(actor: Actor, project_id: str, account_id: str, name: str | None) -> ServiceAccount:
    project = project_of(project_id)
    account = _account(project, account_id)
    if name is not None:
        issuing.rename_service_account(account, name)
        _log(actor, "service_account.updated", account, project, {"name": name})
    return _encode(account)


def _delete(actor: Actor, project_id: str, account_id: str) -> ObjectDeleted:
    project = project_of(project_id)
    account = _account(project, account_id)
    issuing.disable_service_account(account)
    _log(actor, "service_account.deleted", account, project, {})
    return {
        "id": account.public_id or "",
        "object": "organization.project.service_account.deleted",
        "deleted": True,
    }


def _log(actor: Actor, event: str, account: User, project: Project, requested: dict[str, str]) -> None:
    public_id = account.public_id or ""
    log_change(actor, Change(event=event, target=account, public_id=public_id, project=project, requested=requested))


def _accounts(project: Project) -> QuerySet[User]:
    return User.objects.filter(kind=User.Kind.SERVICE, service_of=project, is_active=True)


def _account(project: Project, account_id: str) -> User:
    """Return an active service account of the project; raises NotFoundError."""
    found = _accounts(project).filter(public_id=account_id).first()
    if found is None:
        raise missing("service account", "service_account_id")
    return found


def _encode(account: User) -> ServiceAccount:
    return {
        "object": "organization.project.service_account",
        "id": account.public_id or "",
        "name": account.first_name or account.username,
        "role": "member",
        "created_at": int(account.date_joined.timestamp()),
    }
