"""Streams that begin before Gemini responds (STREAM_OPEN_AFTER), and the encoding of streams."""

import json
from collections.abc import Iterator
from time import monotonic
from typing import Any

import httpx2
import pytest
from openai import APIError, OpenAI

from sessions_store.models import UsageRecord
from tests.emulator_control import Emulator
from tests.exchanges import (
    CHAT,
    COMPLETIONS,
    GEMINI_3,
    GEMINI_25,
    chat_body,
    chat_message,
    error_in,
    fresh,
    lines,
    usage_of,
)
from tests.live_gateway import LiveGateway
from tests.responses import RESPONSES, named_events
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("live_db")

OVERLOADED = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
BODIES: dict[str, dict[str, Any]] = {
    CHAT: chat_body(stream=True),
    COMPLETIONS: {"model": GEMINI_25, "prompt": "Hello!", "stream": True},
    RESPONSES: {"model": GEMINI_25, "input": "Hello!", "stream": True},
}
COMMENT = ": keep-alive\n\n"
KEEP_ALIVE = 5  # STREAM_OPEN_AFTER of the early gateway, in seconds
# Line ends of `str.splitlines` other than CR and LF.
LINE_ENDS = "\u0085\u2028\u2029\x0b\x0c\x1c\x1d\x1e"


@pytest.fixture(scope="module")
def early_gateway(django_db_setup: None, emulator_url: str) -> Iterator[LiveGateway]:
    """A gateway whose streams begin after 0.4 seconds at the latest."""
    settings = {"STREAM_OPEN_AFTER": "0.4", "KEEP_ALIVE_INTERVAL": str(KEEP_ALIVE)}
    with LiveGateway.start(upstream=emulator_url, settings=settings) as server:
        yield server


@pytest.fixture
def early(early_gateway: LiveGateway, emulator: Emulator) -> Iterator[httpx2.Client]:
    """A client of that gateway."""
    with httpx2.Client(base_url=early_gateway.origin, timeout=30, trust_env=False) as connected:
        yield connected


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("silence", [{"hold": True}, {"hold_after": 0}], ids=["before the head", "before the body"])
def test_a_stream_begins_before_gemini_responds(
    early: httpx2.Client, emulator: Emulator, path: str, silence: dict[str, Any]
) -> None:
    emulator.script(silence)
    began = monotonic()
    with early.stream("POST", path, json=BODIES[path]) as response:
        pieces = response.iter_text()
        first = next(pieces)
        heard = monotonic() - began
        emulator.release()
        rest = "".join(pieces)

    assert first == COMMENT
    assert 0.3 < heard < KEEP_ALIVE
    assert response.status_code == 200
    assert response.headers["x-gateway-model"] == GEMINI_25
    if path == RESPONSES:
        assert named_events(rest)[-1]["type"] == "response.completed"
    else:
        assert list(lines(rest))[-1] == "data: [DONE]"
    assert usage_of(response.headers).status == "ok"


@pytest.mark.parametrize("path", BODIES)
def test_a_late_error_is_the_last_event_of_the_stream(early: httpx2.Client, emulator: Emulator, path: str) -> None:
    emulator.script({"status": 503, "body": OVERLOADED, "delay": 0.8})

    response = early.post(path, json=BODIES[path])

    assert response.status_code == 200
    assert response.text.startswith(COMMENT)
    if path == RESPONSES:
        events = named_events(response.text)
        assert [event["type"] for event in events][-1] == "response.failed"
        assert events[-1]["response"]["error"]["code"]
    else:
        (only,) = lines(response.text)
        assert error_in(json.loads(only.removeprefix("data: ")))["code"] == "server_is_overloaded"
    record = usage_of(response.headers)
    assert (record.status, record.http_status, record.stream) == ("upstream_error", 503, True)


def test_openais_client_raises_for_a_late_error(early_gateway: LiveGateway, emulator: Emulator) -> None:
    emulator.script({"status": 503, "body": OVERLOADED, "delay": 0.8})
    with OpenAI(base_url=early_gateway.base_url, api_key="x", max_retries=0) as client:
        stream = client.chat.completions.create(model=GEMINI_25, messages=[chat_message("Hello!")], stream=True)
        with pytest.raises(APIError, match="overloaded"):
            list(stream)


@pytest.mark.parametrize("path", BODIES)
def test_an_early_error_keeps_its_status(early: httpx2.Client, emulator: Emulator, path: str) -> None:
    emulator.script({"status": 503, "body": OVERLOADED})

    assert early.post(path, json=BODIES[path]).status_code == 503


def test_a_stream_of_several_calls_begins_early(early: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({"delay": 0.8}, {})

    response = early.post(CHAT, json=chat_body(model=GEMINI_3, n=2, stream=True))

    assert response.text.startswith(COMMENT)
    assert list(lines(response.text))[-1] == "data: [DONE]"


def test_a_disconnect_before_the_first_chunk_stops_the_upstream_call(early: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({"hang": True})
    with early.stream("POST", CHAT, json=chat_body(stream=True, user=fresh("leaves"))) as response:
        assert next(response.iter_text()) == COMMENT

    assert eventually(lambda: [entry["cancelled"] for entry in emulator.received()] == [True])
    left = UsageRecord.objects.filter(request_id=response.headers["x-request-id"], status="client_closed")
    assert eventually(left.exists)


def test_a_late_error_keeps_its_status_by_default(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({"status": 503, "body": OVERLOADED, "delay": 1.0})

    assert http.post(CHAT, json=chat_body(stream=True)).status_code == 503


def test_a_resumed_stream_begins_early(early: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({"hold": True})
    response = early.post(RESPONSES, json={**BODIES[RESPONSES], "stream": False, "background": True}).json()
    query = {"stream": "true", "starting_after": "2"}

    began = monotonic()
    with early.stream("GET", f"{RESPONSES}/{response['id']}", params=query) as resumed:
        first = next(resumed.iter_text())
        heard = monotonic() - began
        early.post(f"{RESPONSES}/{response['id']}/cancel")

    assert first == COMMENT
    assert heard < KEEP_ALIVE
    assert resumed.headers["content-type"] == "text/event-stream; charset=utf-8"


@pytest.mark.parametrize("path", BODIES)
def test_events_contain_no_unicode_line_ends(http: httpx2.Client, emulator: Emulator, path: str) -> None:
    parts = [{"text": f"{LINE_ENDS} and "}, {"text": LINE_ENDS}]
    chunks = [{"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}]} for part in parts]
    chunks[-1]["candidates"][0]["finishReason"] = "STOP"
    emulator.script({"chunks": chunks})

    response = http.post(path, json=BODIES[path])

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert not set(response.text) & set(LINE_ENDS)
    assert response.text.splitlines() == response.text.removesuffix("\n").split("\n")
    if path == RESPONSES:
        assert named_events(response.text)[-1]["response"]["output"][-1]["content"][0]["text"] == (
            f"{LINE_ENDS} and {LINE_ENDS}"
        )
        return
    choices = [json.loads(line[6:])["choices"] for line in lines(response.text) if line != "data: [DONE]"]
    sent = [choice.get("text") or choice.get("delta", {}).get("content") or "" for [choice] in choices]
    assert "".join(sent) == f"{LINE_ENDS} and {LINE_ENDS}"


def test_a_resumed_stream_contains_no_unicode_line_ends(http: httpx2.Client, emulator: Emulator) -> None:
    content = {"role": "model", "parts": [{"text": LINE_ENDS}]}
    emulator.script({"chunks": [{"candidates": [{"content": content, "index": 0, "finishReason": "STOP"}]}]})
    body = {**BODIES[RESPONSES], "background": True}

    begun = http.post(RESPONSES, json=body)
    identifier = named_events(begun.text)[0]["response"]["id"]
    resumed = http.get(f"{RESPONSES}/{identifier}", params={"stream": "true"})

    for response in (begun, resumed):
        assert not set(response.text) & set(LINE_ENDS)
        assert named_events(response.text)[-1]["response"]["output"][-1]["content"][0]["text"] == LINE_ENDS


def test_a_response_without_an_upstream_call_is_streamed(http: httpx2.Client) -> None:
    response = http.post(RESPONSES, json={**BODIES[RESPONSES], "input": "a\u2028b", "generate": False})

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
