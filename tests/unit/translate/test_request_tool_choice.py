"""Declarations of tools and the choice among them: rules 53 to 60."""

import re
from typing import Any

import pytest

from api.errors import InvalidRequestError
from tests.exchanges import user_message
from tests.unit.translate.requests import (
    FLASH_2,
    FLASH_3,
    PLAIN,
    WEATHER_TOOL,
    assistant,
    call,
    noted,
    result,
    translate,
)


def tool(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **fields}}


def names(message: Any, key: str) -> list[str]:
    return [part[key]["name"] for part in message["parts"]]


def called(name: str) -> list[Any]:
    """Return a call of this name and its result."""
    call_id = f"call_{name}"
    return [assistant(tool_calls=[call(call_id, name)]), result(call_id)]


def test_rule_053_names_are_made_valid_and_can_be_restored() -> None:
    wild, cut = "get weather/now!", "n" * 80
    upstream = translate(
        user_message(),
        assistant(tool_calls=[call("c1", wild)]),
        result("c1"),
        tools=[tool(wild), tool("9lives"), tool(cut), tool("get_weather_now_"), tool("fine")],
        profile=FLASH_3,
    )
    sent = [item["name"] for item in upstream.body["tools"][0]["functionDeclarations"]]
    assert sent[3:] == ["get_weather_now_", "fine"]
    assert re.fullmatch(r"get_weather_now__[0-9a-f]{8}", sent[0])
    assert re.fullmatch(r"_9lives_[0-9a-f]{8}", sent[1])
    assert all(len(name) <= 64 for name in sent)
    assert {name: upstream.tool_names.get(name, name) for name in sent} == dict(
        zip(sent, [wild, "9lives", cut, "get_weather_now_", "fine"], strict=True)
    )
    assert names(upstream.body["contents"][1], "functionCall") == sent[:1]
    assert names(upstream.body["contents"][2], "functionResponse") == sent[:1]
    assert upstream.tool_names.keys() == set(sent[:3])


@pytest.mark.parametrize("name", ["a b", "a/b", "9", "ü", "n" * 65, "a" * 64 + " "])
@pytest.mark.parametrize("others", [[], ["a_b"], ["a_b", "a.b", "a\tb"], ["_9", "_", "n" * 64, "a" * 64]])
def test_rule_053_the_form_of_a_name_depends_on_the_name_only(name: str, others: list[str]) -> None:
    alone = translate(user_message(), tools=[tool(name)], profile=FLASH_3)
    (form,) = alone.tool_names
    history = [
        user_message(),
        *(message for other in others for message in called(other)),
        *called(name),
        user_message(),
    ]
    later = translate(*history, tools=[tool(other) for other in (*others, name)], profile=FLASH_3)

    declared = [item["name"] for item in later.body["tools"][0]["functionDeclarations"]]
    assert (form, declared[-1]) == (form, form)
    assert len(set(declared)) == len(declared)
    assert later.tool_names[form] == name
    valid = [other for other in others if other != "a\tb"]
    assert [item for item in declared if item in valid] == valid
    turns = [message for message in later.body["contents"] if "parts" in message]
    assert names(turns[-3], "functionCall") == names(turns[-2], "functionResponse") == [form]


def test_rule_053_a_choice_names_the_sent_form() -> None:
    tools = [tool("a b"), tool("a_b")]
    (form,) = translate(user_message(), tools=tools, profile=FLASH_3).tool_names

    forced = translate(user_message(), tools=tools, tool_choice={"type": "function", "function": {"name": "a b"}})
    assert forced.body["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == [form]
    allowed = {
        "mode": "required",
        "tools": [{"type": "function", "function": {"name": name}} for name in ("a_b", "a b")],
    }
    restricted = translate(user_message(), tools=tools, tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert restricted.body["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == ["a_b", form]


def test_rule_053_a_valid_name_equal_to_the_form_of_another_is_kept() -> None:
    (form,) = translate(user_message(), tools=[tool("a b")], profile=FLASH_3).tool_names

    upstream = translate(user_message(), *called("a b"), user_message(), tools=[tool(form)], profile=FLASH_3)
    assert upstream.tool_names.get(form, form) == form
    with pytest.raises(InvalidRequestError) as caught:
        translate(user_message(), tools=[tool("a b"), tool(form)], profile=FLASH_3)
    assert caught.value.param == "tools[1].function.name"


@pytest.mark.parametrize("choice", ["none", "auto"])
def test_rule_054_without_declarations_there_is_no_calling_config(choice: str) -> None:
    assert "toolConfig" not in translate(tool_choice=choice).body
    assert "tools" not in translate(tools=[], tool_choice=choice).body


def test_rule_055_older_models_accept_tools_or_json() -> None:
    parameters: Any = {"tools": [WEATHER_TOOL], "response_format": {"type": "json_object"}}
    older = translate(**parameters, profile=FLASH_2)
    assert "generationConfig" not in older.body
    assert older.body["tools"]
    assert noted(older) == [("dropped", "response_format")]
    newer = translate(**parameters, profile=FLASH_3)
    assert newer.body["generationConfig"] == {"responseMimeType": "application/json"}
    assert newer.notes == ()


def test_rule_055_tools_excluded_by_the_choice_are_dropped_for_json() -> None:
    upstream = translate(
        tools=[WEATHER_TOOL], tool_choice="none", response_format={"type": "json_object"}, profile=FLASH_2
    )
    assert "tools" not in upstream.body
    assert upstream.body["generationConfig"] == {"responseMimeType": "application/json"}
    assert noted(upstream) == [("dropped", "tools")]


def test_a_forced_call_excludes_json_on_every_model() -> None:
    upstream = translate(
        tools=[WEATHER_TOOL], tool_choice="required", response_format={"type": "json_object"}, profile=FLASH_3
    )
    assert "generationConfig" not in upstream.body
    assert noted(upstream) == [("dropped", "response_format")]


def test_rule_057_all_functions_are_in_one_tool() -> None:
    upstream = translate(tools=[WEATHER_TOOL, tool("get_time", description="Time")])
    assert upstream.body["tools"] == [
        {
            "functionDeclarations": [
                {
                    "name": "get_weather",
                    "description": "Get the weather",
                    "parametersJsonSchema": WEATHER_TOOL["function"]["parameters"],
                },
                {"name": "get_time", "description": "Time"},
            ]
        }
    ]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("none", {"mode": "NONE"}),
        ("auto", None),
        (None, None),
        ("required", {"mode": "ANY"}),
        (
            {"type": "function", "function": {"name": "get_weather"}},
            {"mode": "ANY", "allowedFunctionNames": ["get_weather"]},
        ),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "get_weather"}}],
                },
            },
            {"mode": "ANY", "allowedFunctionNames": ["get_weather"]},
        ),
    ],
    ids=["none", "auto", "absent", "required", "named", "allowed"],
)
def test_rule_059_tool_choice_is_a_calling_mode(choice: Any, expected: Any) -> None:
    body = translate(tools=[WEATHER_TOOL], tool_choice=choice).body
    assert body.get("toolConfig") == (expected and {"functionCallingConfig": expected})


def test_rule_058_a_list_of_allowed_tools_is_never_sent_with_auto() -> None:
    choice = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "get_weather"}}]},
    }
    tools = [WEATHER_TOOL, tool("get_time")]
    newer = translate(tools=tools, tool_choice=choice, profile=FLASH_3)
    assert newer.body["toolConfig"]["functionCallingConfig"] == {
        "mode": "VALIDATED",
        "allowedFunctionNames": ["get_weather"],
    }
    assert len(newer.body["tools"][0]["functionDeclarations"]) == 2
    older = translate(tools=tools, tool_choice=choice, profile=FLASH_2)
    assert "toolConfig" not in older.body
    assert [item["name"] for item in older.body["tools"][0]["functionDeclarations"]] == ["get_weather"]
    assert noted(older) == [("converted", "tool_choice")]


def test_an_empty_list_of_allowed_tools_allows_none() -> None:
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}
    body = translate(tools=[WEATHER_TOOL], tool_choice=choice).body
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "NONE"}}


@pytest.mark.parametrize(
    "listed", [{"type": "function", "function": {"name": "other"}}, {"type": "custom", "custom": {"name": "x"}}, {}]
)
def test_allowed_tools_must_be_declared(listed: dict[str, Any]) -> None:
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [listed]}}
    with pytest.raises(InvalidRequestError) as caught:
        translate(tools=[WEATHER_TOOL], tool_choice=choice)
    assert (caught.value.param or "").startswith("tool_choice")


def test_rule_060_parallel_tool_calls_false_is_accepted() -> None:
    upstream = translate(tools=[WEATHER_TOOL], parallel_tool_calls=False)
    assert upstream.body == translate(tools=[WEATHER_TOOL]).body


def test_strict_functions_are_validated_if_the_model_supports_it() -> None:
    strict = [{"type": "function", "function": {**WEATHER_TOOL["function"], "strict": True}}]
    newer = translate(tools=strict, profile=FLASH_3)
    assert newer.body["toolConfig"]["functionCallingConfig"] == {"mode": "VALIDATED"}
    assert newer.notes == ()
    older = translate(tools=strict, profile=FLASH_2)
    assert "toolConfig" not in older.body
    assert noted(older) == [("dropped", "tools[0].function.strict")]


@pytest.mark.parametrize("allowed", [False, True])
def test_a_choice_names_a_custom_tool(allowed: bool) -> None:
    choice: dict[str, Any] = {"type": "custom", "custom": {"name": "shell"}}
    if allowed:
        choice = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [choice]}}
    body = translate(tools=[WEATHER_TOOL, {"type": "custom", "custom": {"name": "shell"}}], tool_choice=choice).body
    config = body["toolConfig"]["functionCallingConfig"]
    assert config == {"mode": "ANY", "allowedFunctionNames": ["shell"]}


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"type": "grammar"}, "tools[0].custom.format.definition"),
        ({"type": "grammar", "grammar": {"syntax": "lark"}}, "tools[0].custom.format.grammar.definition"),
        (
            {"type": "grammar", "grammar": {"syntax": "yacc", "definition": "x"}},
            "tools[0].custom.format.grammar.syntax",
        ),
        ({"type": "grammar", "grammar": {"definition": 1}}, "tools[0].custom.format.grammar.definition"),
        ({"type": "json"}, "tools[0].custom.format.type"),
        ({}, "tools[0].custom.format.type"),
    ],
)
def test_an_invalid_custom_format_is_rejected_by_name(form: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate(tools=[{"type": "custom", "custom": {"name": "shell", "format": form}}])
    assert caught.value.param == param


def test_a_custom_tool_and_a_function_of_one_name_are_rejected() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate(tools=[WEATHER_TOOL, {"type": "custom", "custom": {"name": "get_weather"}}])
    assert caught.value.param == "tools[1].custom.name"


def test_tools_of_other_types_are_noted() -> None:
    upstream = translate(tools=[{"type": "web_search"}])
    assert "tools" not in upstream.body
    assert noted(upstream) == [("dropped", "tools[0]")]


def test_functions_for_a_model_without_functions_are_rejected_by_name() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate(tools=[WEATHER_TOOL], profile=PLAIN)
    assert caught.value.param == "tools"


def test_a_repeated_function_name_is_rejected() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate(tools=[WEATHER_TOOL, WEATHER_TOOL])
    assert caught.value.param == "tools[1].function.name"


def test_legacy_functions_are_tools() -> None:
    function = WEATHER_TOOL["function"]
    messages = (
        user_message(),
        assistant(function_call={"name": "get_weather", "arguments": '{"city":"Paris"}'}),
        {"role": "function", "name": "get_weather", "content": "21 degrees"},
    )
    legacy = translate(*messages, functions=[function], function_call={"name": "get_weather"}, profile=FLASH_3)
    modern = translate(
        user_message(),
        assistant(tool_calls=[call("c1")]),
        result("c1"),
        tools=[WEATHER_TOOL],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        profile=FLASH_2,
    )
    assert legacy.body["tools"] == modern.body["tools"]
    assert legacy.body["toolConfig"] == modern.body["toolConfig"]
    assert names(legacy.body["contents"][1], "functionCall") == ["get_weather"]
    assert legacy.body["contents"][2] == modern.body["contents"][2]


def test_a_call_cannot_be_forced_without_functions() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate(tools=[{"type": "web_search"}], tool_choice="required")
    assert caught.value.param == "tool_choice"


def test_strict_legacy_functions_are_validated_too() -> None:
    function = {**WEATHER_TOOL["function"], "strict": True}
    assert noted(translate(functions=[function])) == [("dropped", "functions[0].strict")]
