"""Principals: the Django users that own all stored data, and the built-in principal of keyless requests."""

import secrets
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models

LOCAL_USERNAME = "local"


def new_user_id() -> str:
    """Return the public id of a new principal."""
    return f"user-{secrets.token_hex(12)}"


def new_service_account_id() -> str:
    """Return the public id of a new service account."""
    return f"svc_acct_{secrets.token_hex(12)}"


class PrincipalManager(UserManager["User"]):
    """Django's user manager, extended by the built-in local principal."""

    def local(self) -> "User":
        """Return the principal of keyless requests, seeded by a migration and unable to log in."""
        return self.get(username=LOCAL_USERNAME)


class User(AbstractUser):
    """A principal: a person, a service account, or the storage of a project.

    The built-in `local` is the principal of keyless requests, and the storage of the default project.
    """

    class Kind(models.TextChoices):
        """The kinds of principals. Only a person logs in."""

        PERSON = "person", "person"
        SERVICE = "service", "service account"
        STORAGE = "storage", "storage of a project"

    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PERSON, db_default="person")
    # Null only until the migration that adds the column has filled it; "" could stand once only.
    public_id = models.CharField(max_length=40, null=True, unique=True, editable=False)  # noqa: DJ001
    service_of = models.ForeignKey(
        "sessions_store.Project",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="service_accounts",
        verbose_name="project",
        help_text="Project of a service account.",
    )

    memory = models.BooleanField(
        "remember chat sessions",
        default=True,
        help_text="Off: requests of this account do not continue earlier chats.",
    )

    objects: ClassVar[PrincipalManager] = PrincipalManager()

    class Meta(AbstractUser.Meta):
        verbose_name = "account"
        verbose_name_plural = "accounts"

    def __str__(self) -> str:
        """The name: a service account has a generated username."""
        return (self.first_name if self.kind == self.Kind.SERVICE else "") or self.username

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Give a new principal its public id."""
        if self.public_id is None:
            self.public_id = new_user_id() if self.kind != self.Kind.SERVICE else new_service_account_id()
        super().save(*args, **kwargs)
