"""Creates, rotates and revokes keys and projects, for the admin, the commands and the administration API.

Each function runs in one transaction and publishes the change to every worker.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import transaction

from sessions_store.accounts.key_form import digest, new_key, redacted
from sessions_store.accounts.policy import effective_policy, parse_policy
from sessions_store.models import Key, Organization, Project, User
from sessions_store.models.access.project import DEFAULT_PROJECT, new_project_id
from sessions_store.models.principal import new_service_account_id

DEFAULT_OVERLAP: Final = timedelta(hours=24)
LONGEST_OVERLAP: Final = timedelta(days=30)


class IssuingError(ValueError):
    """A key or project cannot be created or changed; the message states why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What a new key is created with. Without a project, a client key belongs to the default project."""

    name: str
    principal: User
    project: Project | None = None
    admin: bool = False
    policy: Mapping[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None
    created_by: User | None = None


@transaction.atomic
def create_project(name: str, policy: Mapping[str, Any] | None = None) -> Project:
    """Create a project with its own storage. Raises PolicyError."""
    parse_policy(policy or {})
    public_id = new_project_id()
    storage = User(username=f"storage of {public_id}", kind=User.Kind.STORAGE, first_name=name[:150])
    storage.set_unusable_password()
    storage.save()
    return Project.objects.create(public_id=public_id, name=name, storage=storage, policy=dict(policy or {}))


@transaction.atomic
def archive_project(project: Project) -> None:
    """Archive a project: its keys are rejected from now on, its stored objects stay. The default project stays active.

    Raises IssuingError.
    """
    if project.public_id == DEFAULT_PROJECT:
        raise IssuingError("The default project cannot be archived.")
    if project.archived_at is None:
        project.archived_at = datetime.now(UTC)
        project.save(update_fields=["archived_at", "updated_at"])


def rename_project(project: Project, name: str) -> None:
    """Give a project another name."""
    project.name = name
    project.save(update_fields=["name", "updated_at"])


@transaction.atomic
def change_project_policy(project: Project, policy: Mapping[str, Any]) -> None:
    """Replace the policy of a project. Raises PolicyError."""
    check_policy(None, policy)
    project.policy = dict(policy)
    project.save(update_fields=["policy", "updated_at"])


@transaction.atomic
def change_gateway_policy(policy: Mapping[str, Any]) -> Organization:
    """Replace the policy that all projects and keys inherit. Raises PolicyError."""
    parse_policy(policy)
    organization, _ = Organization.objects.get_or_create(pk=1)
    organization.policy = dict(policy)
    organization.save(update_fields=["policy", "updated_at"])
    return organization


@transaction.atomic
def create_service_account(project: Project, name: str) -> User:
    """Create a principal for a program of a project; it cannot log in."""
    public_id = new_service_account_id()
    account = User(
        kind=User.Kind.SERVICE, service_of=project, first_name=name[:150], username=public_id, public_id=public_id
    )
    account.set_unusable_password()
    account.save()
    return account


def rename_service_account(account: User, name: str) -> None:
    """Give a service account another name."""
    account.first_name = name[:150]
    account.save(update_fields=["first_name"])


@transaction.atomic
def disable_service_account(account: User) -> None:
    """Disable a service account and revoke its keys; its usage records stay."""
    account.is_active = False
    account.save(update_fields=["is_active"])
    for key in Key.objects.filter(principal=account, revoked_at=None):
        revoke_key(key)


@transaction.atomic
def create_key(wanted: NewKey, secret: str = "") -> tuple[Key, str]:
    """Create a key and return (row, key); the key itself is not stored. `secret` is a given key, default: a random one.

    The first client key rejects requests without a key from now on. Raises PolicyError and IssuingError.
    """
    parse_policy(wanted.policy)
    project = None if wanted.admin else wanted.project or Project.objects.get(public_id=DEFAULT_PROJECT)
    check_owner(wanted.principal, project)
    key = secret or new_key("admin" if wanted.admin else "client")
    row = Key.objects.create(
        kind=Key.Kind.ADMIN if wanted.admin else Key.Kind.CLIENT,
        name=wanted.name,
        digest=digest(key),
        redacted_value=redacted(key),
        principal=wanted.principal,
        project=project,
        policy=dict(wanted.policy),
        expires_at=wanted.expires_at,
        created_by=wanted.created_by,
    )
    if not wanted.admin:
        close_keyless()
    return row, key


def check_owner(principal: User, project: Project | None) -> None:
    """Raise IssuingError unless the principal may own a key of the project; `project` is None for an admin key."""
    if principal.kind == User.Kind.STORAGE.value:
        raise IssuingError("The storage of a project cannot own a key.")
    if not principal.is_active:
        raise IssuingError("The owner of the key is not active.")
    if project is not None and project.archived_at is not None:
        raise IssuingError("The project is archived.")
    if principal.service_of_id is not None and (project is None or principal.service_of_id != project.pk):
        raise IssuingError("A service account owns keys of its own project only.")


def close_keyless() -> None:
    """Reject requests without a key from now on, also after the last key is revoked."""
    organization, _ = Organization.objects.get_or_create(pk=1)
    if organization.keyed_at is None:
        organization.keyed_at = datetime.now(UTC)
        organization.save(update_fields=["keyed_at", "updated_at"])


def reopen_keyless() -> None:
    """Accept requests without a key again, until the next client key is created."""
    for organization in Organization.objects.filter(pk=1).exclude(keyed_at=None):
        organization.keyed_at = None
        organization.save(update_fields=["keyed_at", "updated_at"])


@transaction.atomic
def rotate_key(key: Key, overlap: timedelta = DEFAULT_OVERLAP, *, by: User | None = None) -> tuple[Key, str]:
    """Create a successor with the same settings and return (row, key); the old key expires after the overlap.

    Raises IssuingError for a key that is not valid, was rotated already, or an overlap beyond 30 days.
    """
    key = Key.objects.select_for_update(of=("self",)).select_related("principal", "project").get(pk=key.pk)
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise IssuingError("The overlap is 0 to 30 days.")
    if key.state != "active":
        raise IssuingError("Only an active key can be rotated.")
    if key.successor_id is not None:
        raise IssuingError("The key has a successor already.")
    wanted = NewKey(
        name=key.name,
        principal=key.principal,
        project=key.project,
        admin=key.kind == Key.Kind.ADMIN.value,
        policy=key.policy,
        expires_at=key.expires_at,
        created_by=by,
    )
    successor, secret = create_key(wanted)
    end = datetime.now(UTC) + overlap
    key.successor = successor
    key.expires_at = end if key.expires_at is None else min(end, key.expires_at)
    key.save(update_fields=["successor", "expires_at", "updated_at"])
    return successor, secret


@transaction.atomic
def change_key(key: Key, *, policy: Mapping[str, Any], expires_at: datetime | None) -> None:
    """Replace the policy and the expiry of a key. Raises PolicyError, and IssuingError for a revoked key."""
    if key.revoked_at is not None:
        raise IssuingError("A revoked key cannot be changed.")
    check_policy(key.project, policy)
    key.policy, key.expires_at = dict(policy), expires_at
    key.save(update_fields=["policy", "expires_at", "updated_at"])


@transaction.atomic
def revoke_key(key: Key, *, cut: bool = False) -> None:
    """Reject the key from now on. Running requests end by themselves, or are ended with `cut`."""
    now = datetime.now(UTC)
    changed = ["updated_at"]
    if key.revoked_at is None:
        key.revoked_at, changed = now, [*changed, "revoked_at"]
    if cut and key.cut_at is None:
        key.cut_at, changed = now, [*changed, "cut_at"]
    key.save(update_fields=changed)


def note_key_use(key_id: int, address: str) -> None:
    """Store the time and the address of a key's use. `update` sends no signal: the snapshot of keys stays valid."""
    Key.objects.filter(pk=key_id).update(last_used_at=datetime.now(UTC), last_used_from=address[:64])


def check_policy(project: Project | None, policy: Mapping[str, Any]) -> None:
    """Raise PolicyError unless a key's policy is valid together with those of its project and the gateway."""
    organization = Organization.objects.filter(pk=1).first()
    effective_policy([organization.policy if organization else {}, project.policy if project else {}, policy])
