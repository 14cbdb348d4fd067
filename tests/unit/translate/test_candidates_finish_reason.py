"""The table of finish reasons has all values that Google documents, and values of OpenAI only."""

import re

import pytest
from google.genai import types

from api.translate.candidates.finish_reason import FINISH_REASONS, finish_reason_note, finish_reason_to_openai
from tests.unit.translate.accumulators import chat_accumulator

NATIVE = [reason.value for reason in types.FinishReason if reason.value != "FINISH_REASON_UNSPECIFIED"]


@pytest.mark.parametrize("native", NATIVE)
def test_the_table_has_every_finish_reason_of_the_sdk(native: str) -> None:
    assert native in FINISH_REASONS


@pytest.mark.parametrize("native", ["SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION", "IMAGE_SAFETY"])
def test_filter_reasons_are_content_filter(native: str) -> None:
    assert finish_reason_to_openai(native) == "content_filter"


@pytest.mark.parametrize("native", ["MAX_TOKENS", "CONTINUATION"])
def test_limit_reasons_are_length(native: str) -> None:
    assert finish_reason_to_openai(native) == "length"


@pytest.mark.parametrize("native", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER", "SOMETHING_NEW"])
def test_failures_of_the_model_are_a_stop_with_a_note(native: str) -> None:
    assert finish_reason_to_openai(native) == "stop"
    assert finish_reason_note(native) == f"Gemini ended with {native}"


@pytest.mark.parametrize("native", ["STOP", "MAX_TOKENS"])
def test_plain_finish_reasons_have_no_note(native: str) -> None:
    assert finish_reason_note(native) is None


@pytest.mark.parametrize("reason", [reason.value for reason in types.BlockedReason])
def test_a_blocked_prompt_is_always_content_filter(reason: str) -> None:
    accumulator = chat_accumulator()
    accumulator.feed({"promptFeedback": {"blockReason": reason}})
    assert accumulator.completion()["choices"][0]["finish_reason"] == "content_filter"


def test_a_note_has_only_valid_names_of_finish_reasons() -> None:
    note = finish_reason_note("SECRET words\r\nx-evil: 1")
    assert note is not None
    assert re.search("SECRET|evil", note) is None
