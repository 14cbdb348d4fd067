"""The Administration API by OpenAI's admin client: projects, keys, service accounts, limits, policies, audit log
(governance G15). Responses are validated strictly by the SDK's types.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from openai import AuthenticationError, BadRequestError, NotFoundError, OpenAI, PermissionDeniedError

from sessions_store.accounts.key_form import is_key
from sessions_store.models import Key, Organization, Project, RateLimit
from tests.api.governance.organization import Clients, strictly
from tests.exchanges import chat_message, fresh
from tests.issued_keys import Issued
from tests.live_gateway import LiveGateway

MODEL = "gemini-3.8-flash"
PATHS = ("usage/completions?start_time=0", "costs?start_time=0", "projects", "admin_api_keys", "users", "audit_logs")


@pytest.fixture
def clients(gateway: LiveGateway) -> Iterator[Clients]:
    """OpenAI's clients of the live gateway."""
    with Clients(gateway) as connected:
        yield connected


@pytest.fixture
def admin(clients: Clients, issued: Issued) -> OpenAI:
    """OpenAI's client with an admin key."""
    return clients.admin(issued.admin_key())


@pytest.fixture
def project_id(admin: OpenAI) -> str:
    """A new project."""
    return strictly(admin.admin.organization.projects.create, name=fresh("project")).id


def get(gateway: LiveGateway, path: str, key: str | None = None, **headers: str) -> httpx2.Response:
    """Return the response to a GET request of the Administration API."""
    sent = headers | ({"Authorization": f"Bearer {key}"} if key else {})
    return httpx2.get(f"{gateway.base_url}/organization/{path}", headers=sent, trust_env=False)


@pytest.mark.parametrize("path", PATHS)
def test_g15_paths_are_unknown_urls_until_an_admin_key_exists(gateway: LiveGateway, issued: Issued, path: str) -> None:
    assert get(gateway, path).json()["error"]["code"] == "unknown_url"
    client_key = issued.client_key()

    found = get(gateway, path, client_key)
    assert (found.status_code, found.json()["error"]["code"]) == (404, "unknown_url")
    assert get(gateway, path).status_code == 401  # like any unknown URL of a gateway with keys
    assert get(gateway, path, issued.admin_key()).status_code == 200


def test_g15_only_admin_keys_administer(gateway: LiveGateway, clients: Clients, issued: Issued) -> None:
    admin_key, client_key = issued.admin_key(), issued.client_key()

    for path in PATHS:
        assert get(gateway, path, client_key).status_code == 403
        assert get(gateway, path, "dummy").status_code == 401
        assert get(gateway, path).status_code == 401
        assert get(gateway, path, Cookie="sessionid=00000000000000000000000000000000").status_code == 401
    with pytest.raises(PermissionDeniedError):
        clients.admin(client_key).admin.organization.projects.list()
    with pytest.raises(PermissionDeniedError) as rejected:
        clients.client(admin_key).models.list()
    assert rejected.value.code == "admin_key_not_allowed"


def test_g15_admin_keys(clients: Clients, admin: OpenAI) -> None:
    keys = admin.admin.organization.admin_api_keys

    created = strictly(keys.create, name="collector", expires_in_seconds=600)

    assert is_key(created.value)
    assert created.value.startswith("sk-gwadmin-")
    assert created.expires_at is not None
    assert created.expires_at - created.created_at == 600
    assert created.owner.role == "owner"
    strictly(clients.admin(created.value).admin.organization.users.list)
    retrieved = strictly(keys.retrieve, created.id)
    assert retrieved.last_used_at is not None
    assert not hasattr(retrieved, "value")
    assert created.id in [key.id for key in keys.list(limit=1)]  # walks over several pages
    assert strictly(keys.list, order="desc", limit=1).data[0].id == created.id
    assert strictly(keys.delete, created.id).deleted
    with pytest.raises(NotFoundError):
        keys.retrieve(created.id)
    with pytest.raises(AuthenticationError):
        clients.admin(created.value).admin.organization.users.list()


def test_g15_projects(clients: Clients, admin: OpenAI, issued: Issued) -> None:
    projects = admin.admin.organization.projects
    name = fresh("project")

    created = strictly(projects.create, name=name)

    assert (created.name, created.status, created.archived_at) == (name, "active", None)
    assert strictly(projects.update, created.id, name=f"{name} renamed").name == f"{name} renamed"
    assert strictly(projects.retrieve, created.id).name == f"{name} renamed"
    assert created.id in [project.id for project in projects.list(limit=2)]
    key = issued.client_key(Project.objects.get(public_id=created.id))
    assert clients.client(key).models.list().data
    archived = strictly(projects.archive, created.id)
    assert archived.status == "archived"
    assert archived.archived_at is not None
    assert created.id not in [project.id for project in projects.list(limit=100)]
    assert created.id in [project.id for project in projects.list(limit=100, include_archived=True)]
    with pytest.raises(AuthenticationError):
        clients.client(key).models.list()
    with pytest.raises(BadRequestError):
        projects.archive("proj_default")


def test_g15_keys_are_born_with_service_accounts(clients: Clients, admin: OpenAI, project_id: str) -> None:
    accounts = admin.admin.organization.projects.service_accounts
    keys = admin.admin.organization.projects.api_keys

    account = strictly(accounts.create, project_id, name="nightly job", expires_in_seconds=600)

    assert account.api_key is not None
    client = clients.client(account.api_key.value)
    assert client.chat.completions.create(model=MODEL, messages=[chat_message("Hi")]).id
    second = strictly(
        accounts.api_keys.create, account.id, project_id=project_id, name="second", scopes=["models.read"]
    )
    restricted = clients.client(second.value)
    assert restricted.models.list().data
    with pytest.raises(PermissionDeniedError):
        restricted.responses.create(model=MODEL, input="Hi")
    listed = strictly(keys.list, project_id, owner_project_access="active").data
    assert [key.id for key in listed] == [account.api_key.id, second.id]
    assert listed[0].owner.service_account is not None
    assert listed[0].owner.service_account.id == account.id
    assert strictly(keys.list, project_id, owner_project_access="inactive").data == []
    assert all(value not in str(listed) for value in (account.api_key.value, second.value))
    strictly(keys.update, second.id, project_id=project_id, scopes=[], expires_in_seconds=900)
    assert restricted.responses.create(model=MODEL, input="Hi").id
    strictly(keys.update, second.id, project_id=project_id, scopes=["api.all.read"])
    with pytest.raises(PermissionDeniedError):
        restricted.responses.create(model=MODEL, input="Hi")
    assert strictly(keys.delete, second.id, project_id=project_id).deleted
    with pytest.raises(AuthenticationError):
        restricted.models.list()
    assert strictly(accounts.update, account.id, project_id=project_id, name="hourly job").name == "hourly job"
    assert strictly(accounts.retrieve, account.id, project_id=project_id).role == "member"
    assert [found.id for found in strictly(accounts.list, project_id).data] == [account.id]
    assert strictly(accounts.delete, account.id, project_id=project_id).deleted
    with pytest.raises(AuthenticationError):
        client.models.list()
    only = strictly(accounts.create, project_id, name="no key", create_service_account_only=True)
    assert (only.api_key, only.role) == (None, "none")


def test_g15_objects_of_another_project_are_missing(admin: OpenAI, project_id: str) -> None:
    projects = admin.admin.organization.projects
    other = strictly(projects.create, name=fresh("project")).id
    account = strictly(projects.service_accounts.create, project_id, name="program")
    assert account.api_key is not None
    key_id = account.api_key.id

    missing: list[Callable[[], Any]] = [
        lambda: projects.api_keys.retrieve(key_id, project_id=other),
        lambda: projects.api_keys.delete(key_id, project_id=other),
        lambda: projects.service_accounts.retrieve(account.id, project_id=other),
        lambda: projects.retrieve("proj_000000000000000000000000"),
        lambda: projects.api_keys.list("proj_000000000000000000000000"),
    ]
    for call in missing:
        with pytest.raises(NotFoundError):
            call()


def test_g15_rate_limits(admin: OpenAI, project_id: str) -> None:
    limits = admin.admin.organization.projects.rate_limits

    assert strictly(limits.list_rate_limits, project_id).data == []
    changed = strictly(
        limits.update_rate_limit,
        "rl-gpt-4",
        project_id=project_id,
        max_requests_per_1_minute=10,
        max_images_per_1_minute=3,
    )
    strictly(limits.update_rate_limit, "rl-*", project_id=project_id, max_tokens_per_1_minute=5000)

    assert (changed.model, changed.max_requests_per_1_minute, changed.max_images_per_1_minute) == ("gpt-4", 10, 3)
    assert changed.max_tokens_per_1_minute == 2**31 - 1
    row = RateLimit.objects.get(project__public_id=project_id, model_pattern="gpt-4")
    assert (row.requests_per_minute, row.tokens_per_minute, row.images_per_minute) == (10, None, 3)
    assert [limit.id for limit in limits.list_rate_limits(project_id, limit=1)] == ["rl-gpt-4", "rl-*"]
    assert strictly(limits.list_rate_limits, project_id, before="rl-*").data[0].id == "rl-gpt-4"
    removed = strictly(limits.update_rate_limit, "rl-gpt-4", project_id=project_id, max_requests_per_1_minute=2**31 - 1)
    assert removed.max_requests_per_1_minute == 2**31 - 1
    assert RateLimit.objects.get(pk=row.pk).requests_per_minute is None
    with pytest.raises(BadRequestError) as unsupported:
        limits.update_rate_limit("rl-gpt-4", project_id=project_id, max_audio_megabytes_per_1_minute=1)
    assert unsupported.value.param == "max_audio_megabytes_per_1_minute"


def test_g15_model_permissions(clients: Clients, admin: OpenAI, issued: Issued, project_id: str) -> None:
    permissions = admin.admin.organization.projects.model_permissions
    client = clients.client(issued.client_key(Project.objects.get(public_id=project_id)))

    assert strictly(permissions.retrieve, project_id).mode == "deny_list"
    strictly(permissions.update, project_id, mode="allow_list", model_ids=["gemini-3.8-flash"])
    found = strictly(permissions.retrieve, project_id)

    assert (found.mode, found.api_model_ids) == ("allow_list", ["gemini-3.8-flash"])
    assert client.chat.completions.create(model=MODEL, messages=[chat_message("Hi")]).id
    with pytest.raises(NotFoundError):
        client.chat.completions.create(model="gemini-2.5-flash", messages=[chat_message("Hi")])
    assert strictly(permissions.delete, project_id).deleted
    assert client.chat.completions.create(model="gemini-2.5-flash", messages=[chat_message("Hi")]).id


def test_g15_data_retention_is_the_content_setting_of_policies(admin: OpenAI, project_id: str) -> None:
    organization = admin.admin.organization
    of_project = organization.projects.data_retention

    assert strictly(organization.data_retention.retrieve).type == "modified_abuse_monitoring"
    assert strictly(of_project.retrieve, project_id).type == "organization_default"
    strictly(organization.data_retention.update, retention_type="zero_data_retention")
    assert Organization.objects.get(pk=1).policy == {"content": "metadata"}
    assert strictly(organization.data_retention.retrieve).type == "zero_data_retention"
    strictly(organization.data_retention.update, retention_type="modified_abuse_monitoring")
    assert Organization.objects.get(pk=1).policy == {}
    for wanted, policy in (
        ("none", {"content": "full"}),
        ("zero_data_retention", {"content": "metadata"}),
        ("organization_default", {}),
    ):
        assert strictly(of_project.update, project_id, retention_type=wanted).type == wanted
        assert Project.objects.get(public_id=project_id).policy == policy
    with pytest.raises(BadRequestError) as unsupported:
        organization.data_retention.update(retention_type="enhanced_zero_data_retention")
    assert unsupported.value.param == "retention_type"


def test_g15_users(admin: OpenAI, issued: Issued) -> None:
    users = admin.admin.organization.users
    issued.key()

    found = {user.id: user for user in users.list(limit=5)}

    strictly(users.list, limit=100)
    owner = Key.objects.filter(kind="admin", revoked_at=None).latest("pk").principal
    assert owner.public_id in found
    assert strictly(users.retrieve, owner.public_id).api_key_last_used_at is not None
    assert all(not user.is_service_account for user in found.values())
    assert strictly(users.list, emails=["nobody@example.com"]).data == []


def test_g15_a_change_in_the_admin_has_the_public_id_and_the_project_of_its_row(admin: OpenAI, issued: Issued) -> None:
    project = issued.project()
    key, _ = issued.key(project)
    for row in (project, key, key.principal):
        LogEntry.objects.create(
            user_id=key.principal_id,
            content_type=ContentType.objects.get_for_model(row),
            object_id=str(row.pk),
            object_repr=str(row),
            action_flag=CHANGE,
            change_message='[{"changed": {"fields": ["Name"]}}]',
        )
    found = strictly(admin.admin.organization.audit_logs.list, limit=3).data
    details = [entry.to_dict()[entry.type] for entry in found]
    assert details == [{"id": row.public_id} for row in (key.principal, key, project)]
    of_project = strictly(admin.admin.organization.audit_logs.list, project_ids=[project.public_id])
    assert [entry.id for entry in of_project.data] == [found[1].id, found[2].id]


def test_g15_every_change_is_in_the_audit_log_without_secrets(
    gateway: LiveGateway, admin: OpenAI, project_id: str
) -> None:
    organization = admin.admin.organization
    since = int(time.time()) - 1
    account = strictly(organization.projects.service_accounts.create, project_id, name="audited")
    assert account.api_key is not None
    strictly(
        organization.projects.rate_limits.update_rate_limit, "rl-*", project_id=project_id, max_requests_per_1_day=9
    )
    strictly(organization.projects.spend_limit.update, project_id, currency="USD", interval="month", threshold_amount=5)
    strictly(organization.projects.archive, project_id)

    found = strictly(organization.audit_logs.list, project_ids=[project_id], effective_at={"gte": since})

    assert [entry.type for entry in found.data] == [
        "project.archived",
        "project.updated",
        "rate_limit.updated",
        "api_key.created",
        "service_account.created",
        "project.created",
    ]
    text = str(found) + gateway.log
    assert account.api_key.value not in text
    assert account.api_key.value[6:38] not in text
    assert all(entry.actor is not None and entry.actor.type == "api_key" for entry in found.data)
    created = found.data[3]
    assert created.api_key_created is not None
    assert created.api_key_created.id == account.api_key.id
    assert created.project is not None
    assert created.project.id == project_id
    walked = organization.audit_logs.list(project_ids=[project_id], limit=2)
    assert [entry.id for entry in walked] == [entry.id for entry in found.data]
    only = strictly(organization.audit_logs.list, project_ids=[project_id], event_types=["rate_limit.updated"])
    assert [entry.type for entry in only.data] == ["rate_limit.updated"]
    newer = strictly(organization.audit_logs.list, project_ids=[project_id], before=found.data[2].id)
    assert [entry.id for entry in newer.data] == [entry.id for entry in found.data[:2]]


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("projects?colour=red", "colour"),
        ("projects?limit=0", "limit"),
        ("projects?limit=101", "limit"),
        ("projects?limit=5&limit=6", "limit"),
        ("projects?after=proj_unknown", "after"),
        ("projects?include_archived=yes", "include_archived"),
        ("admin_api_keys?order=up", "order"),
        ("audit_logs?effective_at[near]=5", "effective_at[near]"),
        ("audit_logs?before=1&after=audit_log-2", "before"),
        ("audit_logs?after=1", "after"),
        ("audit_logs?tenant_only=true", "tenant_only"),
        ("projects/proj_default/api_keys?owner_project_access=all", "owner_project_access"),
    ],
)
def test_g15_unknown_and_wrong_parameters_are_named(
    gateway: LiveGateway, issued: Issued, path: str, param: str
) -> None:
    found = get(gateway, path, issued.admin_key())

    error = found.json()["error"]
    assert (found.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)


def test_g15_unknown_and_wrong_fields_of_bodies_are_named(admin: OpenAI, project_id: str) -> None:
    projects = admin.admin.organization.projects
    wrong: list[tuple[str, Callable[[], Any]]] = [
        ("geography", lambda: projects.create(name="p", geography="eu")),
        ("name", lambda: projects.create(name="")),
        ("name", lambda: projects.create(name=7)),  # type: ignore[arg-type]
        ("expires_in_seconds", lambda: admin.admin.organization.admin_api_keys.create(name="k", expires_in_seconds=0)),
        ("scopes", lambda: _update_scopes(admin, project_id, ["everything"])),
        (
            "expires_in_seconds",
            lambda: projects.service_accounts.create(
                project_id, name="a", create_service_account_only=True, expires_in_seconds=5
            ),
        ),
    ]
    for param, call in wrong:
        with pytest.raises(BadRequestError) as rejected:
            call()
        assert rejected.value.param == param


def _update_scopes(admin: OpenAI, project_id: str, scopes: list[str]) -> Any:
    account = admin.admin.organization.projects.service_accounts.create(project_id, name="scoped")
    assert account.api_key is not None
    return admin.admin.organization.projects.api_keys.update(account.api_key.id, project_id=project_id, scopes=scopes)
