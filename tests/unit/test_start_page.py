"""The public start page, and the middleware of all pages: policy, static files, proxies."""

from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from gemini_gateway.startup.run_server import terminal_page
from sessions_store.catalogue.loaded import reset
from tests.admin.access import make_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor() -> Iterator[Client]:
    """A browser without a login. The snapshot of keys is dropped: each test's rows are rolled back."""
    reset()
    yield Client()
    reset()


def test_the_start_page_shows_the_address_that_the_visitor_used(visitor: Client) -> None:
    page = visitor.get("/", headers={"host": "localhost:9000"}).content.decode()

    assert "http://localhost:9000/v1" in page
    assert 'href="/admin/"' in page


def test_the_start_page_says_which_upstream_answers(visitor: Client, settings: Settings) -> None:
    settings.GEMINI_UPSTREAM = "emulator"
    emulated = visitor.get("/").content.decode()
    settings.GEMINI_UPSTREAM = "gemini"
    real = visitor.get("/").content.decode()

    assert "emulator" in emulated
    assert "emulator" not in real


def test_the_start_page_says_when_the_address_is_not_googles_own(visitor: Client, settings: Settings) -> None:
    settings.GEMINI_UPSTREAM, settings.GEMINI_BASE_URL = "gemini", "http://me:very-secret@127.0.0.1:9090/gemini"

    for shown in (visitor.get("/").content.decode(), terminal_page("127.0.0.1", 8080)):
        assert "Google Gemini (Gemini API) at 127.0.0.1:9090" in shown
        assert "secret" not in shown


def test_the_start_page_warns_when_the_gateway_is_open_to_all(visitor: Client, settings: Settings) -> None:
    assert b"Open to everyone" not in visitor.get("/").content
    settings.ALLOW_INSECURE_KEYLESS = True
    assert b"Open to everyone" in visitor.get("/").content


def test_the_start_page_states_how_the_first_key_is_created_and_that_requests_need_one(visitor: Client) -> None:
    before = visitor.get("/").content.decode()
    make_key()
    reset()
    after = visitor.get("/").content.decode()

    assert "dummy-key" in before
    assert "manage.py create_key --name NAME" in before
    assert "dummy-key" not in after
    assert "Authorization: Bearer YOUR-CLIENT-KEY" in after


def test_the_start_page_holds_no_secret(visitor: Client, settings: Settings) -> None:
    settings.GEMINI_API_KEY = "AIza-very-secret-key"
    page = visitor.get("/").content.decode()

    assert settings.GEMINI_API_KEY not in page
    assert "/setup/" not in page


def test_a_foreign_host_is_rejected(visitor: Client) -> None:
    assert visitor.get("/", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/nothing-here", "/static/gateway/pages.css"])
def test_every_page_has_the_strict_policy(visitor: Client, path: str) -> None:
    policy = visitor.get(path)["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_static_files_are_served_from_their_folder(visitor: Client) -> None:
    style = visitor.get("/static/gateway/pages.css")
    unchanged = visitor.get("/static/gateway/pages.css", headers={"if-none-match": style["etag"]})

    assert style.status_code == 200
    assert style["content-type"].startswith("text/css")
    assert b"--accent" in style.content
    assert unchanged.status_code == 304
    assert visitor.get("/static/admin/css/base.css").status_code == 200
    assert visitor.get("/static/../settings.py").status_code == 404


@pytest.mark.parametrize(
    ("trusted", "peer", "believed"),
    [
        ([], "127.0.0.1", False),
        (["10.0.0.0/8"], "127.0.0.1", False),
        (["127.0.0.1"], "127.0.0.1", True),
        (["10.0.0.0/8", "::1"], "::1", True),
        (["not a network"], "127.0.0.1", False),
    ],
)
def test_forwarded_headers_are_read_from_trusted_proxies_only(
    settings: Settings, trusted: list[str], peer: str, believed: bool
) -> None:
    settings.TRUSTED_PROXIES = trusted
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    page = Client().get("/", headers={"x-forwarded-proto": "https"}, REMOTE_ADDR=peer).content.decode()

    assert ("https://testserver" in page) is believed


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/chat/completions"), ("GET", "/models"), ("GET", "/models/gpt-4"), ("POST", "/responses")],
)
def test_a_program_without_v1_in_its_base_url_gets_an_error(visitor: Client, method: str, path: str) -> None:
    response = visitor.generic(method, path, "{}", content_type="application/json")

    assert response.status_code == 404
    assert response.json()["error"] == {
        "message": f"Unknown request URL: {method} {path}. The API's base URL ends in /v1.",
        "type": "invalid_request_error",
        "param": None,
        "code": "unknown_url",
    }


@pytest.mark.parametrize("path", ["/nothing-here", "/setup/0123456789abcdef", "/static/none.css", "/two%0Alines"])
def test_the_not_found_page_links_to_the_admin(visitor: Client, path: str) -> None:
    response = visitor.get(path)

    assert response.status_code == 404
    assert b'href="/admin/"' in response.content
    assert b"works once" in response.content


def test_the_terminal_shows_the_addresses(settings: Settings) -> None:
    settings.GEMINI_UPSTREAM = "emulator"
    text = terminal_page("0.0.0.0", 8080)  # noqa: S104 - shown, not bound

    assert "http://localhost:8080/v1" in text
    assert "http://localhost:8080/admin/" in text
    assert "emulator" in text
    assert "http://localhost:8080/setup/" in text
    assert "anyone who can reach this machine" in text
    assert "http://[::1]:8080/v1" in terminal_page("::1", 8080)
