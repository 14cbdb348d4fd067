"""Sampling, limits, candidates and thinking: rules 62 to 75."""

from dataclasses import replace
from typing import Any

import pytest

from api.errors import InvalidRequestError
from api.openai.chat.request import parse_chat_completion
from api.translate.chat.request import chat_to_gemini
from tests.unit.translate.requests import FLASH_2, FLASH_3, PLAIN, PRO_2, config, noted, translate

HYDROGEN = replace(FLASH_3, name="gemini-4-hydrogen", thinking_levels=("low", "medium", "high", "xhigh"))
LITE_3 = replace(FLASH_3, name="gemini-3.5-flash-lite", thinking_levels=("minimal", "low", "medium", "high"))


def thinking(effort: str, **sent: Any) -> dict[str, Any]:
    """Return the thinking config of an effort: thoughts are requested unless the effort is `none`."""
    return sent if effort == "none" else {"includeThoughts": True, **sent}


def test_parameters_are_sent_under_geminis_names() -> None:
    assert config(temperature=0, top_p=0.5, max_tokens=100, stop="END", seed=7) == {
        "temperature": 0,
        "topP": 0.5,
        "maxOutputTokens": 100,
        "stopSequences": ["END"],
        "seed": 7,
    }


def test_a_request_without_parameters_has_no_generation_config() -> None:
    assert translate().body == {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}


def test_rule_062_stop_sequences_beyond_the_models_limit_are_cut() -> None:
    upstream = translate(stop=["", "a", "b", "c", "d", "e", "f"])
    assert upstream.body["generationConfig"]["stopSequences"] == ["a", "b", "c", "d", "e"]
    assert noted(upstream) == [("dropped", "stop"), ("clamped", "stop")]


def test_rule_063_penalties_are_sent_only_to_models_that_accept_them() -> None:
    rejected = translate(presence_penalty=0.5, frequency_penalty=-1)
    assert "generationConfig" not in rejected.body
    assert noted(rejected) == [("dropped", "presence_penalty"), ("dropped", "frequency_penalty")]
    assert translate(presence_penalty=0, frequency_penalty=0).notes == ()


def test_rule_063_models_with_penalties_get_them() -> None:
    request = parse_chat_completion(
        b'{"model":"m","messages":[{"role":"user","content":"a"}],"presence_penalty":0.5,"frequency_penalty":-1}'
    )
    upstream = chat_to_gemini(request, profile=replace(FLASH_2, penalties=True))
    assert upstream.body["generationConfig"] == {"presencePenalty": 0.5, "frequencyPenalty": -1}


@pytest.mark.parametrize("sampling", ["ignored", "refused"])
def test_rule_064_sampling_is_not_sent_to_models_that_fix_it(sampling: Any) -> None:
    upstream = translate(temperature=0.5, top_p=0.5, profile=replace(FLASH_3, sampling=sampling))
    assert "generationConfig" not in upstream.body
    assert noted(upstream) == [("dropped", "temperature"), ("dropped", "top_p")]
    assert translate(temperature=1, top_p=1, profile=FLASH_3).notes == ()


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_rule_066_the_limit_covers_thoughts_and_output_and_is_clamped_to_the_models(name: str) -> None:
    small: dict[str, Any] = {name: 16}
    assert config(**small) == {"maxOutputTokens": 16}
    large: dict[str, Any] = {name: 1_000_000}
    upstream = translate(**large)
    assert upstream.body["generationConfig"] == {"maxOutputTokens": 65_536}
    assert noted(upstream) == [("clamped", name)]


@pytest.mark.parametrize(
    ("seed", "sent"), [(2**31, -(2**31)), (-(2**53), 0), (2**63 - 1, -1), (2**31 - 1, 2**31 - 1), (-1, -1)]
)
def test_seeds_are_reduced_to_32_bits(seed: int, sent: int) -> None:
    upstream = translate(seed=seed)
    assert upstream.body["generationConfig"]["seed"] == sent
    assert noted(upstream) == ([] if seed == sent else [("converted", "seed")])


def test_several_choices_are_candidates_if_the_model_supports_them() -> None:
    upstream = translate(n=3, profile=FLASH_2)
    assert (upstream.body["generationConfig"], upstream.parallel) == ({"candidateCount": 3}, 1)
    upstream = translate(n=3, profile=FLASH_3)
    assert ("generationConfig" in upstream.body, upstream.parallel) == (False, 3)
    assert upstream.notes == ()


def test_rule_067_a_level_and_a_budget_together_are_rejected() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate(google={"thinking_config": {"thinking_budget": 1, "thinking_level": "low"}})
    assert caught.value.param == "google.thinking_config"


@pytest.mark.parametrize(
    ("profile", "budget", "sent"),
    [(PRO_2, 0, 128), (PRO_2, 99_999, 32_768), (PRO_2, -1, -1), (FLASH_2, 0, 0), (FLASH_2, 30_000, 24_576)],
)
def test_rule_068_budgets_stay_in_the_models_range(profile: Any, budget: int, sent: int) -> None:
    upstream = translate(google={"thinking_config": {"thinkingBudget": budget}}, profile=profile)
    assert upstream.body["generationConfig"]["thinkingConfig"] == {"thinkingBudget": sent}
    clamped = [("clamped", "google.thinking_config.thinking_budget")]
    assert noted(upstream) == ([] if budget == sent else clamped)


@pytest.mark.parametrize(
    ("effort", "budget"),
    [
        ("none", 0),
        ("minimal", 1024),
        ("low", 1024),
        ("medium", 8192),
        ("high", 24576),
        ("xhigh", 24576),
        ("max", 24576),
    ],
)
def test_rule_069_efforts_are_googles_own_budgets(effort: str, budget: int) -> None:
    upstream = translate(reasoning_effort=effort, profile=FLASH_2)
    assert upstream.body["generationConfig"] == {"thinkingConfig": thinking(effort, thinkingBudget=budget)}
    assert upstream.notes == ()


def test_rule_069_the_budgets_are_the_catalogues() -> None:
    profile = replace(FLASH_2, thinking_budgets=(("low", 300), ("medium", 600), ("high", 99_999)))
    assert config(reasoning_effort="medium", profile=profile)["thinkingConfig"]["thinkingBudget"] == 600
    upstream = translate(reasoning_effort="high", profile=profile)
    assert upstream.body["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 24576
    assert noted(upstream) == [("clamped", "reasoning_effort")]


@pytest.mark.parametrize(
    ("profile", "effort", "level", "clamped"),
    [
        (FLASH_3, "low", "low", False),
        (FLASH_3, "high", "high", False),
        (FLASH_3, "xhigh", "high", True),
        (FLASH_3, "max", "high", False),
        (HYDROGEN, "xhigh", "xhigh", False),
        (HYDROGEN, "max", "xhigh", False),
        (LITE_3, "minimal", "minimal", False),
        (
            replace(FLASH_3, name="gemini-3.1-flash-lite-image", thinking_levels=("minimal", "high")),
            "medium",
            "high",
            True,
        ),
    ],
)
def test_rule_070_efforts_are_levels_or_the_nearest(profile: Any, effort: str, level: str, clamped: bool) -> None:
    upstream = translate(reasoning_effort=effort, profile=profile)
    assert upstream.body["generationConfig"] == {"thinkingConfig": thinking(effort, thinkingLevel=level)}
    assert noted(upstream) == ([("clamped", "reasoning_effort")] if clamped else [])


def test_rule_071_minimal_becomes_low_for_models_without_minimal() -> None:
    upstream = translate(reasoning_effort="minimal", profile=FLASH_3)
    assert upstream.body["generationConfig"]["thinkingConfig"] == thinking("minimal", thinkingLevel="low")
    assert noted(upstream) == [("clamped", "reasoning_effort")]


def test_rule_072_none_is_the_lowest_level_or_no_config_at_all() -> None:
    upstream = translate(reasoning_effort="none", profile=FLASH_3)
    assert upstream.body["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "low"}
    assert noted(upstream) == [("clamped", "reasoning_effort")]
    upstream = translate(reasoning_effort="none", profile=PRO_2)
    assert "generationConfig" not in upstream.body
    assert noted(upstream) == [("clamped", "reasoning_effort")]


@pytest.mark.parametrize(
    ("budget", "expected"), [(0, "low"), (512, "low"), (8192, "medium"), (20_000, "high"), (60_000, "high"), (-1, None)]
)
def test_rule_073_a_model_with_levels_gets_no_budget(budget: int, expected: str | None) -> None:
    upstream = translate(google={"thinking_config": {"thinking_budget": budget}}, profile=FLASH_3)
    thinking = upstream.body.get("generationConfig", {}).get("thinkingConfig", {})
    assert "thinkingBudget" not in thinking
    assert thinking.get("thinkingLevel") == expected
    assert noted(upstream)[0] == ("converted", "google.thinking_config.thinking_budget")


def test_rule_074_the_effort_may_be_an_object() -> None:
    as_text = config(reasoning_effort="high")
    assert config(reasoning_effort={"effort": "high"}) == as_text
    assert config(reasoning_effort={"effort": "high", "summary": "auto"}) == as_text
    assert config(reasoning_effort={"summary": "auto"}) == {"thinkingConfig": {"includeThoughts": True}}
    assert config(reasoning_effort={"summary": None}) == {}
    upstream = translate(reasoning_effort={"summary": "auto"}, profile=PLAIN)
    assert noted(upstream) == [("dropped", "reasoning")]


@pytest.mark.parametrize(
    ("parameters", "sent"),
    [
        ({"reasoning": {"effort": "low"}}, {"includeThoughts": True, "thinkingBudget": 1024}),
        ({"reasoning": {}}, {"includeThoughts": True}),
        ({"reasoning": {"effort": "low", "exclude": True}}, {"thinkingBudget": 1024}),
        ({"reasoning": {"enabled": False}}, {"thinkingBudget": 0}),
        ({"reasoning": {"effort": "low"}, "reasoning_effort": "medium"}, thinking("medium", thinkingBudget=8192)),
        ({"reasoning": {}, "google": {"thinking_config": {"thinking_budget": 5}}}, thinking("", thinkingBudget=5)),
        ({"reasoning": {}, "google": {"thinking_config": {"thinking_budget": 0}}}, {"thinkingBudget": 0}),
    ],
)
def test_reasoning_requests_thoughts(parameters: dict[str, Any], sent: dict[str, Any]) -> None:
    upstream = translate(**parameters)
    assert upstream.body["generationConfig"] == {"thinkingConfig": sent}
    assert upstream.notes == ()


def test_a_budget_inside_reasoning_is_noted() -> None:
    assert noted(translate(reasoning={"max_tokens": 100})) == [("dropped", "reasoning.max_tokens")]


def test_rule_075_without_an_effort_the_model_keeps_its_default() -> None:
    assert config(profile=FLASH_3) == {}


def test_googles_own_thinking_config_takes_precedence() -> None:
    upstream = translate(
        reasoning_effort="high", google={"thinking_config": {"thinking_level": "LOW", "include_thoughts": True}}
    )
    assert upstream.body["generationConfig"] == {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 1024}}
    assert noted(upstream) == [
        ("dropped", "reasoning_effort"),
        ("converted", "google.thinking_config.thinking_level"),
    ]
    upstream = translate(google={"thinking_config": {"thinking_level": "medium"}}, profile=FLASH_3)
    assert upstream.body["generationConfig"] == {"thinkingConfig": {"thinkingLevel": "medium"}}
    assert translate(google={"thinking_config": {}}).body == translate().body


def test_models_without_thinking_get_no_thinking_config() -> None:
    upstream = translate(reasoning_effort="high", profile=PLAIN)
    assert noted(upstream) == [("dropped", "reasoning_effort")]
    assert translate(reasoning_effort="none", profile=PLAIN).notes == ()
    upstream = translate(google={"thinking_config": {"thinking_budget": 5}}, profile=PLAIN)
    assert noted(upstream) == [("dropped", "google.thinking_config")]


@pytest.mark.parametrize(
    "own",
    [
        7,
        [],
        {"budget": 1},
        {"thinking_budget": "1"},
        {"thinking_budget": True},
        {"thinking_budget": -2},
        {"thinking_budget": 2**31},
        {"thinking_level": "huge"},
        {"thinking_level": 3},
        {"include_thoughts": "yes"},
    ],
)
def test_a_thinking_config_of_a_wrong_shape_is_rejected_by_name(own: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate(google={"thinking_config": own})
    assert caught.value.param == "google.thinking_config"
