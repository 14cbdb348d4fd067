"""Token counts: rules 90 to 97 and the recorded sums."""

from typing import Any

import pytest

from api.translate.candidates.counts import storable
from api.translate.candidates.usage import usage_metadata_to_usage


def usage(**counts: Any) -> tuple[int, int, int]:
    """Return prompt, completion and total tokens."""
    made = usage_metadata_to_usage([storable(counts)])
    return made["prompt_tokens"], made["completion_tokens"], made["total_tokens"]


def test_rule_095_thoughts_belong_to_the_completion() -> None:
    counts = {"promptTokenCount": 9, "candidatesTokenCount": 5, "thoughtsTokenCount": 185, "totalTokenCount": 199}
    assert usage(**counts) == (9, 190, 199)
    assert usage_metadata_to_usage([counts])["completion_tokens_details"]["reasoning_tokens"] == 185


def test_rule_095_candidates_that_include_the_thoughts_are_not_counted_twice() -> None:
    counts = {"promptTokenCount": 10, "candidatesTokenCount": 50, "thoughtsTokenCount": 40, "totalTokenCount": 60}
    assert usage(**counts) == (10, 50, 60)


def test_rule_096_tool_use_is_part_of_the_prompt() -> None:
    counts = {
        "promptTokenCount": 32,
        "toolUsePromptTokenCount": 2395,
        "candidatesTokenCount": 41,
        "thoughtsTokenCount": 47,
        "totalTokenCount": 2515,
    }
    assert usage(**counts) == (2427, 88, 2515)


def test_rule_097_cached_tokens_are_included_in_the_prompt() -> None:
    counts = {
        "promptTokenCount": 4000,
        "cachedContentTokenCount": 3500,
        "candidatesTokenCount": 2,
        "totalTokenCount": 4002,
    }
    assert usage(**counts) == (4000, 2, 4002)
    assert usage_metadata_to_usage([counts])["prompt_tokens_details"]["cached_tokens"] == 3500


def test_audio_tokens_are_counted_separately() -> None:
    heard = [{"modality": "TEXT", "tokenCount": 5}, {"modality": "AUDIO", "tokenCount": 320}]
    made = usage_metadata_to_usage([{"promptTokenCount": 325, "promptTokensDetails": heard}])
    assert made["prompt_tokens_details"]["audio_tokens"] == 320


def test_the_response_tokens_of_live_models_are_counted() -> None:
    assert usage(promptTokenCount=3, responseTokenCount=4, totalTokenCount=7) == (3, 4, 7)


def test_missing_metadata_is_zero_usage() -> None:
    assert usage() == (0, 0, 0)
    assert usage_metadata_to_usage([])["total_tokens"] == 0


@pytest.mark.parametrize("wrong", [None, "twelve", -3, True, [], {}])
def test_an_invalid_count_is_zero(wrong: Any) -> None:
    assert usage(promptTokenCount=wrong, candidatesTokenCount=2) == (0, 2, 2)
