"""The finish-reason table covers what Google documents and knows no word that OpenAI has not."""

import re

import pytest
from google.genai import types

from api.translate.candidates.finish_reason import FINISH_REASONS, finish_reason_note, finish_reason_to_openai
from tests.unit.translate.accumulators import chat_accumulator

NATIVE = [reason.value for reason in types.FinishReason if reason.value != "FINISH_REASON_UNSPECIFIED"]


@pytest.mark.parametrize("native", NATIVE)
def test_every_reason_that_the_sdk_knows_is_in_the_table(native: str) -> None:
    assert native in FINISH_REASONS


@pytest.mark.parametrize("native", ["SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION", "IMAGE_SAFETY"])
def test_filters_are_content_filter(native: str) -> None:
    assert finish_reason_to_openai(native) == "content_filter"


@pytest.mark.parametrize("native", ["MAX_TOKENS", "CONTINUATION"])
def test_limits_are_length(native: str) -> None:
    assert finish_reason_to_openai(native) == "length"


@pytest.mark.parametrize("native", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER", "SOMETHING_NEW"])
def test_the_models_own_failures_are_a_stop_that_is_noted(native: str) -> None:
    assert finish_reason_to_openai(native) == "stop"
    assert finish_reason_note(native) == f"Gemini ended with {native}"


@pytest.mark.parametrize("native", ["STOP", "MAX_TOKENS"])
def test_plain_ends_need_no_note(native: str) -> None:
    assert finish_reason_note(native) is None


@pytest.mark.parametrize("reason", [reason.value for reason in types.BlockedReason])
def test_a_blocked_prompt_is_always_content_filter(reason: str) -> None:
    response = chat_accumulator()
    response.feed({"promptFeedback": {"blockReason": reason}})
    assert response.completion()["choices"][0]["finish_reason"] == "content_filter"


def test_a_note_holds_no_text_that_is_not_the_name_of_a_reason() -> None:
    note = finish_reason_note("SECRET words\r\nx-evil: 1")
    assert note is not None
    assert re.search("SECRET|evil", note) is None
