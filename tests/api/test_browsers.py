"""Requests of web pages: preflights, CORS headers on every response, and the admitted origins."""

import json
import re
from collections.abc import Iterator

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from api.auth.origins import EXPOSED
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, COMPLETIONS, JSON, chat_body, error_of
from tests.live_gateway import LiveGateway, by_serve

PAGE = "http://localhost:3000"
LOCAL = [PAGE, "https://localhost", "http://127.0.0.1:5173", "https://[::1]:8443", "http://[::1]"]
LISTED = ["app://obsidian.md", "tauri://localhost", "https://chat.example.com:8443", "chrome-extension://abcdef"]
OF_A_LISTED_SCHEME = ["vscode-webview://1f3a9c", "VSCODE-WEBVIEW://0b"]
FOREIGN = [
    "null",
    "*",
    "https://evil.example",
    "https://chat.example.com",
    "http://chat.example.com:8443",
    "https://sub.chat.example.com:8443",
    "app://evil.md",
    "http://localhost.evil.example",
    "vscode-webview://",
    "vscode-webview://a/b",
]
SAFELISTED = {"content-type", "cache-control", "content-language", "expires", "last-modified", "pragma"}
# Headers that browsers hide from pages, or that are irrelevant to pages.
OF_THE_CONNECTION = {"content-length", "date", "server", "connection", "transfer-encoding", "vary", "x-accel-buffering"}


@pytest.fixture(scope="module")
def open_gateway(django_db_setup: None, emulator_url: str) -> Iterator[LiveGateway]:
    """A gateway with a list of origins."""
    listed = ", ".join([*LISTED, "https://trailing.example/", "vscode-webview://*"])
    with LiveGateway.start(upstream=emulator_url, settings={"CORS_ALLOWED_ORIGINS": listed}) as server:
        yield server


@pytest.fixture
def open_http(open_gateway: LiveGateway, emulator: Emulator) -> Iterator[httpx2.Client]:
    """A plain client of that gateway."""
    with httpx2.Client(base_url=open_gateway.origin, timeout=30, trust_env=False) as connected:
        yield connected


def preflight(http: httpx2.Client, path: str, origin: str, **headers: str) -> httpx2.Response:
    """Return the response to a preflight."""
    asked = {"origin": origin, "access-control-request-method": "POST"}
    return http.options(path, headers=asked | {name.replace("_", "-"): value for name, value in headers.items()})


def cors_headers(response: httpx2.Response) -> set[str]:
    """Return the names of the CORS headers of a response."""
    return {name for name in response.headers if name.startswith("access-control-")}


@pytest.mark.parametrize("origin", LOCAL)
@pytest.mark.parametrize(
    "path", [CHAT, COMPLETIONS, "/v1/models", "/v1/responses/resp_1", "/v1/nothing", "/healthz", "/api/v1/models"]
)
def test_a_preflight_of_a_local_page_is_allowed(http: httpx2.Client, origin: str, path: str) -> None:
    names = "authorization,content-type,x-stainless-os,openai-beta"
    response = preflight(http, path, origin, access_control_request_headers=names)

    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["access-control-allow-origin"] == origin
    assert response.headers["access-control-allow-headers"] == names
    methods = response.headers["access-control-allow-methods"].split(", ")
    assert {"GET", "POST", "DELETE"} <= set(methods)
    assert int(response.headers["access-control-max-age"]) > 0
    assert "Origin" in response.headers["vary"]
    assert "access-control-allow-credentials" not in response.headers
    assert "access-control-allow-private-network" not in response.headers


def test_a_preflight_for_a_private_network_is_allowed(http: httpx2.Client) -> None:
    response = preflight(http, CHAT, PAGE, access_control_request_private_network="true")

    assert response.headers["access-control-allow-private-network"] == "true"


def test_a_preflight_needs_no_key(django_db_setup: None, emulator_url: str) -> None:
    with (
        LiveGateway.start(upstream=emulator_url, settings={"REQUIRE_KEY": "1"}) as closed,
        httpx2.Client(base_url=closed.origin, trust_env=False) as http,
    ):
        asked = preflight(http, CHAT, PAGE)
        rejected = http.post(CHAT, json=chat_body(), headers={"origin": PAGE})

    assert asked.status_code == 204
    assert rejected.status_code == 401
    assert rejected.headers["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize("origin", [*LISTED, *OF_A_LISTED_SCHEME, "https://trailing.example"])
def test_a_listed_page_is_admitted(open_http: httpx2.Client, origin: str) -> None:
    asked = preflight(open_http, CHAT, origin)
    answered = open_http.post(CHAT, json=chat_body(), headers={"origin": origin})

    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, origin)
    assert (answered.status_code, answered.headers["access-control-allow-origin"]) == (200, origin)


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_page_is_rejected_without_cors_headers(
    open_http: httpx2.Client, emulator: Emulator, origin: str
) -> None:
    asked = preflight(open_http, CHAT, origin)
    posted = open_http.post(CHAT, json=chat_body(), headers={"origin": origin})

    for response in (asked, posted):
        assert (response.status_code, error_of(response)["code"]) == (403, "keyless_foreign_origin")
        assert "CORS_ALLOWED_ORIGINS" in error_of(response)["message"]
        assert response.headers["vary"] == "Origin"
        assert cors_headers(response) == set()
    assert emulator.received() == []


REQUESTS: dict[str, tuple[str, str, bytes, dict[str, str], int | None]] = {
    "answer": ("POST", CHAT, json.dumps(chat_body()).encode(), JSON, 200),
    "stream": ("POST", CHAT, json.dumps(chat_body(stream=True)).encode(), JSON, 200),
    "session": ("POST", CHAT, json.dumps(chat_body(user="browser", store=True)).encode(), JSON, 200),
    "list": ("GET", "/v1/models", b"", {}, 200),
    "deleted": ("DELETE", "/v1/sessions/nobody-at-all", b"", {}, None),
    "bad request": ("POST", CHAT, b"{", JSON, 400),
    "unknown model": ("POST", CHAT, json.dumps(chat_body(model="no-such-model")).encode(), JSON, 404),
    "unknown path": ("GET", "/v1/nothing", b"", {}, 404),
    "unknown path elsewhere": ("POST", "/nothing", b"", {}, 404),
    "a line break": ("GET", "/v1/two%0Alines", b"", {}, 404),
    "wrong method": ("PUT", CHAT, b"{}", JSON, 405),
    "wrong type": ("POST", CHAT, b"{}", {"content-type": "text/plain"}, 415),
    "foreign host": ("GET", "/v1/models", b"", {"host": "evil.example"}, 403),
    "no such response": ("GET", "/v1/responses/resp_none", b"", {}, 404),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_page_can_read_every_response_and_its_headers(http: httpx2.Client, emulator: Emulator, name: str) -> None:
    method, path, body, headers, status = REQUESTS[name]
    response = http.request(method, path, content=body, headers={**headers, "origin": PAGE})

    assert status is None or response.status_code == status
    assert response.headers["access-control-allow-origin"] == PAGE
    assert "Origin" in response.headers["vary"]
    exposed = set(re.split(r", *", response.headers["access-control-expose-headers"].lower()))
    shown = {name.lower() for name in response.headers if not name.lower().startswith("access-control-")}
    assert shown - exposed <= SAFELISTED | OF_THE_CONNECTION
    assert "access-control-allow-credentials" not in response.headers


def test_retry_headers_are_exposed(http: httpx2.Client, emulator: Emulator) -> None:
    quota = {"error": {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED"}}
    emulator.script({"status": 429, "body": quota, "headers": {"retry-after": "7"}})

    response = http.post(CHAT, json=chat_body(), headers={"origin": PAGE})

    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert response.headers["access-control-allow-origin"] == PAGE
    assert {"retry-after", "x-request-id", "x-ratelimit-remaining-tokens"} <= set(EXPOSED.split(", "))


def test_a_page_can_read_the_413_of_a_too_large_body(impatient_gateway: LiveGateway) -> None:
    with httpx2.Client(base_url=impatient_gateway.origin, trust_env=False) as http:
        response = http.post(CHAT, content=b"x" * 300_000, headers={**JSON, "origin": PAGE})

    assert response.status_code == 413
    assert response.headers["access-control-allow-origin"] == PAGE
    assert "x-request-id" in response.headers["access-control-expose-headers"]


@by_serve("uvicorn answers broken requests by itself")
def test_a_page_can_read_the_servers_own_rejections(impatient_gateway: LiveGateway) -> None:
    with httpx2.Client(base_url=impatient_gateway.origin, trust_env=False) as http:
        response = http.get("/v1/models", headers={"origin": PAGE, "x-short": "a", "x-long": "a" * 40_000})

    assert response.status_code == 400
    assert response.headers["access-control-allow-origin"] == PAGE
    assert error_of(response)["type"] == "invalid_request_error"


def test_programs_get_no_cors_headers(http: httpx2.Client) -> None:
    response = http.get("/v1/models")

    assert cors_headers(response) == set()
    assert "vary" not in response.headers


@pytest.mark.parametrize(("origin", "admitted"), [(None, True), (PAGE, True), (LISTED[0], True), (FOREIGN[2], False)])
def test_websockets_use_the_same_list_of_origins(open_gateway: LiveGateway, origin: str | None, admitted: bool) -> None:
    address = open_gateway.origin.replace("http", "ws") + "/v1/responses"
    headers = {} if origin is None else {"Origin": origin}
    if admitted:
        with connect(address, additional_headers=headers, proxy=None) as socket:
            assert socket.ping().wait(10)
        return
    with pytest.raises(InvalidStatus) as rejected, connect(address, additional_headers=headers, proxy=None):
        pass
    assert rejected.value.response.status_code == 403


def test_a_foreign_page_gets_no_websocket_of_an_open_gateway(django_db_setup: None, emulator_url: str) -> None:
    settings = {"ALLOW_INSECURE_KEYLESS": "1"}
    with LiveGateway.start(upstream=emulator_url, settings=settings) as server:
        address = server.origin.replace("http", "ws") + "/v1/responses"
        own, foreign = {"Origin": server.origin}, {"Origin": "https://evil.example"}
        with connect(address, additional_headers=own, proxy=None) as socket:
            assert socket.ping().wait(10)
        with pytest.raises(InvalidStatus), connect(address, additional_headers=foreign, proxy=None):
            pass
