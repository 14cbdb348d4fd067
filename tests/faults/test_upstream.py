"""Failures of the upstream: OpenAI's error with the mapped status, a record, and no text of Google."""

import re
from collections.abc import Iterator
from time import monotonic
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from tests.emulator_control import Emulator
from tests.exchanges import CHAT, GEMINI_25, chat_body, chat_message, error_in, error_of, lines, usage_of
from tests.live_gateway import LiveGateway
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("live_db")

CANARY = "AIza-canary-0123456789 prompt-canary"
MEGABYTE = 2**20


def google(code: int, status: str, message: str = CANARY, **detail: Any) -> dict[str, Any]:
    """Return a scripted error in Google's envelope."""
    error: dict[str, Any] = {"code": code, "message": f"{message} {CANARY}", "status": status}
    if detail:
        error["details"] = [detail]
    return {"status": code, "body": {"error": error}}


RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}
KEY_INVALID = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}

# step of the script -> exception of OpenAI's client, status, code, status of the record
REFUSALS: dict[str, tuple[dict[str, Any], type[openai.APIStatusError], int, str | None, str]] = {
    "400": (google(400, "INVALID_ARGUMENT"), openai.BadRequestError, 400, None, "client_error"),
    "400 key": (
        google(400, "INVALID_ARGUMENT", "API key not valid.", **KEY_INVALID),
        openai.InternalServerError,
        502,
        "upstream_authentication_failed",
        "upstream_error",
    ),
    "401": (
        google(401, "UNAUTHENTICATED"),
        openai.InternalServerError,
        502,
        "upstream_authentication_failed",
        "upstream_error",
    ),
    "403": (
        google(403, "PERMISSION_DENIED"),
        openai.InternalServerError,
        502,
        "upstream_authentication_failed",
        "upstream_error",
    ),
    "404": (
        google(404, "NOT_FOUND", "models/x is not found"),
        openai.NotFoundError,
        404,
        "model_not_found",
        "client_error",
    ),
    "429": (
        google(429, "RESOURCE_EXHAUSTED", **RETRY_INFO),
        openai.RateLimitError,
        429,
        "rate_limit_exceeded",
        "rate_limited",
    ),
    "429 without a word": (
        {"status": 429, "raw": "slow down"},
        openai.RateLimitError,
        429,
        "rate_limit_exceeded",
        "rate_limited",
    ),
    "500": (google(500, "INTERNAL"), openai.InternalServerError, 502, "upstream_error", "upstream_error"),
    "500 HTML": (
        {"status": 500, "raw": f"<html>{CANARY}</html>", "headers": {"content-type": "text/html"}},
        openai.InternalServerError,
        502,
        "upstream_error",
        "upstream_error",
    ),
    "500 JSON that is none": (
        {"status": 500, "raw": f'{{"error": {CANARY}'},
        openai.InternalServerError,
        502,
        "upstream_error",
        "upstream_error",
    ),
    "503": (google(503, "UNAVAILABLE"), openai.InternalServerError, 503, "server_is_overloaded", "upstream_error"),
    "504": (google(504, "DEADLINE_EXCEEDED"), openai.InternalServerError, 504, "upstream_timeout", "timeout"),
    "302": (
        {"status": 302, "raw": CANARY, "headers": {"location": "http://127.0.0.1:1/"}},
        openai.InternalServerError,
        502,
        "upstream_error",
        "upstream_error",
    ),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("step", "raised", "status", "code", "recorded"), REFUSALS.values(), ids=REFUSALS.keys())
def test_invalid_conversation_requests_are_rejected_by_name(
    client: OpenAI,
    gateway: LiveGateway,
    emulator: Emulator,
    *,
    step: dict[str, Any],
    raised: type[openai.APIStatusError],
    status: int,
    code: str | None,
    recorded: str,
    stream: bool,
) -> None:
    emulator.script(step)
    with pytest.raises(raised) as caught:
        client.chat.completions.create(model=GEMINI_25, messages=[chat_message("prompt-canary")], stream=stream)

    assert caught.value.status_code == status
    error = error_in(caught.value.response.json())
    assert error["code"] == code
    assert "canary" not in caught.value.response.text
    assert len(emulator.received()) == 1
    record = usage_of(caught.value.response.headers)
    assert (record.status, record.http_status, record.attempts) == (recorded, status, 1)
    assert record.cost_nano == 0
    assert "canary" not in gateway.log


def test_the_retry_delay_of_google_is_sent(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script(google(429, "RESOURCE_EXHAUSTED", **RETRY_INFO))

    assert http.post(CHAT, json=chat_body()).headers["retry-after"] == "2"


def test_a_permanent_error_tells_clients_not_to_retry(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script(google(403, "PERMISSION_DENIED"))

    assert http.post(CHAT, json=chat_body()).headers["x-should-retry"] == "false"


@pytest.mark.parametrize("code", [401, 403])
def test_the_log_reports_a_key_rejected_by_google(
    http: httpx2.Client, gateway: LiveGateway, emulator: Emulator, code: int
) -> None:
    before = len(gateway.log)
    emulator.script(google(code, "PERMISSION_DENIED"))
    http.post(CHAT, json=chat_body())

    [line] = eventually(lambda: re.findall(r".*credentials.*\n", gateway.log[before:]))
    assert "error" in line.lower()
    assert str(code) in line
    assert "canary" not in line


# status 200 with an invalid body
GARBAGE: dict[str, dict[str, Any]] = {
    "HTML": {"raw": f"<html>{CANARY}</html>", "headers": {"content-type": "text/html"}},
    "half of it": {"raw": f'{{"candidates": [{{"content": {{"parts": [{{"text": "{CANARY}'},
    "empty": {"raw": ""},
    "an empty object": {"body": {}},
    "a number": {"body": 7},
    "candidates of another type": {"body": {"candidates": {"0": CANARY}}},
    "an error": {"body": {"error": {"code": 500, "message": CANARY, "status": "INTERNAL"}}},
    "cut": {"body": {"candidates": [{"content": {"parts": [{"text": CANARY * 100}]}}]}, "cut_after": 0},
}


@pytest.mark.parametrize("step", GARBAGE.values(), ids=GARBAGE.keys())
def test_an_invalid_upstream_body_is_an_error(
    http: httpx2.Client, gateway: LiveGateway, emulator: Emulator, step: dict[str, Any]
) -> None:
    emulator.script(step, step)  # an empty object is retried
    response = http.post(CHAT, json=chat_body())

    assert response.status_code == 502
    assert error_of(response)["type"] == "server_error"
    assert "canary" not in response.text
    assert usage_of(response.headers).status in {"upstream_error", "truncated"}
    assert "canary" not in gateway.log


@pytest.mark.parametrize(
    "step",
    [
        {"raw": f"<html>{CANARY}</html>"},
        {"raw": ""},
        {"raw": f'data: {{"candidates": [{{"content": "{CANARY}\n\n'},
        {"raw": "data: 7\n\n"},
        {"chunks": []},
        {"chunks": [{"candidates": 7}]},
        {"chunks": [], "cut_after": 0},
    ],
    ids=["HTML", "empty", "half an object", "a number", "no chunks", "another type", "cut"],
)
def test_an_invalid_upstream_stream_is_an_error(http: httpx2.Client, emulator: Emulator, step: dict[str, Any]) -> None:
    emulator.script(step)
    response = http.post(CHAT, json=chat_body(stream=True))

    if response.status_code == 200:
        [*_, last] = lines(response.text)
        assert '"error"' in last
    else:
        assert response.status_code == 502
        error_of(response)
    assert "[DONE]" not in response.text
    assert "canary" not in response.text
    assert usage_of(response.headers).status in {"upstream_error", "truncated"}


def test_unknown_upstream_fields_and_values_are_ignored(http: httpx2.Client, emulator: Emulator) -> None:
    candidate = {"content": {"role": "model", "parts": [{"text": "Yes.", "newPart": 1}], "new": 1}, "index": 0}
    usage = {"promptTokenCount": 3, "newTokens": {"a": 1}, "candidatesTokenCount": 1, "totalTokenCount": 4}
    ended = candidate | {"finishReason": "A_REASON_OF_NEXT_YEAR", "newField": [1]}
    emulator.script({"body": {"candidates": [ended], "usageMetadata": usage, "newThing": {}}})
    response = http.post(CHAT, json=chat_body())

    [choice] = response.json()["choices"]
    assert choice["message"]["content"] == "Yes."
    assert choice["finish_reason"] in {"stop", "length", "content_filter"}
    assert usage_of(response.headers).native_finish_reason == "A_REASON_OF_NEXT_YEAR"


@pytest.mark.parametrize("stream", [False, True])
def test_a_blocked_prompt_has_the_finish_reason_content_filter(
    http: httpx2.Client, emulator: Emulator, stream: bool
) -> None:
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 3}}
    emulator.script({"chunks": [blocked]} if stream else {"body": blocked})
    response = http.post(CHAT, json=chat_body(stream=stream))

    assert response.status_code == 200
    assert '"finish_reason":"content_filter"' in response.text
    record = usage_of(response.headers)
    assert (record.status, record.native_finish_reason) == ("blocked", "PROHIBITED_CONTENT")


@pytest.mark.parametrize("stream", [False, True])
def test_responses_beyond_the_size_limit_are_not_read(http: httpx2.Client, emulator: Emulator, stream: bool) -> None:
    text = "x" * ((25 if stream else 45) * MEGABYTE)
    emulator.script({"raw": f'data: {{"candidates": "{text}"}}\n\n' if stream else f'{{"candidates": "{text}"}}'})
    response = http.post(CHAT, json=chat_body(stream=stream))

    assert (response.status_code == 502) != stream or '"error"' in response.text
    assert len(response.content) < 10_000
    assert http.get("/healthz").status_code == 200


@pytest.fixture
def impatient(impatient_gateway: LiveGateway) -> Iterator[httpx2.Client]:
    """A client of the gateway with short deadlines: first byte and idle 1.5 s, total 4 s."""
    with httpx2.Client(base_url=impatient_gateway.origin, timeout=20, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("step", [{"hang": True}, {"delay": 30}], ids=["hangs", "is slow"])
def test_an_upstream_without_a_head_is_a_504(
    impatient: httpx2.Client, emulator: Emulator, step: dict[str, Any], stream: bool
) -> None:
    emulator.script(step)
    began = monotonic()
    response = impatient.post(CHAT, json=chat_body(stream=stream))

    assert 1 < monotonic() - began < 3
    assert response.status_code == 504
    assert error_of(response)["code"] == "upstream_timeout"
    assert eventually(lambda: emulator.received()[0]["cancelled"])
    assert usage_of(response.headers).status == "timeout"


def test_a_silent_upstream_stream_ends_with_an_error_event(impatient: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({"hang_after": 2})
    began = monotonic()
    response = impatient.post(CHAT, json=chat_body("Tell me a story", stream=True))

    assert 1 < monotonic() - began < 4
    *_, last = lines(response.text)
    assert '"code":"upstream_timeout"' in last
    assert "[DONE]" not in response.text
    assert eventually(lambda: emulator.received()[0]["cancelled"])
    assert usage_of(response.headers).status == "timeout"


def test_an_endless_slow_stream_ends_at_the_total_deadline(impatient: httpx2.Client, emulator: Emulator) -> None:
    dribble = {"candidates": [{"content": {"role": "model", "parts": [{"text": "."}]}, "index": 0}]}
    emulator.script({"chunks": [dribble] * 200, "gap": 0.1})
    began = monotonic()
    response = impatient.post(CHAT, json=chat_body(stream=True))

    assert 3 < monotonic() - began < 7
    *_, last = lines(response.text)
    assert '"code":"upstream_timeout"' in last
    assert eventually(lambda: emulator.received()[0]["cancelled"])


def test_a_refused_connection_to_gemini_is_a_502(django_db_setup: None) -> None:
    with LiveGateway.start(upstream="http://127.0.0.1:9") as gateway:
        response = httpx2.post(f"{gateway.base_url}/chat/completions", json=chat_body(), timeout=20, trust_env=False)

        assert response.status_code == 503
        assert error_of(response)["code"] == "upstream_unreachable"
        assert "overloaded" not in response.text
        assert "127.0.0.1" not in response.text
        assert usage_of(response.headers).status == "upstream_error"
