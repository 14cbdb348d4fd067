"""Principals: the Django users that own all stored data, and the built-in principal of keyless requests."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models

LOCAL_USERNAME = "local"


class PrincipalManager(UserManager["User"]):
    """Django's user manager, extended by the built-in local principal."""

    def local(self) -> "User":
        """Return the principal of keyless requests, seeded by a migration and unable to log in."""
        return self.get(username=LOCAL_USERNAME)


class User(AbstractUser):
    """A principal: an operator, the owner of a program, or the built-in `local` of keyless requests."""

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
        return self.username
