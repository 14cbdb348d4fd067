"""Legacy text completions: several prompts, echo, streams."""

from typing import Any

import pytest

from api.errors import UpstreamError
from tests.unit.translate.accumulators import accumulate, completion_accumulator, plain_of, stream_of


def says(*texts: str, finish: str | None = "STOP") -> Any:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text} for text in texts]}}
    return {"candidates": [{**candidate, **({"finishReason": finish} if finish else {})}]}


def test_two_prompts_with_two_choices_have_four_indexes() -> None:
    accumulator = completion_accumulator(choices=4, prompts=["A", "B"], echo=True)
    plain = plain_of(accumulator, [(index, says(str(index))) for index in (3, 1, 0, 2)])
    assert [(choice["index"], choice["text"]) for choice in plain["choices"]] == [
        (0, "A0"),
        (1, "A1"),
        (2, "B2"),
        (3, "B3"),
    ]


def test_the_candidates_of_each_prompt_have_their_own_indexes() -> None:
    accumulator = completion_accumulator(choices=4, prompts=["A", "B"])
    both: Any = {"candidates": [{**says("x")["candidates"][0], "index": index} for index in (0, 1)]}
    plain = plain_of(accumulator, [(0, both), (2, both)])
    assert [choice["text"] for choice in plain["choices"]] == ["x"] * 4


@pytest.mark.parametrize("echo", [True, False])
def test_a_stream_accumulates_to_the_plain_response(echo: bool) -> None:
    responses = [
        (0, says("x", "y", finish=None)),
        (1, says(finish=None)),
        (0, says()),
        (1, says("z", finish="MAX_TOKENS")),
    ]
    options: dict[str, Any] = {"choices": 2, "prompts": ["A", "B"], "echo": echo}
    accumulated = accumulate(stream_of(completion_accumulator(**options), responses))
    plain = plain_of(completion_accumulator(**options), responses)
    assert accumulated == {
        choice["index"]: {"text": choice["text"], "finish_reason": choice["finish_reason"]}
        for choice in plain["choices"]
    }
    assert accumulated[0]["text"] == ("Axy" if echo else "xy")


def test_the_echo_is_sent_without_a_completion() -> None:
    chunks = stream_of(completion_accumulator(prompts=["A"], echo=True), [(0, says(finish="SAFETY"))])
    assert [choice["text"] for chunk in chunks for choice in chunk["choices"]] == ["A", ""]
    assert chunks[-1]["choices"][0]["finish_reason"] == "content_filter"


def test_the_echo_is_not_stored() -> None:
    accumulator = completion_accumulator(prompts=["A"], echo=True)
    accumulator.feed(says("x"))
    assert accumulator.messages == [{"role": "assistant", "content": "x", "refusal": None}]
    assert accumulator.contents == [{"role": "model", "parts": [{"text": "x"}]}]


def test_thoughts_calls_and_images_are_not_part_of_the_text() -> None:
    parts = [
        {"text": "Hm.", "thought": True},
        {"functionCall": {"name": "f"}},
        {"inlineData": {"mimeType": "image/png", "data": "aWk="}},
        {"text": "x"},
    ]
    accumulator = completion_accumulator()
    response: Any = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}
    assert plain_of(accumulator, [(0, response)])["choices"][0] == {
        "index": 0,
        "text": "x",
        "logprobs": None,
        "finish_reason": "stop",
    }
    assert {note.param for note in accumulator.notes} == {"choices[0].message.tool_calls", "choices[0].message.content"}


def test_an_unfinished_completion_is_an_error() -> None:
    accumulator = completion_accumulator()
    accumulator.feed(says("x", finish=None))
    with pytest.raises(UpstreamError, match="without a finish reason"):
        accumulator.finish()


def test_usage_is_the_last_chunk_on_request_only() -> None:
    response = {**says("x"), "usageMetadata": {"promptTokenCount": 2, "candidatesTokenCount": 1}}
    chunks = stream_of(completion_accumulator(include_usage=True), [(0, response)])
    assert [chunk["usage"] and chunk["usage"]["total_tokens"] for chunk in chunks] == [None, None, 3]
    assert all("usage" not in chunk for chunk in stream_of(completion_accumulator(), [(0, response)]))
