"""Logins to the admin: throttled failures, no lockout by other users, and log entries."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import caches
from django.db import connections
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from sessions_store.accounts.login_throttle import FREE_BY_NAME, FREE_BY_PLACE, LONGEST_WAIT, REMEMBERED, LoginAttempt
from sessions_store.models import User
from tests.admin.conftest import WITHOUT_STATIC

PASSWORD = "operate-the-gateway"
REDIS = os.environ.get("TEST_REDIS_URL", "")
LOGIN = "/admin/login/"

Later = Callable[[float], None]


@pytest.fixture(autouse=True)
def uncounted(settings: Settings) -> Iterator[None]:
    """Reset the throttle."""
    settings.MIDDLEWARE = WITHOUT_STATIC
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    caches["process"].clear()
    yield
    caches["process"].clear()


@pytest.fixture
def grace(db: None) -> User:
    """An operator with a password."""
    return User.objects.create_superuser("grace", password=PASSWORD)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Advance the clock by seconds."""
    clock, passed = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: clock() + passed[0])

    def pass_by(seconds: float) -> None:
        passed[0] += seconds

    return pass_by


def log_in(browser: Client, password: str, *, name: str = "grace", address: str = "192.0.2.1") -> Any:
    """Send the login form."""
    return browser.post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address)


def fail(times: int, *, name: str = "grace", address: str = "192.0.2.1") -> HttpResponse:
    """Try wrong passwords in an unknown browser; return the last response."""
    for number in range(times):
        response: HttpResponse = log_in(Client(), f"guess {number}", name=name, address=address)
    return response


def test_the_right_password_is_rejected_during_a_wait(grace: User, later: Later) -> None:
    assert fail(FREE_BY_NAME).status_code == 200

    rejected = log_in(Client(), PASSWORD)

    assert rejected.status_code == 429
    assert 0 < int(rejected["Retry-After"]) <= 10
    assert f"Too many failed attempts. Try again in {rejected['Retry-After']} seconds." in rejected.content.decode()
    later(11)
    assert log_in(Client(), PASSWORD)["Location"] == "/admin/"


def test_each_wait_is_longer_up_to_a_limit(grace: User, later: Later) -> None:
    fail(FREE_BY_NAME)
    waits = []
    for _ in range(9):
        waits.append(int(log_in(Client(), PASSWORD)["Retry-After"]))
        later(waits[-1] + 1)
        fail(1)
    assert waits[:4] == [10, 20, 40, 80]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT

    assert "15 minutes" in log_in(Client(), PASSWORD).content.decode()
    later(REMEMBERED + 1)
    assert fail(FREE_BY_NAME - 1).status_code == 200
    assert log_in(Client(), PASSWORD).status_code == 302


def test_a_login_resets_the_failures(grace: User) -> None:
    for _ in range(3):
        fail(FREE_BY_NAME - 1)
        assert log_in(Client(), PASSWORD).status_code == 302


def test_attempts_from_another_address_do_not_lock_an_operator_out(grace: User) -> None:
    fail(FREE_BY_NAME + 1, address="198.51.100.7")

    assert log_in(Client(), PASSWORD, address="192.0.2.1").status_code == 302


def test_a_known_browser_is_not_locked_out_by_its_neighbours(grace: User) -> None:
    known = Client()
    assert log_in(known, PASSWORD).status_code == 302
    known.post(reverse("admin:logout"))
    assert fail(FREE_BY_NAME + 1).status_code == 429

    assert log_in(known, PASSWORD).status_code == 302


def test_a_known_browser_is_throttled(grace: User) -> None:
    known = Client()
    log_in(known, PASSWORD)
    known.post(reverse("admin:logout"))

    responses = [log_in(known, f"guess {number}").status_code for number in range(FREE_BY_NAME + 1)]

    assert responses == [200] * FREE_BY_NAME + [429]


def test_a_browser_is_known_for_its_logged_in_user_only(grace: User) -> None:
    User.objects.create_superuser("otto", password=PASSWORD)
    known = Client()
    log_in(known, PASSWORD, name="otto")
    known.post(reverse("admin:logout"))
    fail(FREE_BY_NAME)

    assert log_in(known, PASSWORD).status_code == 429


@pytest.mark.parametrize("cookie", ["", "x", "eyJ1c2VybmFtZSI6ImdyYWNlIn0:1:x"])
def test_a_forged_cookie_is_ignored(grace: User, cookie: str) -> None:
    fail(FREE_BY_NAME)
    forger = Client()
    forger.cookies["gateway-known-browser"] = cookie

    assert log_in(forger, PASSWORD).status_code == 429


def test_the_cookie_is_sent_to_the_login_page_only(grace: User, settings: Settings) -> None:
    settings.SESSION_COOKIE_SECURE = True
    cookie = log_in(Client(), PASSWORD).cookies["gateway-known-browser"]

    assert cookie["httponly"]
    assert cookie["secure"]
    assert (cookie["samesite"], cookie["path"]) == ("Strict", LOGIN)


def test_many_names_from_one_address_are_throttled(grace: User) -> None:
    responses = [fail(1, name=f"name-{number}").status_code for number in range(FREE_BY_PLACE + 1)]

    assert responses == [200] * FREE_BY_PLACE + [429]
    assert log_in(Client(), PASSWORD, address="192.0.2.2").status_code == 302


def test_own_logins_allow_no_further_attempts(grace: User) -> None:
    User.objects.create_superuser("mallory", password="mallorys-own")
    responses = []
    for number in range(FREE_BY_PLACE + 1):
        log_in(Client(), "mallorys-own", name="mallory")
        responses.append(fail(1, name=f"name-{number}").status_code)

    assert responses[-1] == 429


def test_a_network_of_ipv6_counts_as_one_address(grace: User) -> None:
    for number in range(FREE_BY_NAME):
        log_in(Client(), "guess", address=f"2001:db8::{number}")

    assert log_in(Client(), PASSWORD, address="2001:db8::ffff").status_code == 429
    assert log_in(Client(), PASSWORD, address="2001:db8:0:1::1").status_code == 302


def test_behind_a_trusted_proxy_the_clients_address_counts(grace: User, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1", "10.0.0.0/8"]
    form = {"username": "grace", "password": "guess"}
    for number in range(FREE_BY_NAME):
        forged = f"203.0.113.{number}, 198.51.100.7, 10.0.0.9"
        Client().post(LOGIN, form, headers={"x-forwarded-for": forged}, REMOTE_ADDR="127.0.0.1")

    def status(forwarded: str, peer: str = "127.0.0.1") -> int:
        right = form | {"password": PASSWORD}
        return Client().post(LOGIN, right, headers={"x-forwarded-for": forwarded}, REMOTE_ADDR=peer).status_code

    assert status("198.51.100.7") == 429
    assert status("198.51.100.8") == 302
    assert status("198.51.100.7", peer="192.0.2.1") == 302  # the peer is no trusted proxy: its own address counts


def test_simultaneous_login_attempts_are_counted() -> None:
    def attempt(_: int) -> bool:
        return LoginAttempt("grace", address="192.0.2.1").begin() == 0

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(attempt, range(64))) == FREE_BY_NAME


def test_every_outcome_is_logged_without_passwords(grace: User, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="sessions_store.admin.pages.login"):
        fail(FREE_BY_NAME + 1)
        log_in(Client(), "", name="my-secret-password", address="192.0.2.2")
        log_in(Client(), "x", name="my-secret-password", address="192.0.2.2")
        log_in(Client(), PASSWORD, address="192.0.2.3")

    lines = [
        (line.getMessage(), line.__dict__["account"], line.__dict__["address"])
        for line in caplog.records
        if line.name == "sessions_store.admin.pages.login"
    ]
    assert lines == [
        *[("Login failed", "grace", "192.0.2.1")] * FREE_BY_NAME,
        ("Login rejected: too many attempts", "grace", "192.0.2.1"),
        ("Login failed", "(unknown)", "192.0.2.2"),
        ("Account logged in", "grace", "192.0.2.3"),
    ]


def test_without_redis_the_process_counts_attempts(
    grace: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    dead = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = settings.CACHES | {"default": dead}

    assert fail(FREE_BY_NAME + 1).status_code == 429

    assert "failed logins are counted per process" in caplog.text


@pytest.mark.redis
@pytest.mark.skipif(not REDIS, reason="TEST_REDIS_URL names no server")
def test_redis_counts_attempts_for_all_workers(settings: Settings) -> None:
    shared = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS}
    settings.CACHES = settings.CACHES | {"default": shared}
    # Redis keeps the counts of earlier runs.
    name, address = f"name-{uuid4()}", f"address-{uuid4()}"

    def attempt(_: int) -> bool:
        try:
            return LoginAttempt(name, address=address).begin() == 0
        finally:
            connections.close_all()
            let_go_of_redis()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(32))) == FREE_BY_NAME
    LoginAttempt(name, address=address).succeeded()
    assert LoginAttempt(name, address=address).begin() == 0
    let_go_of_redis()


def let_go_of_redis() -> None:
    """Close this thread's connections, because Django does not."""
    cache: Any = caches["default"]
    cache._cache.get_client(write=True).connection_pool.disconnect()


def test_the_login_says_when_no_account_exists(anonymous: Client) -> None:
    login = reverse("admin:login")
    assert "No admin account exists yet" in anonymous.get(login).content.decode()
    User.objects.create(username="grace", is_staff=True)
    assert "No admin account exists yet" not in anonymous.get(login).content.decode()


def test_a_browser_finds_an_icon(anonymous: Client) -> None:
    answer = anonymous.get("/favicon.ico")
    assert (answer.status_code, answer["Location"]) == (302, "/static/gateway/mark.svg")
