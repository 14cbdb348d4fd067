"""The one-time set-up link: valid once, until the first superuser exists, and disclosed to the operator only."""

import re
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client
from pytest_django import Settings

from gemini_gateway.startup.setup_link import FILE_NAME, setup_path

ANSWERS = {"username": "anna", "password1": "correct-horse-9", "password2": "correct-horse-9"}


@pytest.fixture(autouse=True)
def data_dir(settings: Settings, tmp_path: Path) -> Path:
    """A data directory for the test."""
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def visitor() -> Client:
    """A browser without a login."""
    return Client()


@pytest.mark.django_db
def test_the_link_creates_the_first_operator_and_opens_the_admin(visitor: Client) -> None:
    link = setup_path()
    assert visitor.get(link).status_code == 200

    response = visitor.post(link, ANSWERS)

    assert (response.status_code, response["location"]) == (302, "/admin/")
    assert visitor.get("/admin/").status_code == 200
    user = get_user_model().objects.get(username="anna")
    assert user.is_superuser
    assert user.check_password(ANSWERS["password1"])


@pytest.mark.django_db
def test_the_link_works_once(visitor: Client) -> None:
    link = setup_path()
    visitor.post(link, ANSWERS)

    assert Client().get(link).status_code == 404
    assert Client().post(link, {**ANSWERS, "username": "eve"}).status_code == 404
    assert setup_path() == ""
    assert not get_user_model().objects.filter(username="eve").exists()


@pytest.mark.django_db
def test_every_worker_prints_the_same_link_and_no_file_contains_it(data_dir: Path) -> None:
    link = setup_path()

    assert setup_path() == link
    stored = data_dir / FILE_NAME
    assert stored.read_text() not in link
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["x", "0" * 64, "ä", "%00"])
def test_a_wrong_link_is_not_found(visitor: Client, token: str) -> None:
    assert visitor.get(f"/setup/{token}").status_code == 404  # no link exists
    setup_path()
    assert visitor.get(f"/setup/{token}").status_code == 404
    assert visitor.post(f"/setup/{token}", ANSWERS).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes",
    [{"password2": "another-horse-9"}, {"password1": "12345", "password2": "12345"}, {"username": ""}],
    ids=["differs", "weak", "nameless"],
)
def test_a_rejected_form_does_not_use_up_the_link(visitor: Client, changes: dict[str, str]) -> None:
    link = setup_path()

    rejected = visitor.post(link, ANSWERS | changes)

    assert rejected.status_code == 400
    assert b"errorlist" in rejected.content
    assert setup_path() == link


@pytest.mark.django_db
def test_no_link_exists_after_the_first_superuser(visitor: Client) -> None:
    link = setup_path()
    get_user_model().objects.create_superuser("somebody")

    assert setup_path() == ""
    assert visitor.get(link).status_code == 404


@pytest.fixture
def without_operators(live_db: None) -> Iterator[None]:
    """The shared database without operators; the operators of other tests are restored afterwards."""
    operators = get_user_model().objects.filter(is_superuser=True, is_active=True)
    others = list(operators.values_list("pk", flat=True))
    operators.update(is_active=False)
    yield
    operators.delete()
    get_user_model().objects.filter(pk__in=others).update(is_active=True)


def test_two_simultaneous_setups_create_one_operator(without_operators: None) -> None:
    link, start = setup_path(), Barrier(2)

    def post(name: str) -> int:
        visitor = Client()
        start.wait()
        try:
            return visitor.post(link, {**ANSWERS, "username": name}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(post, ["anna", "otto"]))

    assert statuses == [302, 404]
    assert get_user_model().objects.filter(is_superuser=True, is_active=True).count() == 1


@pytest.mark.django_db
def test_the_form_requires_a_csrf_token() -> None:
    link = setup_path()
    visitor = Client(enforce_csrf_checks=True)

    assert visitor.post(link, ANSWERS).status_code == 403
    assert "no-store" in visitor.get(link)["cache-control"]
    assert not re.search(r"<script|style=|onclick", visitor.get(link).content.decode())


@pytest.mark.django_db
def test_a_weak_password_is_reported_at_its_field(visitor: Client) -> None:
    form = visitor.post(setup_path(), {**ANSWERS, "password1": "12345678", "password2": "12345678"}).context["form"]
    assert "password1" in form.errors
    assert "password2" not in form.errors
