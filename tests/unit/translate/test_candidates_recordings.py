"""Every recorded answer of the real Gemini goes both ways, loses nothing and is what the OpenAI SDK expects."""

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
    """Return (first choice, response) pairs of an answer to one request."""
    return [(0, response) for response in recorded]


def parts_of(responses: list[tuple[int, Any]]) -> list[dict[str, Any]]:
    candidates = [candidate for _, response in responses for candidate in response.get("candidates", ())]
    return [part for candidate in candidates for part in candidate.get("content", {}).get("parts", ())]


def test_the_recordings_are_not_empty() -> None:
    assert len(gemini_answers()) > (250 if WHOLE else 60)


@each_answer
def test_stream_and_plain_answer_are_the_same(recorded: list[Any]) -> None:
    responses = responses_of(recorded)
    plain = plain_of(chat_accumulator(), responses)
    chunks = stream_of(chat_accumulator(include_usage=True), responses)
    assert accumulate(chunks) == choices_of(plain)
    assert chunks[-1]["usage"] == plain["usage"]


@each_answer
def test_every_part_of_a_recorded_answer_is_kept(recorded: list[Any]) -> None:
    responses = responses_of(recorded)
    answer = chat_accumulator()
    plain_of(answer, responses)
    sent, parts = parts_of(responses), answer.contents[0]["parts"]
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
    assert [call["function"]["name"] for call in answer.messages[0].get("tool_calls", ())] == names  # type: ignore[typeddict-item]


@each_answer
def test_usage_adds_up_to_geminis_total(recorded: list[Any]) -> None:
    responses = responses_of(recorded)
    answer = chat_accumulator()
    plain_of(answer, responses)
    for counts in answer.usage_metadata:
        assert answer.usage["total_tokens"] == counts.get("totalTokenCount", 0)


@each_answer
def test_stored_content_gives_the_same_message_again(recorded: list[Any]) -> None:
    responses = responses_of(recorded)
    answer = chat_accumulator()
    plain_of(answer, responses)
    again = chat_accumulator()
    again.feed({"candidates": [{"content": answer.contents[0], "finishReason": "STOP"}]})
    again_message = {key: value for key, value in again.messages[0].items() if key != "annotations"}
    message = {key: value for key, value in answer.messages[0].items() if key != "annotations"}
    if answer.finish_reasons == ["content_filter"]:
        message["content"] = message["content"] or ""
        message["refusal"] = None  # it says why there is nothing, and is no part of Gemini's content
    assert again_message == message
    assert again.contents == answer.contents


@each_answer
def test_recorded_answers_as_text_completions(recorded: list[Any]) -> None:
    responses = responses_of(recorded)
    plain = plain_of(completion_accumulator(), responses)
    accumulated = accumulate(stream_of(completion_accumulator(), responses))
    assert accumulated[0]["text"] == plain["choices"][0]["text"]
    assert accumulated[0]["finish_reason"] == plain["choices"][0]["finish_reason"]
