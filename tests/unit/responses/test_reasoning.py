"""The reasoning items of a response: before the message or call, one for each run of thoughts, with carried state.

Gemini signs a text at its end, so in a stream the item with the signature ends after the text.
"""

from dataclasses import replace
from typing import Any

import pytest

from api.translate.responses.carried_state import unpack_signature
from tests.unit.responses.building import (
    SIGNER,
    accumulator_of,
    gemini_chunk,
    items_to_messages,
    parsed,
    plain_of,
    stream_of,
)
from tests.unit.translate.requests import FLASH_3, SIGNATURE

TIME = {"type": "function", "name": "time"}
ENCRYPTED = ["reasoning.encrypted_content"]
OTHER = SIGNATURE[::-1]
BILLED: Any = {"usageMetadata": {"promptTokenCount": 3, "thoughtsTokenCount": 5, "totalTokenCount": 8}}


def text(words: str, **fields: Any) -> Any:
    return {"text": words, **fields}


def thought(words: str) -> Any:
    return {"text": words, "thought": True}


def function(**fields: Any) -> Any:
    return {"functionCall": {"name": "time", "args": {}}, **fields}


def billed(*parts: Any, **fields: Any) -> Any:
    """Return a chunk with a count of billed thoughts."""
    return gemini_chunk(*parts, **fields) | BILLED


def output_of(chunks: list[Any], *, carried: bool = False) -> list[Any]:
    """Return the output items of a streamed response, equal to the items of the plain response and of the events."""
    request = parsed(tools=[TIME], include=ENCRYPTED if carried else [])
    events = stream_of(accumulator_of(request), chunks)
    output: list[Any] = events[-1]["response"]["output"]
    assert output == plain_of(accumulator_of(request), chunks)["output"]
    ends = [event for event in events if event["type"] == "response.output_item.done"]
    assert [event["item"] for event in ends] == output
    assert [event["output_index"] for event in ends] == list(range(len(output)))
    return output


def kinds_of(output: list[Any]) -> list[str]:
    return [item["type"] for item in output]


@pytest.mark.parametrize("carried", [False, True])
def test_the_reasoning_item_precedes_the_message(carried: bool) -> None:
    chunks = [
        billed(thought("Let me ")),
        billed(thought("see.")),
        billed(text("It ")),
        billed(text("is.")),
        billed(text("", thoughtSignature=SIGNATURE), finish="STOP"),
    ]
    reasoning, message = output_of(chunks, carried=carried)
    assert (reasoning["type"], message["type"]) == ("reasoning", "message")
    assert reasoning["summary"] == [{"type": "summary_text", "text": "Let me see."}]
    assert message["content"][0]["text"] == "It is."
    assert ("encrypted_content" in reasoning) is carried
    if carried:
        found = unpack_signature(reasoning["encrypted_content"], SIGNER)
        assert found is not None
        assert (found.owner, found.value) == ("text", SIGNATURE)


@pytest.mark.parametrize("carried", [False, True])
def test_billed_thoughts_have_an_item_without_a_summary(carried: bool) -> None:
    output = output_of([billed(text("It ")), billed(text("is."), finish="STOP")], carried=carried)
    assert kinds_of(output) == ["reasoning", "message"]
    assert output[0]["summary"] == []
    assert bool(output[0].get("encrypted_content")) is carried


def test_thoughts_counted_at_the_end_have_an_item_before_the_message() -> None:
    uncounted = {"usageMetadata": {"trafficType": "PROVISIONED_THROUGHPUT"}}
    chunks = [gemini_chunk(text("It ")) | uncounted, billed(text("is."), finish="STOP")]
    assert kinds_of(output_of(chunks)) == ["reasoning", "message"]


def test_a_model_that_does_not_think_has_no_item_for_thoughts_without_a_count() -> None:
    uncounted = {"usageMetadata": {"trafficType": "PROVISIONED_THROUGHPUT"}}
    chunks = [gemini_chunk(text("It is."), finish="STOP") | uncounted]
    request = parsed(reasoning={"effort": "none"})
    accumulator = accumulator_of(request, profile=replace(FLASH_3, thinking="none"))
    assert kinds_of(stream_of(accumulator, chunks)[-1]["response"]["output"]) == ["message"]


def test_a_response_without_thoughts_has_no_reasoning_item() -> None:
    chunks = [gemini_chunk(text("It is."), finish="STOP") | {"usageMetadata": {"totalTokenCount": 8}}]
    assert kinds_of(output_of(chunks)) == ["message"]


def test_thoughts_that_use_up_the_limit_have_an_item() -> None:
    [reasoning] = output_of([billed(finish="MAX_TOKENS")])
    assert (reasoning["type"], reasoning["summary"]) == ("reasoning", [])


def test_each_run_of_thoughts_has_an_item_before_the_text() -> None:
    chunks = [
        billed(thought("One.")),
        billed(text("First.", thoughtSignature=SIGNATURE)),
        billed(thought("Two.")),
        billed(text("Second.", thoughtSignature=OTHER), finish="STOP"),
    ]
    output = output_of(chunks, carried=True)
    assert kinds_of(output) == ["reasoning", "message", "reasoning", "message"]
    found = [unpack_signature(item["encrypted_content"], SIGNER) for item in output[::2]]
    assert [carried.value for carried in found if carried is not None] == [SIGNATURE, OTHER]


def test_one_item_carries_the_signatures_of_a_text_and_of_a_call() -> None:
    chunks = [
        billed(thought("Hm.")),
        billed(text("Wait.", thoughtSignature=SIGNATURE)),
        billed(function(thoughtSignature=OTHER), finish="STOP"),
    ]
    output = output_of(chunks, carried=True)
    assert kinds_of(output) == ["reasoning", "message", "function_call"]

    [message] = items_to_messages(output, family=FLASH_3.family).messages

    assert message["extra_content"] == {"google": {"thought_signature": SIGNATURE}}
    assert message["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": OTHER}}


def test_reasoning_that_comes_after_the_message_started_follows_the_message() -> None:
    late = [gemini_chunk(text("It is.")), billed(text("", thoughtSignature=SIGNATURE), finish="STOP")]
    events = stream_of(accumulator_of(parsed(include=ENCRYPTED)), late)
    message, reasoning = events[-1]["response"]["output"]
    assert (message["type"], reasoning["type"]) == ("message", "reasoning")
    found = unpack_signature(reasoning["encrypted_content"], SIGNER)
    assert found is not None
    assert found.value == SIGNATURE


def test_a_response_always_has_the_reasoning_mode() -> None:
    for reasoning in (None, {}, {"effort": "low"}, {"mode": None}):
        assert plain_of(accumulator_of(parsed(reasoning=reasoning)), [gemini_chunk(finish="STOP")])["reasoning"][
            "mode"
        ] == ("standard")
    asked = plain_of(accumulator_of(parsed(reasoning={"mode": "pro"})), [gemini_chunk(finish="STOP")])
    assert asked["reasoning"]["mode"] == "pro"
