"""What a caller may know of itself: its key and project, its policy, the rate limits that apply to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Q

from sessions_store.accounts.access import Caller
from sessions_store.accounts.policy import RESTRICTIONS, sources
from sessions_store.models import Key, Organization, Project, RateLimit
from sessions_store.models.access.key import with_predecessors
from sessions_store.models.access.subject import Scope

LIMITS: Final = (
    *("requests_per_minute", "requests_per_day", "tokens_per_minute", "tokens_per_day", "images_per_minute"),
    "concurrent_requests",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKey:
    """The rows of a caller. `policy` has the effective value of each field; a field that restricts has the values of
    all levels. A request without a key has no name and does not expire.
    """

    name: str
    expires_at: datetime | None
    project_name: str
    policy: Mapping[str, Any]
    limits: list[dict[str, Any]]


def own_key(caller: Caller) -> OwnKey:
    """Read the rows of a caller."""
    keys = Key.objects.none() if caller.key_id is None else Key.objects.filter(pk=caller.key_id)
    key = keys.values("name", "expires_at", "policy").first()
    project = Project.objects.values("name", "policy").get(pk=caller.project_id)
    organization = Organization.objects.filter(pk=1).values("policy").first()
    levels: list[tuple[str, Mapping[str, Any]]] = [
        ("gateway", organization["policy"] if organization is not None else {}),
        ("project", project["policy"]),
        ("key", key["policy"] if key is not None else {}),
    ]
    return OwnKey(
        name=key["name"] if key is not None else "",
        expires_at=key["expires_at"] if key is not None else None,
        project_name=project["name"],
        policy=_effective(levels),
        limits=list(_limits_of(caller)),
    )


def _effective(levels: list[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    policy: dict[str, Any] = {}
    for name, value, level in sources(levels):
        if name not in RESTRICTIONS:
            policy[name] = value
        elif level == "default":
            policy[name] = []
        else:
            policy.setdefault(name, []).append(value)
    return policy


def _limits_of(caller: Caller) -> Any:
    subjects = (
        Q(scope=Scope.GATEWAY.value)
        | Q(scope=Scope.PROJECT.value, project_id=caller.project_id)
        | Q(scope=Scope.PRINCIPAL.value, principal_id=caller.principal_id)
    )
    if caller.key_id is not None:
        subjects |= Q(scope=Scope.KEY.value, key_id__in=with_predecessors(caller.key_id))
    return RateLimit.objects.filter(subjects).order_by("id").values("scope", "model_pattern", *LIMITS)
