"""Empty responses of Gemini: one retry, then an error that a client can handle."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI
from websockets.sync.client import connect

from sessions_store.models import UsageRecord
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, COMPLETIONS, GEMINI_3, chat_body, error_in, events, lines, unread, usage_of
from tests.live_gateway import LiveGateway
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("live_db")

RESPONSES = "/v1/responses"
ENDS = ("response.completed", "response.failed", "response.incomplete", "error")
USED = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
THOUGHT: dict[str, Any] = {"text": "Hm.", "thought": True}
CALL: dict[str, Any] = {"functionCall": {"name": "look", "args": {}}}


def answer(*candidates: dict[str, Any]) -> dict[str, Any]:
    return {"candidates": list(candidates), "usageMetadata": USED, "modelVersion": "gemini-2.5-flash"}


def candidate(*parts: dict[str, Any], finish: str | None = "STOP", index: int = 0) -> dict[str, Any]:
    made: dict[str, Any] = {"index": index}
    if parts:
        made["content"] = {"role": "model", "parts": list(parts)}
    return made | ({"finishReason": finish} if finish else {})


GOOD = answer(candidate({"text": "Four."}))
EMPTY: dict[str, dict[str, Any]] = {
    **{
        reason: answer(candidate(finish=reason))
        for reason in (
            "MALFORMED_FUNCTION_CALL",
            "UNEXPECTED_TOOL_CALL",
            "MALFORMED_RESPONSE",
            "TOO_MANY_TOOL_CALLS",
            "MISSING_THOUGHT_SIGNATURE",
            "OTHER",
            "A_REASON_OF_NEXT_YEAR",
            "STOP",
        )
    },
    "empty text": answer(candidate({"text": ""})),
    "a signature": answer(candidate({"text": "", "thoughtSignature": "c2ln"})),
    "no candidate": answer(),
    "no end": answer(candidate(finish=None)),
}


def step(body: Any, *, stream: bool) -> dict[str, Any]:
    return {"chunks": [body]} if stream else {"body": body}


@pytest.fixture(params=[False, True], ids=["plain", "stream"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module")
def once(django_db_setup: None, emulator_url: str) -> Iterator[httpx2.Client]:
    """A client of a gateway without retries."""
    yield from client_of(emulator_url, EMPTY_ANSWER_RETRIES="0")


@pytest.fixture(scope="module")
def hasty(django_db_setup: None, emulator_url: str) -> Iterator[httpx2.Client]:
    """A client of a gateway with a timeout of two seconds for all attempts together."""
    yield from client_of(emulator_url, TOTAL_TIMEOUT="2")


def client_of(emulator_url: str, **settings: str) -> Iterator[httpx2.Client]:
    """Yield a client of a gateway with these settings."""
    with (
        LiveGateway.start(upstream=emulator_url, settings=settings) as server,
        httpx2.Client(base_url=server.origin, timeout=20.0) as client,
    ):
        yield client


def ask(http: httpx2.Client, path: str, *, stream: bool, **changes: Any) -> httpx2.Response:
    asked = {"prompt": "Two and two?"} if path == COMPLETIONS else {"input": "Two and two?"}
    body = chat_body(**changes) if path == CHAT else {"model": "gemini-2.5-flash", **asked, **changes}
    return http.post(path, json={**body, "stream": stream})


def complete_text(response: httpx2.Response, path: str, *, stream: bool) -> str:
    """Return the text of a complete response."""
    if path == RESPONSES:
        whole = response_of(response, stream=stream)
        assert whole["status"] == "completed"
        return "".join(part["text"] for item in whole["output"] for part in item["content"])
    chunks = events(response) if stream else [response.json()]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    shown = [choice.get("delta") or choice.get("message") or {"content": choice.get("text")} for choice in choices]
    return "".join(each.get("content") or "" for each in shown)


def response_of(response: httpx2.Response, *, stream: bool) -> dict[str, Any]:
    """Return the response object; of a stream, the object of the last event."""
    if not stream:
        return dict(response.json())
    *_, last = [line.removeprefix("data: ") for line in response.text.split("\n") if line.startswith("data: ")]
    return dict(json.loads(last)["response"])


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS, RESPONSES])
@pytest.mark.parametrize("body", EMPTY.values(), ids=EMPTY)
def test_an_empty_response_is_retried(
    http: httpx2.Client, emulator: Emulator, body: dict[str, Any], path: str, *, stream: bool
) -> None:
    emulator.script(step(body, stream=stream), step(GOOD, stream=stream))
    response = ask(http, path, stream=stream)

    assert response.status_code == 200
    assert complete_text(response, path, stream=stream) == "Four."
    first, second = emulator.bodies()
    assert first == second
    assert "dropped answer: Gemini returned an empty response (" in response.headers["x-gateway-notes"]
    record = usage_of(response.headers)
    assert (record.status, record.attempts, record.prompt_tokens, record.completion_tokens) == ("ok", 2, 20, 10)
    assert record.usage_metadata == [USED, USED]
    assert any("request repeated" in note[2] for note in record.notes)


def test_an_empty_body_is_retried(http: httpx2.Client, emulator: Emulator, *, stream: bool) -> None:
    for path in (CHAT, COMPLETIONS, RESPONSES):
        emulator.script(step({}, stream=stream), step(GOOD, stream=stream))
        response = ask(http, path, stream=stream)
        assert complete_text(response, path, stream=stream) == "Four."
        assert "(no reason): request repeated" in response.headers["x-gateway-notes"]


@pytest.mark.parametrize("body", EMPTY.values(), ids=EMPTY)
def test_a_response_that_stays_empty_is_an_error(
    http: httpx2.Client, emulator: Emulator, body: dict[str, Any], *, stream: bool
) -> None:
    for path in (CHAT, COMPLETIONS):
        emulator.reset()
        emulator.script(*[step(body, stream=stream)] * 2)
        response = ask(http, path, stream=stream)

        assert len(emulator.received()) == 2
        if stream:
            *_, last = lines(response.text)
            assert "[DONE]" not in response.text
            assert '"finish_reason":"' not in response.text
        else:
            assert response.status_code == 502
            last = response.text
        error = error_in(json.loads(last.removeprefix("data: ")))
        assert (error["type"], error["code"]) == ("server_error", "upstream_empty_answer")
        record = usage_of(response.headers)
        assert (record.status, record.error_code) == ("upstream_error", "upstream_empty_answer")
        assert (record.attempts, record.total_tokens, record.finish_reason) == (2, 30, "")


@pytest.mark.parametrize("body", EMPTY.values(), ids=EMPTY)
def test_a_response_object_that_stays_empty_is_failed(
    http: httpx2.Client, emulator: Emulator, body: dict[str, Any], *, stream: bool
) -> None:
    emulator.script(*[step(body, stream=stream)] * 2)
    response = ask(http, RESPONSES, stream=stream)

    assert response.status_code == 200
    failed = response_of(response, stream=stream)
    assert (failed["status"], failed["error"]["code"], failed["completed_at"]) == ("failed", "server_error", None)
    assert failed["usage"]["total_tokens"] == 30
    assert http.get(f"{RESPONSES}/{failed['id']}").json() == failed
    assert usage_of(response.headers).status == "upstream_error"


def test_a_client_continues_a_failed_response(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script(*[{"body": EMPTY["STOP"]}] * 2)
    failed = ask(http, RESPONSES, stream=False).json()
    response = ask(http, RESPONSES, stream=False, previous_response_id=failed["id"])

    assert response.json()["status"] == "completed"
    *_, last = emulator.bodies()
    assert all(content["parts"] for content in last["contents"])


def test_an_empty_background_response_is_retried(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({"chunks": [EMPTY["STOP"]]}, {"chunks": [GOOD]})
    response = ask(http, RESPONSES, stream=True, background=True)

    assert response_of(response, stream=True)["status"] == "completed"
    assert len(emulator.received()) == 2


def test_a_background_response_that_stays_empty_is_failed(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script(*[{"chunks": [EMPTY["MALFORMED_FUNCTION_CALL"]]}] * 2)
    failed = response_of(ask(http, RESPONSES, stream=True, background=True), stream=True)

    assert (failed["status"], failed["error"]["code"]) == ("failed", "server_error")
    assert http.get(f"{RESPONSES}/{failed['id']}").json()["status"] == "failed"


def test_openais_client_raises_for_an_empty_response(client: OpenAI, emulator: Emulator, *, stream: bool) -> None:
    emulator.script(*[step(EMPTY["UNEXPECTED_TOOL_CALL"], stream=stream)] * 2)
    with pytest.raises(openai.APIError, match="UNEXPECTED_TOOL_CALL"):
        list(client.chat.completions.create(model="gemini-2.5-flash", messages=chat_body()["messages"], stream=stream))


def test_thoughts_alone_in_a_plain_response_are_retried(http: httpx2.Client, emulator: Emulator) -> None:
    for path in (CHAT, RESPONSES):
        emulator.script({"body": answer(candidate(THOUGHT))}, {"body": GOOD})
        response = ask(http, path, stream=False)
        assert complete_text(response, path, stream=False) == "Four."
        assert "Hm." not in response.text


def test_a_stream_with_sent_thoughts_is_not_retried(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({"chunks": [answer(candidate(THOUGHT, finish=None)), EMPTY["STOP"]]})
    response = ask(http, CHAT, stream=True)

    assert "Hm." in response.text
    *_, last = lines(response.text)
    assert error_in(json.loads(last.removeprefix("data: ")))["code"] == "upstream_empty_answer"
    assert len(emulator.received()) == 1


def test_hidden_thoughts_alone_are_an_empty_response(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({"chunks": [answer(candidate(THOUGHT, finish=None)), EMPTY["STOP"]]}, {"chunks": [GOOD]})
    response = ask(http, CHAT, stream=True, reasoning={"exclude": True})

    assert complete_text(response, CHAT, stream=True) == "Four."
    assert len(emulator.received()) == 2


@pytest.mark.parametrize(
    ("finish", "reason", "incomplete"),
    [("MAX_TOKENS", "length", "max_output_tokens"), ("SAFETY", "content_filter", "content_filter")],
)
def test_limits_and_filters_are_not_retried(
    http: httpx2.Client, emulator: Emulator, finish: str, reason: str, incomplete: str, *, stream: bool
) -> None:
    emulator.script(*[step(answer(candidate(THOUGHT, finish=finish)), stream=stream)] * 2)
    chat = ask(http, CHAT, stream=stream)
    assert f'"finish_reason":"{reason}"' in chat.text
    whole = response_of(ask(http, RESPONSES, stream=stream), stream=stream)
    assert (whole["status"], whole["incomplete_details"]) == ("incomplete", {"reason": incomplete})
    assert len(emulator.received()) == 2


def test_a_lost_call_is_retried(http: httpx2.Client, emulator: Emulator) -> None:
    lost = answer(candidate({"text": "Let me look."}, finish="MALFORMED_FUNCTION_CALL"))
    emulator.script({"body": lost}, {"body": GOOD}, {"chunks": [lost]}, {"body": lost}, {"body": lost})

    assert complete_text(ask(http, CHAT, stream=False), CHAT, stream=False) == "Four."
    streamed = ask(http, CHAT, stream=True)
    assert "Let me look." in streamed.text
    assert "upstream_malformed_answer" in streamed.text
    failed = ask(http, RESPONSES, stream=False).json()
    assert (failed["status"], failed["output"][0]["content"][0]["text"]) == ("failed", "Let me look.")


def test_calls_beside_a_lost_call_are_returned(http: httpx2.Client, emulator: Emulator, *, stream: bool) -> None:
    emulator.script(step(answer(candidate(CALL, finish="MALFORMED_FUNCTION_CALL")), stream=stream))
    response = ask(http, CHAT, stream=stream)

    assert '"finish_reason":"tool_calls"' in response.text
    assert len(emulator.received()) == 1


def test_a_response_with_stop_sequences_may_be_empty(http: httpx2.Client, emulator: Emulator, *, stream: bool) -> None:
    emulator.script(step(EMPTY["STOP"], stream=stream))
    response = ask(http, COMPLETIONS, stream=stream, stop=["\n"])

    assert '"finish_reason":"stop"' in response.text
    assert len(emulator.received()) == 1


def test_only_the_empty_candidates_are_replaced(http: httpx2.Client, emulator: Emulator) -> None:
    first = answer(candidate({"text": "One."}), candidate(finish="OTHER", index=1))
    second = answer(candidate({"text": "Uno."}), candidate({"text": "Two."}, index=1))
    emulator.script({"body": first}, {"body": second})
    response = ask(http, CHAT, stream=False, n=2)

    assert [choice["message"]["content"] for choice in response.json()["choices"]] == ["One.", "Two."]
    assert usage_of(response.headers).total_tokens == 30


def test_only_the_empty_calls_of_several_are_retried(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({"body": GOOD}, {"body": EMPTY["STOP"]}, {"body": GOOD})
    response = ask(http, CHAT, stream=False, n=2, model=GEMINI_3)

    assert [choice["message"]["content"] for choice in response.json()["choices"]] == ["Four.", "Four."]
    assert usage_of(response.headers).attempts == 3


def test_a_candidate_that_stays_empty_fails_the_response(
    http: httpx2.Client, emulator: Emulator, *, stream: bool
) -> None:
    mixed = answer(candidate({"text": "One."}), candidate(finish="OTHER", index=1))
    emulator.script(*[step(mixed, stream=stream)] * 2)
    response = ask(http, CHAT, stream=stream, n=2)

    assert "upstream_empty_answer" in response.text
    assert len(emulator.received()) == (1 if stream else 2)


def test_all_streams_of_several_calls_are_retried(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script(*[{"chunks": [EMPTY["STOP"]]}] * 2, *[{"chunks": [GOOD]}] * 2)
    response = ask(http, CHAT, stream=True, n=2, model=GEMINI_3)

    assert complete_text(response, CHAT, stream=True) == "Four.Four."
    record = usage_of(response.headers)
    assert (record.attempts, record.total_tokens) == (4, 60)


def test_an_error_of_the_retry_is_returned(http: httpx2.Client, emulator: Emulator, *, stream: bool) -> None:
    refusal = {"status": 429, "body": {"error": {"code": 429, "message": "", "status": "RESOURCE_EXHAUSTED"}}}
    emulator.script(step(EMPTY["STOP"], stream=stream), refusal)
    response = ask(http, CHAT, stream=stream)

    assert response.status_code == 429
    record = usage_of(response.headers)
    assert (record.status, record.attempts, record.total_tokens) == ("rate_limited", 2, 15)
    assert record.cost_nano > 0


def test_withheld_chunks_of_a_broken_stream_are_counted(http: httpx2.Client, emulator: Emulator) -> None:
    fault = {"error": {"code": 503, "message": "", "status": "UNAVAILABLE"}}
    emulator.script({"chunks": [EMPTY["no end"]], "error_in_stream": fault})
    response = ask(http, CHAT, stream=True)

    assert "server_is_overloaded" in response.text
    record = usage_of(response.headers)
    assert (record.attempts, record.total_tokens) == (1, 15)


def test_the_retry_keeps_the_total_deadline(hasty: httpx2.Client, emulator: Emulator, *, stream: bool) -> None:
    tries = ((EMPTY["STOP"], {"delay": 0.1}), (GOOD, {"hold": True}))
    emulator.script(*[step(body, stream=stream) | wait for body, wait in tries])
    response = ask(hasty, CHAT, stream=stream)

    assert "upstream_timeout" in response.text
    assert usage_of(response.headers).total_tokens == 15


def test_a_disconnect_during_the_retry_is_recorded_with_both_attempts(gateway: LiveGateway, emulator: Emulator) -> None:
    before = set(UsageRecord.objects.values_list("id", flat=True))
    emulator.script({"body": EMPTY["STOP"]}, {"hang": True})
    with unread(gateway, chat_body()):
        eventually(lambda: len(emulator.received()) == 2)

    record = eventually(lambda: UsageRecord.objects.exclude(id__in=before).first())
    assert (record.status, record.attempts, record.total_tokens) == ("client_closed", 2, 15)


def test_the_retry_can_be_disabled(once: httpx2.Client, emulator: Emulator, *, stream: bool) -> None:
    emulator.script(step(EMPTY["STOP"], stream=stream))
    response = ask(once, CHAT, stream=stream)

    assert "upstream_empty_answer" in response.text
    assert len(emulator.received()) == 1
    assert usage_of(response.headers).attempts == 1


def test_a_stream_is_kept_alive_during_the_retry(impatient_gateway: LiveGateway, emulator: Emulator) -> None:
    emulator.script({"chunks": [EMPTY["STOP"]]}, {"chunks": [GOOD], "delay": 1.0})
    with httpx2.Client(base_url=impatient_gateway.origin, timeout=20.0) as http:
        response = ask(http, CHAT, stream=True)

    assert response.text.startswith(": ")
    assert complete_text(response, CHAT, stream=True) == "Four."


def test_an_empty_websocket_response_is_retried_and_then_failed(gateway: LiveGateway, emulator: Emulator) -> None:
    frame = json.dumps({"type": "response.create", "model": "gemini-2.5-flash", "input": "Two and two?"})
    emulator.script(*[{"chunks": [EMPTY["OTHER"]]}] * 2, {"chunks": [EMPTY["OTHER"]]}, {"chunks": [GOOD]})
    ends = []
    with connect(f"{gateway.base_url.replace('http', 'ws')}/responses") as socket:
        for _ in range(2):
            socket.send(frame)
            while (event := json.loads(socket.recv(timeout=20)))["type"] not in ENDS:
                pass
            ends.append(event["type"])
    assert ends == ["response.failed", "response.completed"]
