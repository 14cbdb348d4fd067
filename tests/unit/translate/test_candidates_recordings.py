"""Every recorded response of Gemini, plain and streamed, keeps all parts and matches the types of the OpenAI SDK."""

from typing import Any

import pytest

from tests.recorded import WHOLE, gemini_answers
from tests.unit.translate.accumulators import (
    accumulate,
    chat_accumulator,
    choices_of,
    completion_accumulator,
    plain_of,
    stream_of,
)

each_answer = pytest.mark.parametrize("recorded", gemini_answers())


def responses_of(recorded: list[Any]) -> list[tuple[int, Any]]:
    """Return (first choice, response) pairs of the responses to one request."""
    return [(0, response) for response in recorded]


def parts_of(responses: list[tuple[int, Any]]) -> list[dict[str, Any]]:
    candidates = [candidate for _, response in responses for candidate in response.get("candidates", ())]
    return [part for candidate in candidates for part in candidate.get("content", {}).get("parts", ())]


def test_the_recordings_are_not_empty() -> None:
    assert len(gemini_answers()) > (250 if WHOLE else 60)


@each_answer
def test_stream_and_plain_response_are_equal(recorded: list[Any]) -> None:
    responses = responses_of(recorded)
    plain = plain_of(chat_accumulator(), responses)
    chunks = stream_of(chat_accumulator(include_usage=True), responses)
    assert accumulate(chunks) == choices_of(plain)
    assert chunks[-1]["usage"] == plain["usage"]


@each_answer
def test_every_part_of_a_recorded_response_is_stored(recorded: list[Any]) -> None:
    responses = responses_of(recorded)
    accumulator = chat_accumulator()
    plain_of(accumulator, responses)
    sent, parts = parts_of(responses), accumulator.contents[0]["parts"]
    for thought in (False, True):
        texts = [
            "".join(part.get("text", "") for part in side if part.get("thought", False) is thought)
            for side in (sent, parts)
        ]
        assert texts[0] == texts[1]
    for key in ("thoughtSignature", "toolCall", "toolResponse", "inlineData", "executableCode", "codeExecutionResult"):
        assert [part[key] for part in sent if key in part] == [part[key] for part in parts if key in part]
    names = [part["functionCall"]["name"] for part in sent if part.get("functionCall", {}).get("name")]
    assert [part["functionCall"]["name"] for part in parts if "functionCall" in part] == names
    assert [call["function"]["name"] for call in accumulator.messages[0].get("tool_calls", ())] == names  # type: ignore[typeddict-item]


@each_answer
def test_usage_adds_up_to_geminis_total(recorded: list[Any]) -> None:
    responses = responses_of(recorded)
    accumulator = chat_accumulator()
    plain_of(accumulator, responses)
    for counts in accumulator.usage_metadata:
        assert accumulator.usage["total_tokens"] == counts.get("totalTokenCount", 0)


@each_answer
def test_stored_content_becomes_the_same_message_again(recorded: list[Any]) -> None:
    responses = responses_of(recorded)
    accumulator = chat_accumulator()
    plain_of(accumulator, responses)
    again = chat_accumulator()
    again.feed({"candidates": [{"content": accumulator.contents[0], "finishReason": "STOP"}]})
    again_message = {key: value for key, value in again.messages[0].items() if key != "annotations"}
    message = {key: value for key, value in accumulator.messages[0].items() if key != "annotations"}
    if accumulator.finish_reasons == ["content_filter"]:
        message["content"] = message["content"] or ""
        message["refusal"] = None  # the refusal explains empty content and is no part of Gemini's content
    assert again_message == message
    assert again.contents == accumulator.contents


@each_answer
def test_recorded_responses_become_text_completions(recorded: list[Any]) -> None:
    responses = responses_of(recorded)
    plain = plain_of(completion_accumulator(), responses)
    accumulated = accumulate(stream_of(completion_accumulator(), responses))
    assert accumulated[0]["text"] == plain["choices"][0]["text"]
    assert accumulated[0]["finish_reason"] == plain["choices"][0]["finish_reason"]
