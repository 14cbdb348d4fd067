"""The door: failed attempts, the places of a key, and the scopes of every endpoint (G5, G9, G14)."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import pytest
from django.urls import URLPattern
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from api.auth.failed_attempts import FREE
from api.http.view import EVERY_KEY
from api.urls import urlpatterns
from sessions_store.accounts.audit import AuditFilter, read_events
from sessions_store.accounts.issuing import change_gateway_policy, revoke_key
from sessions_store.accounts.key_form import new_key
from sessions_store.accounts.policy import FAMILIES
from sessions_store.models import Key, UsageRecord
from tests.exchanges import GEMINI_3, chat_body, error_of
from tests.issued_keys import Issued
from tests.live_gateway import LiveGateway, by_serve

SUBPROTOCOL = "openai-insecure-api-key."
SETTINGS = {"ALLOW_QUERY_KEY": "1", "TRUSTED_PROXIES": "127.0.0.1"}


@pytest.fixture
def fresh_gateway(django_db_setup: None, emulator_url: str) -> Iterator[LiveGateway]:
    """A gateway whose count of failed attempts is its own."""
    with LiveGateway.start(upstream=emulator_url, settings=SETTINGS) as server:
        yield server


def models(gateway: LiveGateway, key: str) -> httpx2.Response:
    """Return the answer to a request with a key."""
    return httpx2.get(f"{gateway.base_url}/models", headers={"authorization": f"Bearer {key}"}, trust_env=False)


def test_g14_failed_attempts_of_an_address_are_throttled_and_valid_keys_are_not(
    fresh_gateway: LiveGateway, issued: Issued
) -> None:
    row, revoked = issued.key()
    revoke_key(row)
    valid, stored = issued.client_key(), UsageRecord.objects.count()

    answers = [models(fresh_gateway, revoked if number % 2 else new_key()) for number in range(FREE + 3)]

    assert [answer.status_code for answer in answers[:FREE]] == [401] * FREE
    for answer in answers:
        assert answer.headers["x-should-retry"] == "false"
    throttled = answers[FREE:]
    assert [answer.status_code for answer in throttled] == [429] * 3
    assert all(1 <= int(answer.headers["retry-after"]) <= 20 for answer in throttled)
    assert error_of(throttled[0])["code"] == "rate_limit_exceeded"
    assert models(fresh_gateway, valid).status_code == 200
    assert UsageRecord.objects.count() == stored


def test_g14_failed_attempts_at_the_administration_api_are_throttled(
    fresh_gateway: LiveGateway, issued: Issued
) -> None:
    valid = issued.admin_key()

    def projects(key: str) -> httpx2.Response:
        headers = {"authorization": f"Bearer {key}"}
        return httpx2.get(f"{fresh_gateway.base_url}/organization/projects", headers=headers, trust_env=False)

    statuses = [projects(new_key("admin")).status_code for _ in range(FREE + 1)]

    assert statuses == [401] * FREE + [429]
    assert projects(valid).status_code == 200


def test_g08_an_admin_key_was_used_from_the_address_behind_the_proxy(
    fresh_gateway: LiveGateway, issued: Issued
) -> None:
    headers = {"authorization": f"Bearer {issued.admin_key()}", "x-forwarded-for": "203.0.113.9"}
    url = f"{fresh_gateway.base_url}/organization/projects"

    assert httpx2.post(url, json={"name": "proxied"}, headers=headers, trust_env=False).status_code == 200

    (newest,) = read_events(AuditFilter(events=("project.created",)), after=None, before=None, limit=1)
    assert newest.address == "203.0.113.9"
    assert Key.objects.get(kind=Key.Kind.ADMIN).last_used_from == "203.0.113.9"


def test_g14_a_request_without_a_key_is_no_failed_attempt(fresh_gateway: LiveGateway, issued: Issued) -> None:
    issued.client_key()

    answers = {models(fresh_gateway, "dummy").status_code for _ in range(FREE + 3)}

    assert answers == {401}


def handshake(gateway: LiveGateway, *, query: str = "", protocols: list[str] | None = None) -> Mapping[str, str]:
    """Return the headers of the answer to a WebSocket handshake."""
    url = gateway.origin.replace("http", "ws") + f"/v1/responses{query}"
    with connect(url, subprotocols=protocols, proxy=None) as socket:  # type: ignore[arg-type]
        socket.send(json.dumps({"type": "response.create", "model": GEMINI_3, "input": "Hi"}))
        while json.loads(socket.recv(timeout=10))["type"] != "response.completed":
            pass
        assert socket.response is not None
        return dict(socket.response.headers.raw_items())


def test_g09_a_key_in_the_subprotocol_opens_a_websocket_and_is_not_returned(
    gateway: LiveGateway, issued: Issued
) -> None:
    key = issued.client_key()

    with_realtime = handshake(gateway, protocols=["realtime", SUBPROTOCOL + key, "openai-beta.realtime-v1"])
    alone = {name.lower() for name in handshake(gateway, protocols=[SUBPROTOCOL + key])}

    assert with_realtime["Sec-WebSocket-Protocol"] == "realtime"
    assert "sec-websocket-protocol" not in alone
    assert key not in str(with_realtime) + gateway.log


def test_g09_a_key_in_the_query_opens_a_websocket_only_with_allow_query_key(
    gateway: LiveGateway, fresh_gateway: LiveGateway, issued: Issued
) -> None:
    key = issued.client_key()

    assert handshake(fresh_gateway, query=f"?key={key}")
    with pytest.raises(InvalidStatus):
        handshake(gateway, query=f"?key={key}")
    assert httpx2.get(f"{fresh_gateway.base_url}/models?key={key}", trust_env=False).status_code == 401


@by_serve("uvicorn's own log has the query of each WebSocket")
def test_g09_a_key_in_the_query_is_in_no_log(fresh_gateway: LiveGateway, issued: Issued) -> None:
    row, key = issued.key()
    handshake(fresh_gateway, query=f"?key={key}")
    revoke_key(row)
    with pytest.raises(InvalidStatus):
        handshake(fresh_gateway, query=f"?key={key}")

    assert key not in fresh_gateway.log


@pytest.mark.parametrize(("network", "status"), [("127.0.0.0/8", 200), ("10.0.0.0/8", 403)])
def test_g11_the_networks_of_the_gateway_are_those_of_keyless_requests_too(
    gateway: LiveGateway, issued: Issued, network: str, status: int
) -> None:
    change_gateway_policy({"networks": [network]})

    answer = models(gateway, "dummy")

    assert answer.status_code == status
    assert status == 200 or error_of(answer)["code"] == "ip_not_authorized"


@pytest.mark.parametrize(("network", "status"), [("127.0.0.0/8", 200), ("10.0.0.0/8", 403)])
def test_g11_a_key_is_valid_in_its_networks_only(
    gateway: LiveGateway, issued: Issued, network: str, status: int
) -> None:
    key = issued.client_key(networks=[network])

    answer = models(gateway, key)

    assert answer.status_code == status
    if status == 200:
        assert handshake(gateway, protocols=[SUBPROTOCOL + key])
        return
    assert error_of(answer)["code"] == "ip_not_authorized"
    with pytest.raises(InvalidStatus):
        handshake(gateway, protocols=[SUBPROTOCOL + key])


def test_g09_a_canary_key_is_in_no_log_and_no_error(gateway: LiveGateway, issued: Issued) -> None:
    row, key = issued.key()
    other = issued.client_key()
    revoke_key(row)
    places: list[dict[str, str]] = [
        {"authorization": f"Bearer {key}"},
        {"authorization": f"bearer  {key}"},
        {"authorization": f"Basic {key}"},
        {"authorization": key},
        {"api-key": key},
        {"x-api-key": key},
        {"x-goog-api-key": key},
        {"authorization": f"Bearer {other}", "api-key": key},
        {"cookie": f"sessionid={key}"},
        {"sec-websocket-protocol": f"realtime, {SUBPROTOCOL}{key}"},
    ]

    answers = [
        httpx2.post(f"{gateway.base_url}/chat/completions", json=chat_body(), headers=headers, trust_env=False)
        for headers in places
    ]
    answers.append(httpx2.get(f"{gateway.base_url}/models?key={key}", trust_env=False))

    for answer in answers:
        assert answer.status_code == 401
        assert key not in answer.text + str(answer.headers)
    assert key not in gateway.log
    assert key[6:38] not in gateway.log


def routes() -> Iterator[tuple[str, str, Any]]:
    """Yield (path, method, view class) of each method of the URLconf."""
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        view: Any = pattern.callback.view_class  # type: ignore[attr-defined]
        path = str(pattern.pattern).replace("<str:", "<")
        for method in ("get", "post", "delete"):
            if hasattr(view, method):
                yield path, method, view


def test_g05_every_endpoint_has_a_family_and_every_family_an_endpoint() -> None:
    families = {view.family for _, _, view in routes() if not view.public}

    assert families - {EVERY_KEY} == set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_g05_a_scope_opens_its_family_and_no_other(gateway: LiveGateway, issued: Issued, family: str) -> None:
    read, write = issued.client_key(scopes=[f"{family}.read"]), issued.client_key(scopes=[f"{family}.write"])
    seen = 0

    for path, method, view in routes():
        if view.public or view.family == EVERY_KEY:
            continue
        url = f"{gateway.origin}/{path.lstrip('/')}"
        for name in ("response_id", "conversation", "item", "completion", "model", "session", "name"):
            url = url.replace(f"<{name}>", "conv_1" if name == "conversation" else "missing")
        assert "(" not in url
        for key, permitted in ((read, method == "get"), (write, method != "get")):
            answer = httpx2.request(
                method,
                url,
                headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
                trust_env=False,
            )
            denied = answer.status_code == 403 and error_of(answer)["code"] == "insufficient_permissions"
            assert denied is not (view.family == family and permitted), (path, method, answer.text)
            seen += not denied
    assert seen
