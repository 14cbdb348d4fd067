"""The browser origins of keys: preflights without a key, CORS headers for listed origins only (G11)."""

from collections.abc import Iterator

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from sessions_store.accounts.issuing import revoke_key
from tests.exchanges import CHAT, chat_body, error_of
from tests.issued_keys import Issued
from tests.live_gateway import LiveGateway

LISTED = "https://app.example"
FOREIGN = "https://evil.example"
LOCAL = "http://localhost:3000"
# What openai 3 sends, and what OpenAI's JavaScript SDK sends.
NAMES = (
    "authorization,content-type,openai-organization,openai-project,openai-beta,x-stainless-retry-count,idempotency-key"
)


@pytest.fixture
def http(gateway: LiveGateway) -> Iterator[httpx2.Client]:
    """A plain client of the live gateway."""
    with httpx2.Client(base_url=gateway.origin, timeout=30, trust_env=False) as connected:
        yield connected


def asked(http: httpx2.Client, origin: str) -> httpx2.Response:
    """Return the answer to a preflight."""
    headers = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": NAMES,
    }
    return http.options(CHAT, headers=headers)


def posted(http: httpx2.Client, origin: str, key: str, path: str = CHAT) -> httpx2.Response:
    """Return the answer to a request of a page."""
    return http.post(path, json=chat_body(), headers={"origin": origin, "authorization": f"Bearer {key}"})


def test_g11_a_preflight_is_answered_for_an_origin_of_any_key(http: httpx2.Client, issued: Issued) -> None:
    row, _ = issued.key(origins=[LISTED])

    answered = asked(http, LISTED)
    assert answered.status_code == 204
    assert answered.headers["access-control-allow-origin"] == LISTED
    assert answered.headers["access-control-allow-headers"] == NAMES

    foreign = asked(http, FOREIGN)
    assert foreign.status_code != 204
    assert "access-control-allow-origin" not in foreign.headers
    revoke_key(row)
    assert asked(http, LISTED).status_code != 204


def test_g11_a_page_reads_the_response_with_a_key_that_lists_its_origin(http: httpx2.Client, issued: Issued) -> None:
    listing, silent = issued.client_key(origins=[f"{LISTED}/", "https://other.example"]), issued.client_key()

    read = posted(http, LISTED, listing)
    failed = posted(http, LISTED, listing, path="/v1/nothing")
    unread = posted(http, LISTED, silent)
    local = posted(http, LOCAL, listing)

    for response, status, origin in ((read, 200, LISTED), (failed, 404, LISTED), (local, 200, LOCAL)):
        assert (response.status_code, response.headers["access-control-allow-origin"]) == (status, origin)
        exposed = response.headers["access-control-expose-headers"].split(", ")
        assert {"x-request-id", "x-gateway-notes", "x-ratelimit-remaining-requests", "retry-after"} <= set(exposed)
        assert "Origin" in response.headers["vary"]
    assert unread.status_code == 200
    assert "access-control-allow-origin" not in unread.headers


def test_g11_a_foreign_page_is_refused_by_a_key_with_origins(http: httpx2.Client, issued: Issued) -> None:
    refused = posted(http, FOREIGN, issued.client_key(origins=[LISTED]))

    assert (refused.status_code, error_of(refused)["code"]) == (403, "origin_not_authorized")
    assert "access-control-allow-origin" not in refused.headers


def test_g11_a_websocket_of_a_foreign_page_is_refused(gateway: LiveGateway, issued: Issued) -> None:
    key = issued.client_key(origins=[LISTED])
    url = gateway.origin.replace("http", "ws") + "/v1/responses"
    protocols = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{key}")]

    with connect(url, origin=Origin(LISTED), subprotocols=protocols, proxy=None) as socket:
        assert socket.subprotocol == "realtime"
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(url, origin=Origin(FOREIGN), subprotocols=protocols, proxy=None),
    ):
        pass
    assert refused.value.response.status_code == 403
