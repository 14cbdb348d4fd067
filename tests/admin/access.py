"""Keys, projects and operators for the tests of the pages of access."""

from typing import Any

from django.test import Client
from django.urls import reverse

from sessions_store.accounts.issuing import NewKey, create_key, create_project, create_service_account
from sessions_store.models import Key, Project, User

PASSWORD = "operate-the-gateway"
ADD_KEY = "admin:sessions_store_key_add"
KEYS = "admin:sessions_store_key_changelist"


def page_of(row: Any) -> str:
    """The address of a row's page."""
    return reverse(f"admin:sessions_store_{row._meta.model_name}_change", args=[row.pk])


def action(row: Any, name: str) -> str:
    """The address of an action on a row."""
    return reverse(f"admin:sessions_store_{row._meta.model_name}_{name}", args=[row.pk])


def make_key(name: str = "nightly", project: Project | None = None, **policy: Any) -> tuple[Key, str]:
    """Create a client key of a new service account, in a new project unless one is given."""
    home = project or create_project(f"project of {name}")
    owner = create_service_account(home, f"program of {name}")
    return create_key(NewKey(name=name, principal=owner, project=home, policy=policy))


def new_key_fields(name: str, project: Project, **fields: str) -> dict[str, str]:
    """The fields of the form that creates a key."""
    empty = {"models_mode": "", "models_patterns": "", "expires_at_0": "", "expires_at_1": ""}
    return {"name": name, "project": str(project.pk), "principal": "", "form_token": "once"} | empty | fields


def member_of(browser: Client, group: str) -> Client:
    """Log in a member of a group."""
    from django.contrib.auth.models import Group

    member = User.objects.create_user(f"member of {group}", password=PASSWORD, is_staff=True)
    member.groups.set(Group.objects.filter(name=group))
    browser.force_login(member)
    return browser
