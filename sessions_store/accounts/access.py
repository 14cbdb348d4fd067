"""The snapshot of keys, projects and budgets: a request is authenticated by a look-up in memory, without a query.

A snapshot is immutable.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import Count, Max

from sessions_store.accounts.key_form import digest
from sessions_store.accounts.limits import Limits, load_limits
from sessions_store.accounts.policy import UNRESTRICTED, Policy, effective_policy
from sessions_store.budgets.rules import BudgetRules, load_budgets
from sessions_store.models import Budget, Key, Organization, Project, User
from sessions_store.models.access.project import DEFAULT_PROJECT
from sessions_store.models.principal import LOCAL_USERNAME

# Columns of a key, read without ORM objects: a snapshot may have ten thousand keys.
_COLUMNS: Final = (
    *("id", "public_id", "kind", "digest", "name", "policy", "expires_at", "revoked_at", "cut_at"),
    *("principal_id", "principal__is_active", "principal__memory"),
    *("project_id", "project__public_id", "project__storage_id", "project__archived_at", "project__policy"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The client behind a request.

    `principal_id` is who sends it, for usage records; `owner_id` is the account that owns what it stores and reads.
    `key_id` is None for a request without a key. `policy` is the effective policy.
    """

    principal_id: int
    owner_id: int
    project_id: int
    project: str
    key_id: int | None = None
    key: str = ""
    policy: Policy = UNRESTRICTED

    @property
    def memory(self) -> bool:
        """Whether chat sessions are stored: never for a caller of whom only metadata are stored."""
        return self.policy.memory and self.policy.content == "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """One key of a snapshot. `inactive`: its principal or its project is not active."""

    id: int
    public_id: str
    admin: bool
    expires_at: datetime | None
    revoked_at: datetime | None
    cut_at: datetime | None
    inactive: bool
    caller: Caller

    def usable(self, now: datetime) -> bool:
        """Whether the key is valid at that time."""
        live = self.expires_at is None or now < self.expires_at
        return live and self.revoked_at is None and not self.inactive


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """All keys by digest, and the rate limits. `keyed`: requests without a key are rejected. `local` is the caller of
    such requests.

    `state` identifies the rows of the snapshot: the next load compares it. `cut` are the ids of the keys whose running
    work must end, `origins` the browser origins of all valid keys.
    """

    keyed: bool = False
    local: Caller | None = None
    state: Any = None
    has_admin_keys: bool = False
    cut: frozenset[int] = frozenset()
    origins: frozenset[str] = frozenset()
    keys: Mapping[str, AccessKey] = field(default_factory=dict)
    budgets: BudgetRules = field(default_factory=BudgetRules)
    limits: Limits = field(default_factory=Limits)

    def find(self, key: str) -> AccessKey | None:
        """Return a key, valid or not; None for an unknown one."""
        return self.keys.get(digest(key))


def load_access(previous: Access | None = None) -> Access:
    """Return the current snapshot: `previous` itself if no row has changed since, as far as counts and times tell."""
    state = _state()
    limits = load_limits(previous.limits if previous is not None else None)
    if previous is not None and previous.state == state:
        return previous if limits is previous.limits else replace(previous, limits=limits)
    found = Organization.objects.filter(pk=1).values("policy", "keyed_at").first()
    organization: Mapping[str, Any] = found or {}
    gateway = organization.get("policy") or {}
    keys = {row["digest"]: _access_key(row, gateway) for row in Key.objects.order_by().values(*_COLUMNS).iterator(2000)}
    now = datetime.now(UTC)
    return Access(
        keyed=organization.get("keyed_at") is not None,
        local=_local(gateway),
        state=state,
        has_admin_keys=any(key.admin and key.usable(now) for key in keys.values()),
        cut=frozenset(key.id for key in keys.values() if key.cut_at is not None),
        origins=frozenset().union(*(key.caller.policy.origins for key in keys.values() if key.usable(now))),
        keys=keys,
        budgets=load_budgets(),
        limits=limits,
    )


def _state() -> Any:
    """Return values that differ after each change of the rows: every change sets `updated_at` or the count.

    The ends of keys and projects are counted, because an `updated_at` may be before that of an earlier change: of
    another machine, or of a transaction that was committed first.
    """
    ends: dict[Any, Mapping[str, Any]] = {
        Project: {"archived": Count("archived_at")},
        Key: {"revoked": Count("revoked_at"), "cut": Count("cut_at")},
    }
    found: list[Any] = [
        model._default_manager.aggregate(
            count=Count("pk"), last=Max("updated_at"), newest=Max("pk"), **ends.get(model, {})
        )
        for model in (Organization, Project, Key, Budget)
    ]
    found.append(sorted(User.objects.filter(is_active=False).values_list("pk", flat=True)))
    found.append(sorted(User.objects.filter(memory=False).values_list("pk", flat=True)))
    return found


def _access_key(row: Mapping[str, Any], gateway: Mapping[str, Any]) -> AccessKey:
    admin = row["kind"] == Key.Kind.ADMIN.value
    levels = [gateway, row["project__policy"] or {}, row["policy"]]
    if not row["principal__memory"]:
        levels.append({"memory": False})
    caller = Caller(
        principal_id=row["principal_id"],
        owner_id=row["project__storage_id"] or 0,
        project_id=row["project_id"] or 0,
        project=row["project__public_id"] or "",
        key_id=row["id"],
        key=row["public_id"],
        policy=UNRESTRICTED if admin else effective_policy(levels),
    )
    return AccessKey(
        id=row["id"],
        public_id=row["public_id"],
        admin=admin,
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        cut_at=row["cut_at"],
        inactive=not row["principal__is_active"] or row["project__archived_at"] is not None,
        caller=caller,
    )


def _local(gateway: Mapping[str, Any]) -> Caller | None:
    """Return the caller of requests without a key: the principal `local`, in the default project."""
    project = Project.objects.filter(public_id=DEFAULT_PROJECT).values("id", "public_id", "policy").first()
    local = User.objects.filter(username=LOCAL_USERNAME).values("id", "memory").first()
    if project is None or local is None:
        return None
    levels = [gateway, project["policy"], *([] if local["memory"] else [{"memory": False}])]
    return Caller(
        principal_id=local["id"],
        owner_id=local["id"],
        project_id=project["id"],
        project=project["public_id"],
        policy=effective_policy(levels),
    )
