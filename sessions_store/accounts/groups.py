"""The first groups of operators and their permissions: Viewer, Auditor, Operator, Finance, Owner."""

from collections.abc import Iterable
from typing import Any, Final

from django.apps import apps as installed
from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions

_VIEWED: Final = (
    *("usageday", "usagerecord", "upstreammodel", "modelprice", "modelmapping"),
    *("organization", "project", "key", "ratelimit", "budget"),
)
_CONTENT: Final = ("message", "chatsession", "storedresponse", "conversation", "storedcompletion", "user")
_OPERATED: Final = ("project", "key", "modelmapping", "ratelimit")
_PAID: Final = ("modelprice", "budget")


def _codenames(actions: Iterable[str], models: Iterable[str]) -> set[str]:
    return {f"{action}_{model}" for action in actions for model in models}


_FIGURES: Final = _codenames(["view"], _VIEWED)

# Permissions of sessions_store by group; None: all of them, and those for groups and the history of changes.
GROUPS: Final[dict[str, set[str] | None]] = {
    "Viewer": _FIGURES,
    "Auditor": _FIGURES | _codenames(["view"], _CONTENT) | {"view_logentry"},
    "Operator": _FIGURES
    | _codenames(["add", "change"], _OPERATED)
    | _codenames(["delete"], ["modelmapping", "ratelimit"])
    | {"add_upstreammodel", "change_upstreammodel", "view_user"},
    "Finance": _FIGURES
    | _codenames(["add", "change", "delete"], _PAID)
    | {"change_upstreammodel", "view_user"},  # the page of a model has the form of its prices
    "Owner": None,
}


def seed_groups(apps: Apps) -> None:
    """Add each group that is absent; a group of the same name keeps its permissions.

    `apps` is a migration's state registry or Django's own. Django creates permissions after all migrations only, so the
    permissions of a new database are created here.
    """
    for label in ("auth", "admin", "sessions_store"):
        create_permissions(installed.get_app_config(label), apps=apps, verbosity=0)
    group: Any = apps.get_model("auth", "Group")
    permission: Any = apps.get_model("auth", "Permission")
    known = permission.objects.filter(content_type__app_label__in=["sessions_store", "admin"])
    everything = known | permission.objects.filter(content_type__app_label="auth", content_type__model="group")
    for name, codenames in GROUPS.items():
        row, created = group.objects.get_or_create(name=name)
        if created:
            row.permissions.set(everything if codenames is None else known.filter(codename__in=codenames))
