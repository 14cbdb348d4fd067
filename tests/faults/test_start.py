"""The log of the key check at the start of a server, before any request."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from tests.emulator_control import Emulator
from tests.exchanges import chat_body
from tests.live_gateway import LiveGateway

WRONG_KEY = {
    "error": {
        "code": 400,
        "message": "API key not valid. Please pass a valid API key.",
        "status": "INVALID_ARGUMENT",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
    }
}
OVERLOADED = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
LIST = {"method": "list"}


@pytest.fixture
def servers(django_db_setup: None) -> Iterator[ExitStack]:
    """Servers; the fixture stops the servers after the test."""
    with ExitStack() as stack:
        yield stack


def started(servers: ExitStack, upstream: str, settings: Mapping[str, str] | None = None) -> LiveGateway:
    """Return a gateway with `upstream` as its Gemini."""
    return servers.enter_context(LiveGateway.start(upstream=upstream, settings=settings))


def test_a_valid_key_is_checked_with_one_free_call(servers: ExitStack, emulator: Emulator) -> None:
    gateway = started(servers, emulator.base_url)

    gateway.wait_for("Gemini accepts the API key")
    [look] = emulator.looks()
    assert (look["method"], look["path"], look["query"]) == ("GET", "/v1beta/models", "pageSize=1")
    assert emulator.received() == []


def test_a_wrong_key_is_logged(servers: ExitStack, emulator: Emulator) -> None:
    emulator.script({"status": 400, "body": WRONG_KEY, "match": LIST})
    gateway = started(servers, emulator.base_url, {"GEMINI_API_KEY": "AIza-wrong-and-secret"})

    gateway.wait_for("Gemini rejects the API key.*GEMINI_API_KEY")
    assert "AIza-wrong" not in gateway.log
    assert "not valid. Please" not in gateway.log


def test_an_unreachable_upstream_is_logged(servers: ExitStack) -> None:
    gateway = started(servers, "http://127.0.0.1:9")

    gateway.wait_for("Gemini cannot be reached")
    assert "overloaded" not in gateway.log
    assert "rejects the API key" not in gateway.log


def test_another_upstream_error_is_not_logged_as_a_wrong_key(servers: ExitStack, emulator: Emulator) -> None:
    emulator.script({"status": 503, "body": OVERLOADED, "match": LIST})
    gateway = started(servers, emulator.base_url)

    gateway.wait_for("Gemini returned an error to the key test: The upstream model is overloaded")
    assert "rejects the API key" not in gateway.log


def test_the_start_does_not_wait_for_the_list_of_models(servers: ExitStack, emulator: Emulator) -> None:
    emulator.script({"hang": True, "match": LIST})
    gateway = started(servers, emulator.base_url)

    response: Any = httpx2.post(
        f"{gateway.base_url}/chat/completions", json=chat_body(), timeout=20, trust_env=False
    ).json()
    assert response["choices"][0]["message"]["content"]
    gateway.terminate()
    assert gateway.ended_well()
