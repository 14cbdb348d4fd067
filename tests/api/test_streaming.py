"""Streams: the order of chunks, the end, keep-alives while the model thinks, and broken streams."""

import json
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionChunk

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
    events,
    fresh,
    lines,
    unread,
    usage_of,
)
from tests.live_gateway import LiveGateway
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("live_db")

QUOTA = {
    "error": {
        "code": 429,
        "message": "You exceeded your current quota.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "6.2s"}],
    }
}
OVERLOADED = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


def uncounted_chunk(text: str, **more: Any) -> dict[str, Any]:
    """Return one chunk of a scripted Gemini stream."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    return {"candidates": [candidate | more], "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}}


@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
def test_the_chunks_of_a_stream_have_openais_order(http: httpx2.Client, emulator: Emulator, model: str) -> None:
    response = http.post(CHAT, json=chat_body("Tell me a story", model=model, stream=True))

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-store, no-transform"
    assert response.headers["x-accel-buffering"] == "no"
    chunks = [ChatCompletionChunk.model_validate(event) for event in events(response)]
    assert len({(chunk.id, chunk.created, chunk.model, chunk.object) for chunk in chunks}) == 1
    assert chunks[0].model == model
    first, *middle, last = [chunk.choices[0] for chunk in chunks]
    assert first.delta.role == "assistant"
    assert {choice.delta.role for choice in middle} == {None}
    assert {choice.finish_reason for choice in (first, *middle)} == {None}
    assert last.finish_reason == "stop"
    assert last.delta.model_dump(exclude_unset=True) == {}
    assert "usage" not in response.text.replace('"usage":null', "")


def test_the_usage_is_sent_on_request_only(http: httpx2.Client, emulator: Emulator) -> None:
    asked = http.post(CHAT, json=chat_body(stream=True, stream_options={"include_usage": True}))
    rejected = http.post(CHAT, json=chat_body(stream=True, stream_options={"include_usage": False}))

    *chunks, last = events(asked)
    assert {chunk["usage"] for chunk in chunks} == {None}
    assert last["choices"] == []
    assert last["usage"]["prompt_tokens"] > 0
    assert last["usage"]["total_tokens"] == last["usage"]["prompt_tokens"] + last["usage"]["completion_tokens"]
    assert all(chunk.get("usage") is None and chunk["choices"] for chunk in events(rejected))
    record = usage_of(asked.headers)
    assert (record.prompt_tokens, record.total_tokens) == (
        last["usage"]["prompt_tokens"],
        last["usage"]["total_tokens"],
    )


def test_plain_and_streamed_responses_are_equal(http: httpx2.Client, emulator: Emulator) -> None:
    plain = http.post(CHAT, json=chat_body("Tell me a story")).json()
    streamed = events(http.post(CHAT, json=chat_body("Tell me a story", stream=True)))

    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in streamed)
    assert text == plain["choices"][0]["message"]["content"]
    assert streamed[-1]["choices"][0]["finish_reason"] == plain["choices"][0]["finish_reason"]


def test_thoughts_are_streamed_before_the_text(http: httpx2.Client, emulator: Emulator) -> None:
    thought = {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hm.", "thought": True}]}, "index": 0}]}
    emulator.script({"chunks": [thought, uncounted_chunk("Yes.", finishReason="STOP")]})

    deltas = [event["choices"][0]["delta"] for event in events(http.post(CHAT, json=chat_body(stream=True)))]

    assert deltas[0]["role"] == "assistant"
    assert [delta["reasoning_content"] for delta in deltas if "reasoning_content" in delta] == ["Hm."]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Yes."


def test_events_are_sent_one_by_one(gateway: LiveGateway, http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({"chunks": [uncounted_chunk("one"), uncounted_chunk("two", finishReason="STOP")], "hold_after": 1})
    with http.stream("POST", CHAT, json=chat_body(stream=True)) as response:
        received = response.iter_lines()
        first = next(received)
        emulator.release()
        rest = "".join(received)

    assert json.loads(first.removeprefix("data: "))["choices"][0]["delta"]["content"] == "one"
    assert "two" in rest


def test_keep_alive_comments_are_sent_while_the_model_thinks(
    impatient_gateway: LiveGateway, emulator: Emulator
) -> None:
    emulator.script(
        {
            "chunks": [uncounted_chunk("Hm."), uncounted_chunk("Yes.", finishReason="STOP")],
            "body_delay": 0.8,
            "gap": 0.8,
        }
    )
    url = f"{impatient_gateway.base_url}/chat/completions"
    response = httpx2.post(url, json=chat_body(stream=True), timeout=20, trust_env=False)

    before, between = response.text.split("Hm.")[0], response.text.split("Hm.")[1].split("Yes.")[0]
    assert before.startswith(": keep-alive\n\n")
    assert ": keep-alive\n\n" in between
    assert len(events(response)) >= 3


def test_openais_client_ignores_keep_alives(impatient_gateway: LiveGateway, emulator: Emulator) -> None:
    emulator.script({"chunks": [uncounted_chunk("Yes.", finishReason="STOP")], "body_delay": 0.8})
    with OpenAI(base_url=impatient_gateway.base_url, api_key="x", max_retries=0) as client:
        stream = client.chat.completions.create(model=GEMINI_25, messages=[chat_message("Hm?")], stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "Yes."


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
def test_a_429_before_the_first_chunk_is_a_429(http: httpx2.Client, emulator: Emulator, path: str) -> None:
    emulator.script({"status": 429, "body": QUOTA})
    body = {"model": GEMINI_25, "stream": True, "prompt": "Hello!"} if path == COMPLETIONS else chat_body(stream=True)

    response = http.post(path, json=body)

    assert response.status_code == 429
    assert response.headers["retry-after"] == "7"
    assert error_in(response.json())["code"] == "rate_limit_exceeded"
    record = usage_of(response.headers)
    assert (record.status, record.http_status, record.stream) == ("rate_limited", 429, True)


@pytest.mark.parametrize("step", [{"chunks": []}, {"raw": ""}], ids=["no chunks", "no byte"])
def test_a_stream_that_ends_before_it_begins_is_a_502(
    http: httpx2.Client, emulator: Emulator, step: dict[str, Any]
) -> None:
    emulator.script(step)
    response = http.post(CHAT, json=chat_body(stream=True))

    assert response.status_code == 502
    assert error_in(response.json())["code"] == "upstream_truncated"
    assert usage_of(response.headers).status == "truncated"


def test_an_error_of_one_of_several_calls_fails_the_request(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({}, {"status": 503, "body": OVERLOADED})

    response = http.post(CHAT, json=chat_body(model=GEMINI_3, n=2, stream=True))

    assert response.status_code == 503
    assert error_in(response.json())["type"] == "service_unavailable_error"


@pytest.mark.parametrize(
    ("stream", "other"), [(False, {"hang": True}), (True, {"hang": True}), (True, {"hang_after": 1})], ids=str
)
def test_an_error_of_one_of_several_calls_stops_the_others(
    http: httpx2.Client, emulator: Emulator, stream: bool, other: dict[str, Any]
) -> None:
    emulator.script(other, {"status": 503, "body": OVERLOADED, "hold": True})

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(http.post, CHAT, json=chat_body(model=GEMINI_3, n=2, stream=stream))
        eventually(lambda: [entry["chunks_sent"] for entry in emulator.received()] == [other.get("hang_after", 0), 0])
        emulator.release()
        assert asked.result().status_code == 503

    def cancelled() -> bool:
        return sorted(bool(entry["cancelled"]) for entry in emulator.received()) == [False, True]

    assert eventually(cancelled)


BREAKS: dict[str, tuple[dict[str, Any], str, str]] = {
    "error in the stream": (
        {"error_in_stream": OVERLOADED, "error_after": 2},
        "upstream_error",
        "server_is_overloaded",
    ),
    "bare error in the stream": (
        {"error_in_stream": OVERLOADED, "error_after": 2, "bare_error": True},
        "upstream_error",
        "server_is_overloaded",
    ),
    "quota in the stream": ({"error_in_stream": QUOTA, "error_after": 2}, "rate_limited", "rate_limit_exceeded"),
    "cut": ({"cut_after": 3}, "upstream_error", "upstream_error"),
    "no finish reason": ({"no_finish": True}, "truncated", "upstream_truncated"),
}


@pytest.mark.parametrize(("step", "status", "code"), BREAKS.values(), ids=BREAKS.keys())
def test_a_broken_stream_ends_with_an_error_event(
    http: httpx2.Client, emulator: Emulator, step: dict[str, Any], status: str, code: str
) -> None:
    emulator.script(step)
    response = http.post(CHAT, json=chat_body("Tell me a story", stream=True))

    assert response.status_code == 200
    *chunks, last = [json.loads(line.removeprefix("data: ")) for line in lines(response.text)]
    assert "[DONE]" not in response.text
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert {chunk["choices"][0]["finish_reason"] for chunk in chunks} == {None}
    error = error_in(last)
    assert error["code"] == code
    assert "The model is overloaded." not in error["message"]
    record = usage_of(response.headers)
    assert record.status == status
    assert record.prompt_tokens > 0
    assert record.completion_tokens > 0
    assert record.estimated
    assert record.cost_nano > 0


def test_openais_client_raises_for_a_broken_stream(client: OpenAI, emulator: Emulator) -> None:
    emulator.script({"error_in_stream": OVERLOADED, "error_after": 2})
    stream = client.chat.completions.create(model=GEMINI_25, messages=[chat_message("Tell me a story")], stream=True)

    with pytest.raises(openai.APIError, match="overloaded"):
        list(stream)


def test_a_broken_choice_ends_the_whole_stream_with_an_error(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({}, {"cut_after": 2})
    response = http.post(CHAT, json=chat_body("Tell me a story", model=GEMINI_3, n=2, stream=True))

    *_, last = list(lines(response.text))
    assert error_in(json.loads(last.removeprefix("data: ")))["code"] == "upstream_error"
    assert "[DONE]" not in response.text


PROMPT = 5  # seconds until Gemini must see the disconnect; otherwise a held response would never end


def left(user: str) -> UsageRecord | None:
    """Wait for the record of the only exchange of a user and return it."""
    return UsageRecord.objects.filter(user=user).first()


def test_a_disconnect_inside_a_stream_stops_the_upstream_call_and_is_recorded(
    http: httpx2.Client, emulator: Emulator
) -> None:
    emulator.script({"hold_after": 12})
    user = fresh("leaver")
    with http.stream("POST", CHAT, json=chat_body("Tell me a story", stream=True, user=user)) as response:
        received = response.iter_lines()
        while "Once" not in next(received):
            pass
    gone = monotonic()

    entry = eventually(lambda: next((entry for entry in emulator.received() if entry["ended"]), None))
    assert entry["cancelled"]
    assert entry["ended"] - gone < PROMPT
    record = eventually(lambda: left(user))
    assert (record.status, record.http_status) == ("client_closed", 499)
    assert record.prompt_tokens > 0
    assert record.completion_tokens > 0
    assert record.cost_nano > 0
    assert record.estimated


@pytest.mark.parametrize("stream", [False, True])
def test_a_disconnect_before_the_first_byte_stops_the_upstream_call(
    gateway: LiveGateway, emulator: Emulator, stream: bool
) -> None:
    emulator.script({"hold": True})
    user = fresh("leaver")
    with unread(gateway, chat_body(stream=stream, user=user)):
        eventually(emulator.received)
    gone = monotonic()

    entry = eventually(lambda: next((entry for entry in emulator.received() if entry["ended"]), None))
    assert entry["cancelled"]
    assert entry["ended"] - gone < PROMPT
    record = eventually(lambda: left(user))
    assert (record.status, record.stream, record.completion_tokens) == ("client_closed", stream, 0)


def test_a_disconnect_cancels_every_parallel_call(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script(*[{"hold_after": 1}] * 3)
    with http.stream("POST", CHAT, json=chat_body("Tell me a story", model=GEMINI_3, n=3, stream=True)) as response:
        next(response.iter_lines())
        eventually(lambda: len(emulator.received()) == 3)

    def ended() -> list[dict[str, Any]] | None:
        entries = emulator.received()
        return entries if len(entries) == 3 and all(entry["ended"] for entry in entries) else None

    assert [entry["cancelled"] for entry in eventually(ended)] == [True] * 3
