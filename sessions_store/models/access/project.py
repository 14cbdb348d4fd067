"""The organization and its projects: who may use the gateway, and who owns what it stores."""

import secrets
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from sessions_store.accounts.policy import PolicyError, parse_policy

DEFAULT_PROJECT = "proj_default"


def new_public_id(prefix: str) -> str:
    """Return a random public id, such as `proj_…`."""
    return f"{prefix}_{secrets.token_hex(12)}"


def new_project_id() -> str:
    """Return the public id of a new project."""
    return new_public_id("proj")


def validate_policy(value: Any) -> None:
    """Raise ValidationError unless `value` is a valid policy."""
    try:
        parse_policy(value)
    except PolicyError as error:
        raise ValidationError(str(error)) from None


class Organization(models.Model):
    """The gateway as a whole: one row, with the policy that projects and keys inherit.

    `keyed_at` is the time of the first client key. Requests without a key stay rejected when the last key is revoked;
    only an operator resets the mark.
    """

    policy = models.JSONField(default=dict, blank=True, validators=[validate_policy])
    keyed_at = models.DateTimeField(null=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "organization"

    def __str__(self) -> str:
        return "organization"


class Project(models.Model):
    """A project: its keys, its policy, and everything that its requests store.

    Stored objects refer to `storage`, an account that cannot log in and belongs to this project alone. The default
    project stores under the built-in account `local`, so its keys reach what was stored without keys.
    """

    public_id = models.CharField(max_length=40, unique=True, default=new_project_id, editable=False)
    name = models.CharField(max_length=100)
    storage = models.OneToOneField(
        "sessions_store.User", on_delete=models.PROTECT, related_name="project", editable=False
    )
    policy = models.JSONField(default=dict, blank=True, validators=[validate_policy])
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["name", "id"]

    def __str__(self) -> str:
        return self.name
