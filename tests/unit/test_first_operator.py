"""The one-time set-up link: works once, until the first superuser exists, and tells nobody else anything."""

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
    """A data directory of the test's own."""
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def visitor() -> Client:
    """A browser without a login."""
    return Client()


@pytest.mark.django_db
def test_the_link_makes_the_first_operator_and_opens_the_admin(visitor: Client) -> None:
    link = setup_path()
    assert visitor.get(link).status_code == 200

    answer = visitor.post(link, ANSWERS)

    assert (answer.status_code, answer["location"]) == (302, "/admin/")
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
def test_every_worker_shows_the_same_link_and_the_file_does_not_hold_it(data_dir: Path) -> None:
    link = setup_path()

    assert setup_path() == link
    stored = data_dir / FILE_NAME
    assert stored.read_text() not in link
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["x", "0" * 64, "ä", "%00"])
def test_a_wrong_link_is_not_found(visitor: Client, token: str) -> None:
    assert visitor.get(f"/setup/{token}").status_code == 404  # no link was ever made
    setup_path()
    assert visitor.get(f"/setup/{token}").status_code == 404
    assert visitor.post(f"/setup/{token}", ANSWERS).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes",
    [{"password2": "another-horse-9"}, {"password1": "12345", "password2": "12345"}, {"username": ""}],
    ids=["differs", "weak", "nameless"],
)
def test_a_refused_form_does_not_use_the_link_up(visitor: Client, changes: dict[str, str]) -> None:
    link = setup_path()

    refused = visitor.post(link, ANSWERS | changes)

    assert refused.status_code == 400
    assert b"errorlist" in refused.content
    assert setup_path() == link


@pytest.mark.django_db
def test_once_a_superuser_exists_there_is_no_link(visitor: Client) -> None:
    link = setup_path()
    get_user_model().objects.create_superuser("somebody")

    assert setup_path() == ""
    assert visitor.get(link).status_code == 404


@pytest.fixture
def without_operators(live_db: None) -> Iterator[None]:
    """The shared database as if nobody were an operator yet; those of other tests come back afterwards."""
    operators = get_user_model().objects.filter(is_superuser=True, is_active=True)
    others = list(operators.values_list("pk", flat=True))
    operators.update(is_active=False)
    yield
    operators.delete()
    get_user_model().objects.filter(pk__in=others).update(is_active=True)


def test_two_simultaneous_setups_make_one_operator(without_operators: None) -> None:
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
def test_the_form_is_safe_from_other_sites() -> None:
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
