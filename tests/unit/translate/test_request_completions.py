"""Legacy completions to Gemini: one call for each prompt."""

from typing import Any

import orjson

from api.openai.completions.request import parse_completion
from api.translate.completions.request import completion_to_gemini
from api.translate.request.upstream_call import UpstreamCall
from sessions_store.catalogue.model_profile import ModelProfile
from tests.unit.translate.requests import FLASH_2, FLASH_3, judge, noted


def calls(profile: ModelProfile = FLASH_2, **parameters: Any) -> list[UpstreamCall]:
    """Return the translation of a legacy request, validated by the emulator's rules."""
    request = parse_completion(orjson.dumps({"model": "gpt-3.5-turbo-instruct", "prompt": "Once upon", **parameters}))
    upstream = completion_to_gemini(request, profile=profile)
    for item in upstream:
        judge(item, profile)
    return upstream


def test_a_prompt_is_a_user_content() -> None:
    (upstream,) = calls(max_tokens=5, temperature=0, stop=["\n"], user="ann", echo=True)
    content = {"role": "user", "parts": [{"text": "Once upon"}]}
    assert upstream.body == {
        "contents": [content],
        "generationConfig": {"temperature": 0, "maxOutputTokens": 5, "stopSequences": ["\n"]},
    }
    assert (upstream.gemini_contents, upstream.placement, upstream.notes) == ([content], [0], ())


def test_each_prompt_is_a_call_and_the_first_call_has_the_notes() -> None:
    first, second = calls(prompt=["a", ""], n=3, presence_penalty=1, profile=FLASH_3)
    assert [item.body["contents"][0]["parts"] for item in (first, second)] == [[{"text": "a"}], [{"text": " "}]]
    assert (first.parallel, second.parallel) == (3, 3)
    assert noted(first) == [("dropped", "presence_penalty")]
    assert second.notes == ()


def test_candidates_are_counted_per_prompt() -> None:
    first, second = calls(prompt=["a", "b"], n=3)
    assert first.body["generationConfig"] == second.body["generationConfig"] == {"candidateCount": 3}
    assert first.parallel == 1


def test_a_suffix_is_an_instruction() -> None:
    (upstream,) = calls(suffix="happily ever after.")
    (instruction,) = upstream.body["systemInstruction"]["parts"]
    assert instruction["text"].endswith("happily ever after.")
    assert noted(upstream) == [("converted", "suffix")]


def test_a_dropped_completion_parameter_is_noted() -> None:
    (upstream,) = calls(best_of=3, logprobs=2, google={"media_resolution": "low"}, mine=1)
    assert noted(upstream) == [("dropped", name) for name in ("logprobs", "google.media_resolution", "best_of", "mine")]
    (upstream,) = calls(best_of=1, logit_bias={})
    assert upstream.notes == ()


def test_googles_options_are_honoured() -> None:
    setting = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}
    (upstream,) = calls(safety_settings=[setting], google={"thinking_config": {"thinking_budget": 0}})
    assert upstream.body["safetySettings"] == [setting]
    assert upstream.body["generationConfig"] == {"thinkingConfig": {"thinkingBudget": 0}}
