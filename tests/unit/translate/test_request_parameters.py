"""Chat parameters with a counterpart of another name, and Google's own options, translated for Gemini."""

from dataclasses import replace
from typing import Any

import pytest

from api.errors import InvalidRequestError
from api.translate.request.upstream_call import OMITTED
from api.translate.request.vertex import final_call
from tests.exchanges import user_message
from tests.unit.translate.requests import FLASH_2, FLASH_3, WEATHER_TOOL, config, noted, translate

WITH_LOGPROBS = replace(FLASH_2, name="gemini-2.0-flash", logprobs=True, thinking="none")
SEARCH: dict[str, Any] = {"googleSearch": {}}
OWN_TOOLS: dict[str, Any] = {"google_search": True, "code_execution": {}, "url_context": True}


def rejected(**parameters: Any) -> InvalidRequestError:
    """Return the error of a request."""
    with pytest.raises(InvalidRequestError) as caught:
        translate(**parameters)
    return caught.value


def test_a_logit_bias_is_rejected_and_an_empty_one_is_not() -> None:
    error = rejected(logit_bias={"50256": -100})
    assert (error.param, error.code) == ("logit_bias", "unsupported_parameter")
    assert translate(logit_bias={}).notes == ()


@pytest.mark.parametrize(
    ("tier", "sent"),
    [("auto", None), ("default", "standard"), ("flex", "flex"), ("priority", "priority")],
)
def test_rule_077_tiers_get_geminis_names(tier: str, sent: str | None) -> None:
    upstream = translate(service_tier=tier)
    assert upstream.body.get("serviceTier") == sent
    assert upstream.notes == ()


@pytest.mark.parametrize("tier", ["scale", "fast", "next years tier"])
def test_rule_077_other_tiers_are_dropped_and_noted(tier: str) -> None:
    upstream = translate(service_tier=tier)
    assert "serviceTier" not in upstream.body
    assert noted(upstream) == [("dropped", "service_tier")]


@pytest.mark.parametrize(
    ("parameters", "sent"),
    [
        ({"logprobs": True}, {"responseLogprobs": True}),
        ({"logprobs": True, "top_logprobs": 0}, {"responseLogprobs": True}),
        ({"logprobs": True, "top_logprobs": 20}, {"responseLogprobs": True, "logprobs": 20}),
        ({"logprobs": False}, {}),
    ],
)
def test_rule_065_log_probabilities_are_requested(parameters: dict[str, Any], sent: dict[str, Any]) -> None:
    assert config(**parameters, profile=WITH_LOGPROBS) == sent


def test_rule_065_more_than_twenty_top_logprobs_are_rejected() -> None:
    assert rejected(logprobs=True, top_logprobs=21).param == "top_logprobs"


def test_log_probabilities_without_support_of_the_model_are_noted() -> None:
    upstream = translate(logprobs=True, top_logprobs=3)
    assert "generationConfig" not in upstream.body
    assert noted(upstream) == [("dropped", "logprobs")]


def test_web_search_is_google_search() -> None:
    upstream = translate(web_search_options={})
    assert upstream.body["tools"] == [SEARCH]
    assert "toolConfig" not in upstream.body
    assert upstream.notes == ()


def test_web_search_options_that_google_search_lacks_are_noted() -> None:
    place = {"type": "approximate", "approximate": {"city": "Oslo"}}
    upstream = translate(web_search_options={"search_context_size": "high", "user_location": place})
    assert noted(upstream) == [
        ("dropped", "web_search_options.search_context_size"),
        ("dropped", "web_search_options.user_location"),
    ]
    assert translate(web_search_options={"search_context_size": "medium"}).notes == ()


@pytest.mark.parametrize("nested", [False, True])
def test_rule_057_each_of_googles_tools_is_a_tool_of_its_own(nested: bool) -> None:
    upstream = translate(extra_body={"google": OWN_TOOLS}) if nested else translate(google=OWN_TOOLS)
    assert upstream.body["tools"] == [SEARCH, {"codeExecution": {}}, {"urlContext": {}}]
    assert upstream.notes == ()


def test_googles_tools_may_be_switched_off() -> None:
    assert "tools" not in translate(google={"google_search": False, "code_execution": None}).body


def test_rule_056_functions_beside_googles_tools_are_validated() -> None:
    upstream = translate(tools=[WEATHER_TOOL], google=OWN_TOOLS, profile=FLASH_3)
    assert [next(iter(tool)) for tool in upstream.body["tools"]] == [
        "functionDeclarations",
        "googleSearch",
        "codeExecution",
        "urlContext",
    ]
    assert upstream.body["toolConfig"] == {
        "functionCallingConfig": {"mode": "VALIDATED"},
        "includeServerSideToolInvocations": True,
    }
    assert upstream.notes == ()


def test_rule_056_the_clients_tool_choice_is_kept() -> None:
    upstream = translate(tools=[WEATHER_TOOL], tool_choice="required", web_search_options={}, profile=FLASH_3)
    assert upstream.body["toolConfig"]["functionCallingConfig"] == {"mode": "ANY"}


def test_rule_056_older_models_keep_the_functions() -> None:
    upstream = translate(tools=[WEATHER_TOOL], web_search_options={}, google={"code_execution": True})
    assert [list(tool) for tool in upstream.body["tools"]] == [["functionDeclarations"]]
    assert noted(upstream) == [("dropped", "web_search_options"), ("dropped", "google.code_execution")]


def test_rule_056_functions_excluded_by_the_choice_are_dropped() -> None:
    upstream = translate(tools=[WEATHER_TOOL], tool_choice="none", web_search_options={})
    assert upstream.body["tools"] == [SEARCH]
    assert "toolConfig" not in upstream.body
    assert noted(upstream) == [("dropped", "tools")]


@pytest.mark.parametrize(("profile", "kept"), [(FLASH_2, False), (FLASH_3, True)])
def test_googles_tools_beside_json_follow_the_catalogue(profile: Any, kept: bool) -> None:
    upstream = translate(response_format={"type": "json_object"}, web_search_options={}, profile=profile)
    assert upstream.body["generationConfig"]["responseMimeType"] == "application/json"
    assert ("tools" in upstream.body) is kept
    assert noted(upstream) == ([] if kept else [("dropped", "web_search_options")])


def test_rule_076_instructions_and_tools_beside_cached_content_are_dropped() -> None:
    upstream = translate(
        {"role": "system", "content": "Be brief."},
        user_message(),
        tools=[WEATHER_TOOL],
        tool_choice="required",
        google={"cached_content": "cachedContents/abc"},
    )
    assert upstream.body == {
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "cachedContent": "cachedContents/abc",
    }
    assert upstream.placement == [OMITTED, 0]
    assert upstream.gemini_contents[0] is None
    assert noted(upstream) == [("dropped", "tools"), ("dropped", "messages")]


def test_rule_076_cached_content_without_dropped_fields_has_no_note() -> None:
    upstream = translate(google={"cachedContent": "projects/p/locations/global/cachedContents/1"})
    assert upstream.body["cachedContent"] == "projects/p/locations/global/cachedContents/1"
    assert upstream.notes == ()


@pytest.mark.parametrize("value", ["low", "MEDIA_RESOLUTION_LOW"])
def test_the_media_resolution_is_the_clients(value: str) -> None:
    assert config(google={"media_resolution": value}) == {"mediaResolution": "MEDIA_RESOLUTION_LOW"}


@pytest.mark.parametrize("name", ["tools", "generation_config", "aspect_ratio", "thought_tag_marker", "mine"])
@pytest.mark.parametrize("nested", [False, True])
def test_googles_other_options_are_rejected_by_name(name: str, nested: bool) -> None:
    given: dict[str, Any] = {name: {}}
    error = rejected(extra_body={"google": given}) if nested else rejected(google=given)
    assert (error.param, error.code) == (f"google.{name}", "unknown_parameter")


def test_a_rejected_name_is_one_line() -> None:
    error = rejected(google={"a\r\nb" * 500: 1})
    assert "\n" not in error.message
    assert len(error.message) < 1000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cached_content", "abc"),
        ("cached_content", 7),
        ("media_resolution", "ultra"),
        ("response_modalities", []),
        ("response_modalities", ["SMELL"]),
        ("google_search", {"a": 1}),
        ("code_execution", "yes"),
        ("url_context", 1),
    ],
)
def test_googles_options_of_another_form_are_rejected_by_name(name: str, value: Any) -> None:
    error = rejected(google={name: value})
    assert (error.param, error.code) == (f"google.{name}", "invalid_value")


def test_vertex_gets_no_fields_of_the_gemini_api_only() -> None:
    upstream = translate(tools=[WEATHER_TOOL], web_search_options={}, service_tier="flex", profile=FLASH_3)
    vertex = final_call(upstream, vertex=True)
    assert vertex.body["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}
    assert "serviceTier" not in vertex.body
    assert noted(vertex) == [("dropped", "service_tier")]
    assert upstream.body["serviceTier"] == "flex"


def test_vertex_gets_all_other_fields() -> None:
    upstream = translate(tools=[WEATHER_TOOL], tool_choice="required", service_tier="default")
    vertex = final_call(upstream, vertex=True)
    assert vertex.body == {name: value for name, value in upstream.body.items() if name != "serviceTier"}
    assert vertex.notes == ()
    assert final_call(upstream, vertex=False) is upstream
