"""Parameters that are parsed and not honoured: each is noted, except for values without effect."""

from typing import Any

import pytest

from api.errors import InvalidRequestError
from api.openai.shared.parameters import CHAT_PARAMETERS, COMPLETION_PARAMETERS
from api.translate.chat.dropped import DROPPED
from tests.exchanges import user_message
from tests.unit.translate.requests import DATA_URL, WEATHER_TOOL, assistant, call, noted, result, translate

GIVEN: dict[str, Any] = {
    "verbosity": "low",
    "prediction": {"type": "content", "content": "x"},
    "moderation": {"model": "m"},
    "safety_identifier": "u",
    "prompt_cache_options": {"mode": "auto"},
    "prompt_cache_retention": "24h",
}
HARMLESS: dict[str, Any] = {
    "store": True,
    "logprobs": False,
    "logit_bias": {"50256": 0},
    "verbosity": "medium",
    "modalities": ["text"],
    "service_tier": "auto",
    "prompt_cache_key": "k",
    "n": 1,
    "stream": False,
    "user": "ann",
    "metadata": {"a": "b"},
    "parallel_tool_calls": True,
    "temperature": 1,
    "presence_penalty": 0,
}


def test_the_table_of_dropped_parameters_is_complete() -> None:
    assert set(GIVEN) == set(DROPPED)


def test_each_dropped_parameter_is_noted_with_its_reason() -> None:
    upstream = translate(**GIVEN)
    assert noted(upstream) == [("dropped", name) for name in DROPPED]
    assert "generationConfig" not in upstream.body


@pytest.mark.parametrize(("name", "value"), HARMLESS.items())
def test_values_without_effect_have_no_note(name: str, value: Any) -> None:
    assert translate(**{name: value}).notes == ()


def test_unknown_parameters_are_noted() -> None:
    assert noted(translate(top_k=5, client_metadata={})) == [("dropped", "top_k"), ("dropped", "client_metadata")]


CACHED = {"cache_control": {"type": "ephemeral"}}
CALLED = {"role": "assistant", "tool_calls": [call("call_1")]}
# A request, and its unknown fields.
UNKNOWN_INSIDE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "reasoning": ({"reasoning": {"effort": "low", "depth": 3, "steps": None}}, ["reasoning.depth"]),
    "stream_options": ({"stream": True, "stream_options": {"rate": 1}}, ["stream_options.rate"]),
    "web_search_options": (
        {"web_search_options": {"filters": {}, "user_location": None}},
        ["web_search_options.filters"],
    ),
    "response_format": (
        {"response_format": {"type": "json_object", "schema": {"type": "object"}}},
        ["response_format.schema"],
    ),
    "json_schema": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"x": 1}, "mode": "m"}}},
        ["response_format.json_schema.mode", "response_format.json_schema.schema"],
    ),
    "tool_choice": (
        {"tools": [WEATHER_TOOL], "tool_choice": {"type": "function", "function": {"name": "get_weather"}, "a": 1}},
        ["tool_choice.a"],
    ),
    "tool": (
        {"tools": [{**WEATHER_TOOL, **CACHED, "defer_loading": True}]},
        ["tools[0].cache_control", "tools[0].defer_loading"],
    ),
    "function": (
        {"tools": [{"type": "function", "function": {**WEATHER_TOOL["function"], "examples": []}}]},
        ["tools[0].function.examples"],
    ),
    "user": ({"messages": [{**user_message(), "id": "1", "name": None}]}, ["messages[0].id"]),
    "system": (
        {"messages": [{"role": "system", "content": "x", **CACHED}, user_message()]},
        ["messages[0].cache_control"],
    ),
    "part": (
        {"messages": [user_message([{"type": "text", "text": "x", **CACHED}])]},
        ["messages[0].content[0].cache_control"],
    ),
    "image": (
        {"messages": [user_message([{"type": "image_url", "image_url": {"url": DATA_URL, "size": 1}}])]},
        ["messages[0].content[0].image_url.size"],
    ),
    "result": (
        {"messages": [user_message(), CALLED, {**result("call_1"), "name": "get_weather", "is_error": True}]},
        ["messages[2].is_error"],
    ),
    "part of a result": (
        {"messages": [user_message(), CALLED, result("call_1", [{"type": "text", "text": "x", **CACHED}])]},
        ["messages[2].content[0].cache_control"],
    ),
}


@pytest.mark.parametrize(("parameters", "unknown"), UNKNOWN_INSIDE.values(), ids=UNKNOWN_INSIDE.keys())
def test_unknown_fields_of_known_parameters_are_noted(parameters: dict[str, Any], unknown: list[str]) -> None:
    upstream = translate(*parameters.pop("messages", ()), **parameters)
    assert sorted(param for _, param in noted(upstream)) == unknown


def test_fields_of_other_servers_on_an_assistant_message_have_no_note() -> None:
    echo = assistant("Hi", refusal=None, annotations=[], provider_specific_fields={"x": 1}, parsed=None, logprobs=[])
    assert translate(user_message(), echo, user_message()).notes == ()


def test_requested_obfuscation_is_noted() -> None:
    upstream = translate(stream=True, stream_options={"include_usage": True, "include_obfuscation": True})
    assert noted(upstream) == [("dropped", "stream_options.include_obfuscation")]


def test_entries_beside_google_in_extra_body_are_noted() -> None:
    assert noted(translate(extra_body={"google": {}, "other": 1})) == [("dropped", "extra_body.other")]


SETTING = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}


@pytest.mark.parametrize(
    "parameters",
    [
        {"safety_settings": [SETTING]},
        {"google": {"safety_settings": [SETTING]}},
        {"extra_body": {"safety_settings": [SETTING]}},
        {"extra_body": {"google": {"safety_settings": [SETTING]}}},
    ],
    ids=["top", "google", "extra_body", "extra_body.google"],
)
def test_safety_settings_pass_through(parameters: dict[str, Any]) -> None:
    upstream = translate(**parameters)
    assert upstream.body["safetySettings"] == [SETTING]
    assert upstream.notes == ()


@pytest.mark.parametrize(
    "setting",
    [{}, {"category": "A"}, {**SETTING, "method": "X"}, {**SETTING, "threshold": "off it"}, {**SETTING, "category": 7}],
)
def test_safety_settings_of_another_form_are_rejected_by_name(setting: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate(safety_settings=[SETTING, setting])
    assert caught.value.param == "safety_settings[1]"
    with pytest.raises(InvalidRequestError):
        translate(google={"safety_settings": setting or 7})


def test_the_table_of_parameters_matches_the_dropped_ones() -> None:
    assert {row.name for row in CHAT_PARAMETERS if row.status == "noted"} == set(DROPPED)
    assert {row.name for row in COMPLETION_PARAMETERS if row.status == "noted"} == {"best_of"}
