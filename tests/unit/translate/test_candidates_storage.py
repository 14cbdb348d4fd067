"""The stored content of a response: Gemini's parts with the signatures for later requests (rules 25, 26, 39)."""

from typing import Any

import pytest

from tests.unit.translate.accumulators import chat_accumulator

SIGNED_CALL = {"functionCall": {"id": "a1", "name": "f", "args": {"x": 1}}, "thoughtSignature": "Y2FsbA=="}
SIGNED_TEXT = {"text": "end", "thoughtSignature": "dGV4dA=="}
SIGNED_NOTHING = {"text": "", "thoughtSignature": "bGFzdA=="}


def stored(*chunks: list[dict[str, Any]]) -> list[Any]:
    """Return the stored parts after one candidate per chunk."""
    accumulator = chat_accumulator()
    for parts in chunks:
        accumulator.feed({"candidates": [{"content": {"role": "model", "parts": parts}}]})  # type: ignore[typeddict-item]
    return list(accumulator.contents[0]["parts"])


def test_adjacent_unsigned_texts_are_joined() -> None:
    assert stored([{"text": "a"}], [{"text": "b"}, {"text": "c"}], []) == [{"text": "abc"}]


def test_thoughts_and_texts_are_not_joined_with_each_other() -> None:
    thought = {"text": "t", "thought": True}
    assert stored([thought], [thought, {"text": "a"}], [thought]) == [
        {"text": "tt", "thought": True},
        {"text": "a"},
        thought,
    ]


def test_rule_026_a_signature_on_an_empty_last_text_is_stored() -> None:
    assert stored([{"text": "4"}], [SIGNED_NOTHING]) == [{"text": "4"}, SIGNED_NOTHING]


def test_a_signed_text_is_a_part_of_its_own() -> None:
    assert stored([{"text": "a"}, SIGNED_TEXT], [{"text": "b"}]) == [{"text": "a"}, SIGNED_TEXT, {"text": "b"}]


def test_rule_027_only_the_first_of_parallel_calls_is_signed() -> None:
    second = {"functionCall": {"id": "a2", "name": "f", "args": {"x": 1}}}
    assert stored([SIGNED_CALL], [second]) == [SIGNED_CALL, second]


def test_rules_025_and_039_googles_own_tools_keep_their_two_signatures_and_are_not_sent() -> None:
    tool = [
        {"toolCall": {"id": "t1", "toolType": "GOOGLE_SEARCH_WEB"}, "thoughtSignature": "b25l"},
        {"toolResponse": {"id": "t1", "response": {"search_suggestions": "<style/>"}}, "thoughtSignature": "dHdv"},
    ]
    assert stored(tool) == tool
    accumulator = chat_accumulator()
    content: Any = {"parts": tool}
    assert accumulator.feed({"candidates": [{"content": content}]}) == []


def test_empty_unsigned_texts_are_left_out() -> None:
    assert stored([{"text": ""}], [{"text": "", "thought": True}]) == []


def test_a_part_with_a_signature_only_can_be_sent_back() -> None:
    assert stored([{"thoughtSignature": "c2ln"}]) == [{"text": "", "thoughtSignature": "c2ln"}]


def test_unknown_fields_beside_a_text_are_stored() -> None:
    odd = {"text": "a", "partMetadata": {"k": "v"}}
    assert stored([odd], [{"text": "b"}]) == [odd, {"text": "b"}]


def test_the_sent_name_and_geminis_id_are_stored() -> None:
    accumulator = chat_accumulator(tool_names={"f": "my f"})
    parts: Any = [SIGNED_CALL]
    accumulator.feed({"candidates": [{"content": {"role": "model", "parts": parts}}]})
    assert accumulator.contents[0]["parts"] == [SIGNED_CALL]
    assert accumulator.messages[0]["tool_calls"][0]["id"] == "call_1"


@pytest.mark.parametrize("cut", range(1, 4))
def test_the_stored_content_does_not_depend_on_the_cuts_of_the_stream(cut: int) -> None:
    parts: list[dict[str, Any]] = [{"text": "a"}, SIGNED_CALL, {"text": "b"}, SIGNED_NOTHING]
    assert stored(parts[:cut], parts[cut:]) == stored(parts) == parts
