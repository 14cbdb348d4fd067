"""OpenAI's client beyond the introductory examples: models, completions, choices, stop, usage, headers."""

from collections import defaultdict
from typing import Any

import pytest
from openai import NotFoundError, OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3, GEMINI_25, chat_message, usage_of

pytestmark = pytest.mark.usefixtures("live_db")


def test_models_are_listed(client: OpenAI) -> None:
    models = {model.id: model for model in client.models.list()}

    assert {"gpt-3.5-turbo", "gpt-4", "gpt-4-turbo", "gpt-4o", "gpt-4o-mini", GEMINI_25, GEMINI_3} <= models.keys()
    assert {model.object for model in models.values()} == {"model"}
    assert all(model.owned_by and model.created > 0 for model in models.values())
    assert not [name for name in models if "*" in name or name.startswith("models/")]
    assert "gemini-2.0-flash" not in models  # shut down


@pytest.mark.parametrize(
    "name",
    ["gpt-4", "gpt-4o-2024-08-06", GEMINI_25, f"models/{GEMINI_25}", "models/gemini-3.8-flash-001"],
)
def test_a_single_model_is_retrieved(client: OpenAI, name: str) -> None:
    response = client.models.with_raw_response.retrieve(name)  # the client encodes a slash as %2F

    model = response.parse()
    assert (model.id, model.object) == (name, "model")
    assert model.owned_by
    assert response.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("name", ["no-such-model", "models/no-such-model", "a/b/c"])
def test_an_unknown_model_is_a_404(client: OpenAI, name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        client.models.retrieve(name)

    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


@pytest.mark.parametrize(("model", "calls"), [(GEMINI_25, 1), (GEMINI_3, 3)])
def test_several_choices_are_returned(client: OpenAI, emulator: Emulator, model: str, calls: int) -> None:
    completion = client.chat.completions.create(model=model, messages=[chat_message("Count to 3")], n=3)

    assert [choice.index for choice in completion.choices] == [0, 1, 2]
    assert all("1, 2, 3." in (choice.message.content or "") for choice in completion.choices)
    assert {choice.finish_reason for choice in completion.choices} == {"stop"}
    sent = list(emulator.bodies())
    assert len(sent) == calls
    assert {body.get("generationConfig", {}).get("candidateCount", 1) for body in sent} == {3 // calls}


@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
def test_several_choices_are_streamed(client: OpenAI, emulator: Emulator, model: str) -> None:
    chunks = list(
        client.chat.completions.create(
            model=model,
            messages=[chat_message("Count to 3")],
            n=2,
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    texts: dict[int, str] = defaultdict(str)
    ends: dict[int, str] = {}
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        assert choice.index not in ends
        if choice.index not in texts:
            assert choice.delta.role == "assistant"
        texts[choice.index] += choice.delta.content or ""
        if choice.finish_reason:
            ends[choice.index] = choice.finish_reason
    assert ends == {0: "stop", 1: "stop"}
    assert all("1, 2, 3." in texts[index] for index in (0, 1))
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


def test_usage_of_parallel_calls_is_their_sum(client: OpenAI, emulator: Emulator) -> None:
    one = client.chat.completions.create(model=GEMINI_3, messages=[chat_message("Count to 3")])
    response = client.chat.completions.with_raw_response.create(
        model=GEMINI_3, messages=[chat_message("Count to 3")], n=2
    )

    both = response.parse()
    assert one.usage is not None
    assert both.usage is not None
    assert both.usage.prompt_tokens == 2 * one.usage.prompt_tokens
    assert both.usage.completion_tokens == 2 * one.usage.completion_tokens
    record = usage_of(response.headers)
    assert len(record.usage_metadata) == 2
    assert record.attempts == 2
    assert record.choices == 2


@pytest.mark.parametrize("stop", ["3", ["3", "four"]])
@pytest.mark.parametrize("stream", [False, True])
def test_a_stop_sequence_ends_the_text(client: OpenAI, emulator: Emulator, stop: Any, stream: bool) -> None:
    answer = client.chat.completions.create(
        model=GEMINI_25, messages=[chat_message("Count to 5")], stop=stop, stream=stream
    )

    text, reason = text_and_reason(answer)
    assert text.endswith("1, 2, ")
    assert reason == "stop"
    [sent] = emulator.bodies()
    assert sent["generationConfig"]["stopSequences"] == (["3"] if stop == "3" else stop)


@pytest.mark.parametrize("stream", [False, True])
def test_a_token_limit_ends_with_length(client: OpenAI, emulator: Emulator, stream: bool) -> None:
    answer = client.chat.completions.create(
        model="gemini-2.5-flash-lite",
        messages=[chat_message("Tell me a story")],
        max_completion_tokens=8,
        stream=stream,
    )

    text, reason = text_and_reason(answer)
    assert reason == "length"
    assert "The end." not in text
    [sent] = emulator.bodies()
    assert sent["generationConfig"]["maxOutputTokens"] == 8


def text_and_reason(answer: Any) -> tuple[str, str | None]:
    """Return text and finish reason of the only choice of a plain or streamed response."""
    if isinstance(answer, ChatCompletion):
        return answer.choices[0].message.content or "", answer.choices[0].finish_reason
    chunks: list[ChatCompletionChunk] = list(answer)
    assert [chunk for chunk in chunks if chunk.usage] == []
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    return text, chunks[-1].choices[0].finish_reason


def test_every_parameter_of_this_version_is_sent(client: OpenAI, emulator: Emulator) -> None:
    response = client.chat.completions.with_raw_response.create(
        model=GEMINI_25,
        messages=[chat_message("Be terse.", "developer"), chat_message("Hello!")],
        temperature=0.3,
        top_p=0.9,
        seed=7,
        max_tokens=500,
        presence_penalty=0.5,
        metadata={"project": "tests"},
        safety_identifier="x",
        extra_body={"something_else": 1},
    )

    [sent] = emulator.bodies()
    config = sent["generationConfig"]
    assert sent["systemInstruction"]["parts"] == [{"text": "Be terse."}]
    assert {name: config[name] for name in ("temperature", "topP", "seed", "maxOutputTokens")} == {
        "temperature": 0.3,
        "topP": 0.9,
        "seed": 7,
        "maxOutputTokens": 500,
    }
    notes = response.headers["x-gateway-notes"]
    assert {"safety_identifier", "something_else"} <= {note.split(": ")[0].split()[-1] for note in notes.split("; ")}
    record = usage_of(response.headers)
    assert record.metadata == {"project": "tests"}
    assert {param for _, param, _ in record.notes} >= {"safety_identifier", "something_else"}


def test_a_response_has_openais_headers(client: OpenAI) -> None:
    response = client.chat.completions.with_raw_response.create(
        model="gpt-3.5-turbo", messages=[chat_message("Hello!")]
    )

    headers = response.headers
    assert headers["x-request-id"].startswith("req_")
    assert headers["x-request-id"] == response.parse()._request_id
    assert int(headers["openai-processing-ms"]) >= 0
    assert headers["openai-version"] == "2020-10-01"
    assert headers["x-gateway-model"] == GEMINI_25
    assert "mapped model: gpt-3.5-turbo -> gemini-2.5-flash" in headers["x-gateway-notes"]
    assert "x-session-id" not in headers  # no `user`, no session
    assert "x-gateway-upstream" not in headers  # this gateway has a key, so it reports the Gemini API


def test_two_requests_never_share_an_id(client: OpenAI) -> None:
    responses = [client.chat.completions.create(model=GEMINI_25, messages=[chat_message("Hello!")]) for _ in range(2)]

    assert len({answer.id for answer in responses}) == 2
    assert len({answer._request_id for answer in responses}) == 2


def test_completions_are_returned(client: OpenAI, emulator: Emulator) -> None:
    response = client.completions.with_raw_response.create(model="gpt-3.5-turbo-instruct", prompt="Say pong")

    completion = response.parse()
    assert completion.object == "text_completion"
    assert completion.id.startswith("cmpl-")
    assert [(choice.index, choice.finish_reason) for choice in completion.choices] == [(0, "stop")]
    assert completion.choices[0].text.endswith("pong")
    assert completion.usage is not None
    record = usage_of(response.headers)
    assert (record.endpoint, record.total_tokens) == ("completions", completion.usage.total_tokens)


def test_completions_are_streamed(client: OpenAI) -> None:
    chunks = list(client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Tell me a story", stream=True))

    assert "".join(chunk.choices[0].text for chunk in chunks).endswith("The end.")
    assert len({(chunk.id, chunk.created) for chunk in chunks}) == 1
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]
    assert {chunk.object for chunk in chunks} == {"text_completion"}


@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
@pytest.mark.parametrize("stream", [False, True])
def test_every_prompt_has_n_choices(client: OpenAI, model: str, stream: bool) -> None:
    answer: Any = client.completions.create(model=model, prompt=["Say ping", "Say pong"], n=2, stream=stream)

    texts: dict[int, str] = defaultdict(str)
    for part in answer if stream else [answer]:
        for choice in part.choices:
            texts[choice.index] += choice.text
    assert sorted(texts) == [0, 1, 2, 3]
    assert ["ping" in texts[index] for index in range(4)] == [True, True, False, False]
    assert ["pong" in texts[index] for index in range(4)] == [False, False, True, True]


def test_completions_support_echo_suffix_and_stop(client: OpenAI, emulator: Emulator) -> None:
    completion = client.completions.create(
        model=GEMINI_25, prompt="Say one two three", echo=True, suffix=" Amen.", stop="three", max_tokens=300
    )

    assert completion.choices[0].text.startswith("Say one two three")
    [sent] = emulator.bodies()
    assert sent["generationConfig"]["stopSequences"] == ["three"]
    assert sent["generationConfig"]["maxOutputTokens"] == 300
    assert "Amen." in str(sent["systemInstruction"]) + str(sent["contents"])
