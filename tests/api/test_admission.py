"""Admission without a key: local requests only; every route of the URLconf rejects possibly remote requests."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from django.urls import URLPattern

from api.urls import urlpatterns
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, JSON, chat_body, error_of
from tests.live_gateway import LiveGateway

OPEN = {"/healthz", "/readyz"}
SAMPLES = {
    "<path:model>": "gpt-4",
    "<path:user>": "somebody",
    "<path:path>": "nothing/here",
    "<str:response_id>": "resp_1",
    "<str:conversation>": "conv_1",
    "<str:item>": "msg_1",
    "<str:completion>": "chatcmpl-1",
    "<str:key>": "key_1",
    "<str:user>": "user-1",
    "<str:alert>": "alert_1",
    "<str:project>": "proj_1",
    "<str:account>": "svc_acct_1",
    "<path:limit>": "rl-gpt-4",
}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

FROM_AFAR = {
    "foreign host": ({"host": "evil.example"}, "keyless_foreign_host"),
    "host with a path": ({"host": "localhost/?"}, "keyless_foreign_host"),
    "host with a fragment": ({"host": "localhost#"}, "keyless_foreign_host"),
    "host with a user": ({"host": "localhost@evil.example"}, "keyless_foreign_host"),
    "host that begins well": ({"host": "localhost.evil.example:8080"}, "keyless_foreign_host"),
    "forwarded for": ({"x-forwarded-for": "203.0.113.9"}, "keyless_behind_proxy"),
    "forwarded for loopback": ({"x-forwarded-for": "127.0.0.1"}, "keyless_behind_proxy"),
    "forwarded host": ({"x-forwarded-host": "localhost"}, "keyless_behind_proxy"),
    "forwarded": ({"forwarded": "for=203.0.113.9"}, "keyless_behind_proxy"),
    "forwarded port": ({"x-forwarded-port": "443"}, "keyless_behind_proxy"),
    "forwarded server": ({"x-forwarded-server": "proxy.example"}, "keyless_behind_proxy"),
    "forwarded scheme": ({"x-forwarded-scheme": "https"}, "keyless_behind_proxy"),
    "forwarded in its oldest form": ({"x-forwarded": "for=203.0.113.9"}, "keyless_behind_proxy"),
    "tail net": ({"tailscale-user-login": "eve@example.com"}, "keyless_behind_proxy"),
    "true address": ({"true-client-ip": "203.0.113.9"}, "keyless_behind_proxy"),
    "real address": ({"x-real-ip": "203.0.113.9"}, "keyless_behind_proxy"),
    "via": ({"via": "1.1 proxy.example"}, "keyless_behind_proxy"),
    "name of a family": ({"x-vercel-anything": "1"}, "keyless_behind_proxy"),
    "tunnel": ({"cf-connecting-ip": "203.0.113.9"}, "keyless_behind_proxy"),
    "foreign origin": ({"origin": "https://evil.example"}, "keyless_foreign_origin"),
    "origin with a user": ({"origin": "http://evil@localhost"}, "keyless_foreign_origin"),
    "origin with a fragment": ({"origin": "http://localhost#@evil.example"}, "keyless_foreign_origin"),
    "two origins": ({"origin": "http://localhost http://evil.example"}, "keyless_foreign_origin"),
    "origin of an extension": ({"origin": "chrome-extension://localhost"}, "keyless_foreign_origin"),
    "no origin": ({"origin": "null"}, "keyless_foreign_origin"),
}


def routes() -> Iterator[str]:
    """Return every path of the short way, with values for its parameters."""
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        path = f"/{pattern.pattern}"
        for parameter, sample in SAMPLES.items():
            path = path.replace(parameter, sample)
        assert "<" not in path
        yield path


@pytest.mark.parametrize(("headers", "code"), FROM_AFAR.values(), ids=FROM_AFAR.keys())
def test_every_route_rejects_possibly_remote_requests(http: httpx2.Client, headers: dict[str, str], code: str) -> None:
    for path in set(routes()) - OPEN:
        for method in METHODS:
            response = http.request(method, path, headers=headers)
            assert response.status_code == 403, (method, path)
            error = error_of(response)
            assert (error["type"], error["code"]) == ("permission_error", code)


@pytest.mark.parametrize(("headers", "code"), FROM_AFAR.values(), ids=FROM_AFAR.keys())
def test_a_rejected_request_makes_no_upstream_call(
    http: httpx2.Client, emulator: Emulator, headers: dict[str, str], code: str
) -> None:
    response = http.post(CHAT, json=chat_body(), headers=headers)

    assert (response.status_code, error_of(response)["code"]) == (403, code)
    assert response.headers["x-should-retry"] == "false"
    assert emulator.received() == []


@pytest.mark.parametrize("path", sorted(OPEN))
def test_health_pages_are_open(http: httpx2.Client, path: str) -> None:
    response = http.get(path, headers={"host": "evil.example", "x-forwarded-for": "203.0.113.9"})

    assert response.status_code == 200
    assert "principal" not in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost"},
        {"host": "LOCALHOST:8080"},
        {"host": "[::1]:8080"},
        {"host": "127.0.0.1"},
        {"origin": "http://localhost:3000"},
        {"origin": "https://127.0.0.1"},
        {"origin": "http://[::1]:5173"},
        {"authorization": "Bearer My API Key"},
        {"authorization": "Bearer ' OR 1=1 --"},
        {"authorization": ""},
    ],
    ids=str,
)
def test_local_requests_are_admitted_with_any_key_or_none(http: httpx2.Client, headers: dict[str, str]) -> None:
    assert http.get("/v1/models", headers=headers).status_code == 200


def exchange(gateway: LiveGateway, head: str, body: bytes = b"") -> bytes:
    """Return the response to a raw request that HTTP clients do not send."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    "head",
    [
        "GET /v1/models HTTP/1.1\nHost: localhost\nHost: evil.example\nConnection: close",
        "GET /v1/models HTTP/1.1\nHost: evil.example\nHost: localhost\nConnection: close",
        "GET http://evil.example/v1/models HTTP/1.1\nHost: evil.example\nConnection: close",
        "GET /v1/models HTTP/1.1\nConnection: close",
    ],
    ids=["local host first", "foreign host first", "absolute form", "no host"],
)
def test_ambiguous_hosts_are_not_local(gateway: LiveGateway, head: str) -> None:
    status = exchange(gateway, head).split()[1]

    assert status in {b"400", b"403"}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../admin/",
        "/v1/%2e%2e/admin/",
        "/V1/models",
        "/v1;/models",
        "/healthz/../admin/",
        "/readyz/../v1/models",
        "/static/..%2f..%2fmanage.py",
        "/static/../data/secrets.json",
    ],
)
def test_unusual_paths_are_not_found(gateway: LiveGateway, path: str) -> None:
    head, _, body = exchange(gateway, f"GET {path} HTTP/1.1\nHost: localhost\nConnection: close").partition(b"\r\n\r\n")

    assert head.split()[1] == b"404"
    assert b"gpt-4" not in body
    assert b"Log in" not in body


@pytest.mark.parametrize(
    "path",
    [
        *("/%76%31/models", "/v1%2fmodels", "/v1/%6dodels", "/%2fv1/models"),
        *("//v1/models", "/v1//models", "/v1/v1/models", "/api/v1/models", "/openai/models", "/models"),
    ],
)
def test_a_path_in_another_form_is_rejected_like_the_plain_one(gateway: LiveGateway, path: str) -> None:
    request = f"GET {path} HTTP/1.1\nHost: {{}}\nConnection: close"

    assert exchange(gateway, request.format("localhost")).split()[1] == b"200"
    assert exchange(gateway, request.format("evil.example")).split()[1] == b"403"


def test_a_foreign_host_at_the_admin_is_one_log_line(gateway: LiveGateway) -> None:
    head = "GET /admin/login/ HTTP/1.1\nHost: scanner.example\nConnection: close"

    assert exchange(gateway, head).split()[1] == b"400"

    gateway.wait_for("Invalid HTTP_HOST header: 'scanner.example'")
    [line] = [line for line in gateway.log.splitlines() if "scanner.example" in line]
    assert json.loads(line)["level"] == "warning"
    assert "exception" not in json.loads(line)


def test_headers_with_underscores_are_ignored(gateway: LiveGateway) -> None:
    head = "GET /v1/models HTTP/1.1\nHost: localhost\nX_Forwarded_For: 203.0.113.9\nConnection: close"
    assert exchange(gateway, head).split()[1] in {b"200", b"400"}
    head = "GET /v1/models HTTP/1.1\nHost: evil.example\nDaphne-Root-Path: /v1\nConnection: close"
    assert exchange(gateway, head).split()[1] == b"403"


def test_cookies_are_neither_read_nor_set(http: httpx2.Client) -> None:
    response: Any = http.get("/v1/models", headers={**JSON, "cookie": "sessionid=abc; csrftoken=def"})

    assert response.status_code == 200
    assert "set-cookie" not in response.headers
