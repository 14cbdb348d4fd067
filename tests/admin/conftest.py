"""Operators for the admin's tests: browsers that are logged in, as superuser, with some rights, and as nobody."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.test import Client

from sessions_store.models import User

if TYPE_CHECKING:
    from pytest_django import Settings

# The admin's own tests do not need WhiteNoise, which would look through all static files for each client.
WITHOUT_STATIC = [name for name in settings.MIDDLEWARE if "static_files" not in name]

Operator = Callable[..., Client]


@pytest.fixture
def anonymous(db: None, settings: "Settings") -> Client:
    """A browser that nobody has logged in with."""
    settings.MIDDLEWARE = WITHOUT_STATIC
    return Client()


@pytest.fixture
def operator(anonymous: Client) -> Client:
    """A superuser's browser."""
    anonymous.force_login(User.objects.create(username="grace", is_staff=True, is_superuser=True))
    return anonymous


@pytest.fixture
def clerk(anonymous: Client) -> Operator:
    """Log in a member of staff with the named rights only: `clerk("view_usagerecord")`."""

    def log_in(*rights: str) -> Client:
        member = User.objects.create(username="clerk", is_staff=True)
        member.user_permissions.set(Permission.objects.filter(codename__in=rights))
        anonymous.force_login(member)
        return anonymous

    return log_in
