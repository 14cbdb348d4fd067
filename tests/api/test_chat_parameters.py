"""Chat parameters from the client to Gemini and back: the sent body, the response, the record."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from api.translate.candidates.fingerprint import system_fingerprint
from sessions_store.models import Message, UpstreamModel
from tests.api.sessions import ask
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, GEMINI_3, GEMINI_25, chat_body, chat_message, error_of, events, fresh, lines, usage_of
from tests.live_gateway import LiveGateway

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}

pytestmark = [pytest.mark.usefixtures("live_db"), pytest.mark.portable]


@pytest.fixture
def flash() -> Iterator[UpstreamModel]:
    """The catalogue row of the requested model, restored afterwards."""
    row = UpstreamModel.objects.get(name=GEMINI_25)
    before = (row.logprobs, dict(row.thinking_budgets))
    yield row
    row.logprobs, row.thinking_budgets = before
    row.save()


def check_sources(text: str, annotations: Any) -> None:
    """Check that each annotation covers a sentence of the text, in characters."""
    assert not text.isascii()
    assert len(annotations) > 1
    for annotation in annotations:
        citation = annotation.url_citation
        sentence = text[citation.start_index : citation.end_index]
        assert sentence
        assert text.encode().index(sentence.encode()) >= citation.start_index
        assert (sentence[-1] in ".!?:”") or citation.end_index == len(text)
        assert citation.url.startswith("https://example.com/source/")


def test_a_web_search_has_sources_with_character_offsets(client: OpenAI, emulator: Emulator) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model=GEMINI_3, messages=[chat_message("Was weißt du über Enten? Erzähle es. Bitte!")], web_search_options={}
    )
    [body] = emulator.bodies()
    assert body["tools"] == [{"googleSearch": {}}]
    message = raw.parse().choices[0].message
    check_sources(message.content or "", message.annotations)


def test_a_streamed_web_search_has_sources(client: OpenAI, emulator: Emulator) -> None:
    with client.chat.completions.stream(
        model=GEMINI_25, messages=[chat_message("Was weißt du über Enten? Erzähle es. Bitte!")], web_search_options={}
    ) as stream:
        message = stream.get_final_completion().choices[0].message
    check_sources(message.content or "", message.annotations)


@pytest.mark.parametrize("stream", [False, True])
def test_the_tier_is_requested_returned_and_recorded(http: httpx2.Client, emulator: Emulator, stream: bool) -> None:
    response = http.post(CHAT, json=chat_body(service_tier="flex", stream=stream))
    [body] = emulator.bodies()
    assert body["serviceTier"] == "flex"
    responses = events(response) if stream else [response.json()]
    assert {answer["service_tier"] for answer in responses} == {"flex"}
    assert {answer["system_fingerprint"] for answer in responses} == {system_fingerprint(GEMINI_25)}
    assert usage_of(response.headers).service_tier == "flex"


@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
def test_thoughts_stream_before_the_text(http: httpx2.Client, emulator: Emulator, model: str) -> None:
    response = http.post(CHAT, json=chat_body(model=model, reasoning={"effort": "medium"}, stream=True))
    deltas = [event["choices"][0]["delta"] for event in events(response)]
    kinds = [kind for delta in deltas for kind in ("reasoning_content", "content") if delta.get(kind)]
    assert kinds[0] == "reasoning_content"
    assert kinds == sorted(kinds, reverse=True)
    assert all(delta["reasoning"] == delta["reasoning_content"] for delta in deltas if "reasoning_content" in delta)
    [body] = emulator.bodies()
    assert body["generationConfig"]["thinkingConfig"]["includeThoughts"] is True


def test_thoughts_are_sent_only_on_demand(http: httpx2.Client, emulator: Emulator) -> None:
    message = http.post(CHAT, json=chat_body(model=GEMINI_3)).json()["choices"][0]["message"]
    assert not {"reasoning", "reasoning_content"} & message.keys()


def thought(text: str) -> dict[str, Any]:
    """Return a chunk with a thought only."""
    return {"candidates": [{"content": {"parts": [{"text": text, "thought": True}], "role": "model"}}]}


def test_a_stream_of_hidden_thoughts_is_kept_alive(impatient_gateway: LiveGateway, emulator: Emulator) -> None:
    done = {"candidates": [{"content": {"parts": [{"text": "Hi"}], "role": "model"}, "finishReason": "STOP"}]}
    emulator.script({"chunks": [*(thought(f"{number} ") for number in range(8)), done], "gap": 0.1})
    wish = {"exclude": True}
    with httpx2.Client(base_url=impatient_gateway.origin, timeout=10, trust_env=False) as http:
        text = http.post(CHAT, json=chat_body(stream=True, reasoning=wish)).text
    assert text.count(": keep-alive") >= 2
    assert text.index(": keep-alive") < text.index("Hi")
    assert "reasoning" not in "".join(lines(text))


def test_the_budget_of_an_effort_comes_from_the_catalogue(
    http: httpx2.Client, emulator: Emulator, flash: UpstreamModel
) -> None:
    flash.thinking_budgets["low"] = 777
    flash.save()
    http.post(CHAT, json=chat_body(reasoning_effort="low"))
    [body] = emulator.bodies()
    assert body["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 777


def test_log_probabilities_are_sent_if_the_catalogue_allows(
    client: OpenAI, emulator: Emulator, flash: UpstreamModel
) -> None:
    flash.logprobs = True
    flash.save()
    chosen = [{"token": "Hi", "logProbability": -0.25}]
    top = [{"candidates": [*chosen, {"token": "Yo", "logProbability": -2}]}]
    candidate = {
        "content": {"parts": [{"text": "Hi"}], "role": "model"},
        "finishReason": "STOP",
        "logprobsResult": {"chosenCandidates": chosen, "topCandidates": top},
    }
    emulator.script({"body": {"candidates": [candidate]}})
    completion = client.chat.completions.create(
        model=GEMINI_25, messages=[chat_message("Hello!")], logprobs=True, top_logprobs=2
    )
    logprobs = completion.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    [entry] = logprobs.content
    assert (entry.token, entry.logprob, entry.bytes) == ("Hi", -0.25, [72, 105])
    assert [alternative.token for alternative in entry.top_logprobs] == ["Hi", "Yo"]
    [body] = emulator.bodies()
    assert body["generationConfig"] == {"responseLogprobs": True, "logprobs": 2}


def test_unsupported_log_probabilities_are_noted(http: httpx2.Client, emulator: Emulator) -> None:
    response = http.post(CHAT, json=chat_body(logprobs=True))
    assert response.json()["choices"][0]["logprobs"] is None
    assert "dropped logprobs" in response.headers["x-gateway-notes"]
    assert ["dropped", "logprobs", "not supported by this model"] in usage_of(response.headers).notes


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"logit_bias": {"1": 5}}, "logit_bias"),
        ({"extra_body": {"google": {"generation_config": {}}}}, "google.generation_config"),
        (
            {"tools": [{"type": "custom", "custom": {"name": "sql", "format": {"type": "sql"}}}]},
            "tools[0].custom.format.type",
        ),
    ],
)
def test_an_impossible_parameter_is_rejected_by_name(
    http: httpx2.Client, emulator: Emulator, changes: dict[str, Any], param: str
) -> None:
    response = http.post(CHAT, json=chat_body(**changes))
    assert response.status_code == 400
    assert error_of(response)["param"] == param
    assert emulator.received() == []


def test_rule_034_signatures_of_another_account_are_left_out(
    http: httpx2.Client, emulator: Emulator, user: str
) -> None:
    ask(http, user, "My name is Ada.", model=GEMINI_3)
    responses = Message.objects.filter(role="assistant", parent__openai__contains="My name is Ada.")
    assert responses.exclude(account="").exists()
    responses.update(account="somebody else's")

    last = ask(http, user, "What is my name?", model=GEMINI_3)

    assert len(emulator.received()) == 2  # no call was rejected and retried
    *_, sent = emulator.bodies()
    assert "thoughtSignature" not in str(sent)
    assert "written under another Gemini account" in last.headers["x-gateway-notes"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_retry_without_signatures_is_recorded_as_sent(
    http: httpx2.Client, emulator: Emulator, user: str, stream: bool
) -> None:
    ask(http, user, "My name is Ada.", model=GEMINI_3)
    error = {"code": 400, "message": "Corrupted thought signature.", "status": "INVALID_ARGUMENT"}
    emulator.script({"match": {"contains": "my name"}, "status": 400, "body": {"error": error}})

    body = chat_body("What is my name?", model=GEMINI_3, user=user, stream=stream)
    last = http.post(CHAT, json=body)

    *_, rejected, sent = emulator.bodies()
    assert "thoughtSignature" in str(rejected)
    assert "thoughtSignature" not in str(sent)
    usage = usage_of(last.headers)
    assert usage.attempts == 2
    assert usage.upstream_request is not None
    assert "withoutThoughtSignatures" in usage.upstream_request.body


def test_rule_066_thoughts_that_use_up_the_limit_have_a_note(http: httpx2.Client, emulator: Emulator) -> None:
    response = http.post(CHAT, json=chat_body(model=GEMINI_3, max_tokens=1, reasoning_effort="high"))
    [choice] = response.json()["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("length", "")
    assert "reasoning used" in response.headers["x-gateway-notes"]


@pytest.mark.parametrize("error", [{"cut_after": 2}, {"error_in_stream": {"error": {"code": 503}}, "error_after": 2}])
def test_rule_093_a_begun_response_is_not_retried(
    http: httpx2.Client, emulator: Emulator, error: dict[str, Any]
) -> None:
    emulator.script(error)
    response = http.post(CHAT, json=chat_body("Count to 20", stream=True))
    assert "[DONE]" not in response.text
    assert len(emulator.received()) == usage_of(response.headers).attempts == 1


def test_rule_037_a_result_may_be_sent_to_another_process(
    http: httpx2.Client, impatient_gateway: LiveGateway, emulator: Emulator
) -> None:
    question = {"role": "user", "content": f"What is the weather in Paris? ({fresh('asked')})"}
    asked = chat_body(model=GEMINI_3, messages=[question], tools=[WEATHER])
    [call] = http.post(CHAT, json=asked).json()["choices"][0]["message"]["tool_calls"]
    plain = {name: call[name] for name in ("id", "type", "function")}
    messages = [
        question,
        {"role": "assistant", "tool_calls": [plain]},
        {"role": "tool", "tool_call_id": call["id"], "content": "21 degrees"},
    ]
    with httpx2.Client(base_url=impatient_gateway.origin, timeout=10, trust_env=False) as other:
        response = other.post(CHAT, json={**asked, "messages": messages})

    assert "21 degrees" in response.json()["choices"][0]["message"]["content"]
    *_, sent = emulator.bodies()
    [part] = sent["contents"][1]["parts"]
    assert part["thoughtSignature"] == call["extra_content"]["google"]["thought_signature"]
