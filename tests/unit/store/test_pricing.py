"""Costs: exact integers from Gemini's usage and a price in pico-USD per token."""

from typing import Any

import pytest

from sessions_store.catalogue.pricing import Price, Tokens, billed_calls, cost, tokens_of

FLASH = Price(
    id=1,
    input=300_000,
    cached_input=30_000,
    output=2_500_000,
    input_by_modality={"AUDIO": 1_000_000},
    cached_by_modality={"AUDIO": 100_000},
    output_by_modality={"IMAGE": 30_000_000},
)
PRO = Price(
    id=2,
    input=1_250_000,
    cached_input=125_000,
    output=10_000_000,
    long_context_from=200_000,
    long_input=2_500_000,
    long_cached_input=250_000,
    long_output=15_000_000,
)


def audio(count: int) -> list[dict[str, Any]]:
    return [{"modality": "TEXT", "tokenCount": 10}, {"modality": "AUDIO", "tokenCount": count}]


@pytest.mark.parametrize(
    ("price", "usage_metadata", "nano"),
    [
        pytest.param(FLASH, {}, 0, id="nothing"),
        pytest.param(FLASH, {"promptTokenCount": 1000, "candidatesTokenCount": 100}, 300_000 + 250_000, id="plain"),
        pytest.param(FLASH, {"candidatesTokenCount": 10, "thoughtsTokenCount": 90}, 250_000, id="thoughts are output"),
        pytest.param(
            FLASH, {"promptTokenCount": 10, "toolUsePromptTokenCount": 90}, 30_000, id="tool prompts are input"
        ),
        pytest.param(
            FLASH,
            {"promptTokenCount": 1000, "cachedContentTokenCount": 600},
            400 * 300 + 600 * 30,
            id="cached tokens are part of the prompt",
        ),
        pytest.param(
            FLASH,
            {"promptTokenCount": 100, "promptTokensDetails": audio(90)},
            10 * 300 + 90 * 1000,
            id="audio has its price",
        ),
        pytest.param(
            FLASH,
            {
                "promptTokenCount": 100,
                "promptTokensDetails": audio(90),
                "cachedContentTokenCount": 40,
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 40}],
            },
            10 * 300 + 50 * 1000 + 40 * 100,
            id="cached audio",
        ),
        pytest.param(
            FLASH,
            {"promptTokenCount": 100, "promptTokensDetails": audio(90), "cachedContentTokenCount": 30},
            70 * 1000 + 10 * 30 + 20 * 100,
            id="a cache without details holds the text first",
        ),
        pytest.param(
            FLASH,
            {"candidatesTokenCount": 12, "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 10}]},
            10 * 30_000 + 2 * 2_500,
            id="images have their price",
        ),
        pytest.param(PRO, {"promptTokenCount": 200_000}, 200_000 * 1250, id="up to the threshold"),
        pytest.param(
            PRO,
            {"promptTokenCount": 200_001, "candidatesTokenCount": 1, "cachedContentTokenCount": 1},
            200_000 * 2500 + 250 + 15_000,
            id="long prompts make everything dearer",
        ),
        pytest.param(FLASH, {"promptTokenCount": None, "candidatesTokenCount": "7"}, 0, id="what is no number is 0"),
        pytest.param(
            FLASH,
            {"promptTokenCount": 5, "cachedContentTokenCount": 9, "promptTokensDetails": "?"},
            5 * 30,
            id="never negative",
        ),
    ],
)
def test_the_cost_of_one_call_is_exact(price: Price, usage_metadata: dict[str, Any], nano: int) -> None:
    assert cost([tokens_of(usage_metadata)], price) == nano


def test_rounding_happens_once_at_the_end() -> None:
    tiny = Price(id=3, input=37_500, cached_input=3_750, output=0)
    one = Tokens(prompt=1, cached=1)

    assert cost([one], tiny) == 4  # 3.75 nano-USD
    assert cost([one] * 3, tiny) == 11  # 11.25, not 3 times 4


def test_the_price_of_long_prompts_applies_per_call() -> None:
    calls = [Tokens(prompt=150_000), Tokens(prompt=150_000)]

    assert cost(calls, PRO) == 300_000 * 1250


def test_rule_096_search_results_in_the_prompt_are_not_billed_as_input() -> None:
    counts: dict[str, Any] = {
        "promptTokenCount": 100,
        "promptTokensDetails": audio(90),
        "toolUsePromptTokenCount": 1000,
        "toolUsePromptTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}],
    }
    searched = 10 * 300 + 90 * 1000

    assert cost(billed_calls([counts], [True]), FLASH) == searched
    # A call without a search beside a call with one; a record without a count of searches.
    assert cost(billed_calls([counts, counts], [True, False]), FLASH) == searched + (1100 - 95) * 300 + 95 * 1000
    assert cost(billed_calls([counts], []), FLASH) == (1100 - 95) * 300 + 95 * 1000


@pytest.mark.parametrize(
    ("fees", "nano"),
    [
        pytest.param({"search_query": 14 * 10**9}, 3 * 14_000_000, id="by query"),
        pytest.param({"grounded_prompt": 35 * 10**9}, 2 * 35_000_000, id="by prompt"),
        pytest.param({}, 0, id="no fee"),
        pytest.param({"search_query": 166}, 1, id="498 pico-USD and the tokens' 30 make one nano-USD"),
    ],
)
def test_rule_098_searches_have_fees_of_their_own(fees: dict[str, Any], nano: int) -> None:
    price = Price(id=4, input=30, cached_input=3, output=0, long_context_from=0, **fees)

    assert cost([Tokens(prompt=1)], price, search_queries=3, grounded_prompts=2) == nano
