"""Browsers for the admin tests: logged in as superuser, as staff with some rights, and without a login."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.cache import caches
from django.test import Client

from sessions_store.models import User
from tests.admin.access import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from pytest_django import Settings

    from tests.live_gateway import LiveGateway

# The admin tests do not need WhiteNoise, which scans all static files for each client.
WITHOUT_STATIC = [name for name in settings.MIDDLEWARE if "static_files" not in name]

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")

Operator = Callable[..., Client]


@pytest.fixture
def anonymous(db: None, settings: "Settings") -> Client:
    """A browser without a login."""
    settings.MIDDLEWARE = WITHOUT_STATIC
    return Client()


@pytest.fixture
def operator(anonymous: Client) -> Client:
    """A superuser's browser."""
    anonymous.force_login(User.objects.create(username="grace", is_staff=True, is_superuser=True))
    return anonymous


@pytest.fixture
def clerk(anonymous: Client) -> Operator:
    """Log in a staff user with the named rights only: `clerk("view_usagerecord")`."""

    def log_in(*rights: str) -> Client:
        member = User.objects.create(username="clerk", is_staff=True)
        member.user_permissions.set(Permission.objects.filter(codename__in=rights))
        anonymous.force_login(member)
        return anonymous

    return log_in


@pytest.fixture
def complaints() -> list[str]:
    """The messages of the browser's console: blocked scripts and styles, missing files, errors."""
    return []


@pytest.fixture
def stranger(gateway: "LiveGateway", live_db: None, complaints: list[str]) -> Iterator["Page"]:
    """A browser page on the live gateway without a login; the superuser "browser" exists."""
    from playwright.sync_api import sync_playwright

    browser, _ = User.objects.get_or_create(username="browser")
    browser.is_staff = browser.is_superuser = browser.is_active = True
    browser.set_password(PASSWORD)
    browser.save()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        tab = chromium.new_page(base_url=gateway.origin, viewport={"width": 1280, "height": 800})
        tab.set_default_timeout(15_000)
        tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        yield tab
        chromium.close()
    # The user stays for its log entries, but not as an operator: other tests start servers without operators.
    User.objects.filter(username="browser").update(is_superuser=False, is_active=False)


@pytest.fixture
def page(stranger: "Page") -> "Page":
    """A browser page on the live gateway, logged in as a superuser."""
    stranger.goto("/admin/")
    stranger.fill("#id_username", "browser")
    stranger.fill("#id_password", PASSWORD)
    stranger.click("input[type=submit]")
    stranger.wait_for_selector("text=Overview")
    return stranger


@pytest.fixture
def untried_passwords(settings: "Settings") -> Iterator[None]:
    """No attempt at a password is counted, and passwords are hashed fast."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    caches["process"].clear()
    yield
    caches["process"].clear()


@pytest.fixture
def owner(anonymous: Client) -> Client:
    """The browser of a superuser with a password."""
    anonymous.force_login(User.objects.create_superuser("grace", password=PASSWORD))
    return anonymous
