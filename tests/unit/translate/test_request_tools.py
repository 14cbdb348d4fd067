"""Tool calls and their results: rules 12 to 25."""

from typing import Any

import pytest

from api.errors import InvalidRequestError
from api.translate.chat.request import HistoryMessage
from tests.exchanges import user_message
from tests.unit.translate.requests import (
    FLASH_2,
    FLASH_3,
    OTHER_SIGNATURE,
    SIGNATURE,
    WEATHER_TOOL,
    assistant,
    call,
    contents,
    noted,
    result,
    translate,
)

TWO_CALLS = assistant(tool_calls=[call("c1", arguments='{"city":"Paris"}'), call("c2", arguments='{"city":"Rome"}')])


def tool(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **fields}}


def response(content: Any) -> dict[str, Any]:
    turns = contents(user_message(), assistant(tool_calls=[call("c1")]), result("c1", content), tools=[WEATHER_TOOL])
    return turns[-1]["parts"][0]["functionResponse"]["response"]


def names(message: Any, key: str) -> list[str]:
    return [part[key]["name"] for part in message["parts"]]


def test_rule_012_results_of_one_batch_are_one_user_content() -> None:
    turns = contents(
        user_message(), TWO_CALLS, result("c1"), result("c2"), user_message("Thanks"), tools=[WEATHER_TOOL]
    )
    assert [message["role"] for message in turns] == ["user", "model", "user", "user"]
    assert [list(part) for part in turns[2]["parts"]] == [["functionResponse"], ["functionResponse"]]
    assert turns[3]["parts"] == [{"text": "Thanks"}]


def test_rule_013_results_are_in_the_order_of_their_calls() -> None:
    upstream = translate(user_message(), TWO_CALLS, result("c2", "warm"), result("c1", "cold"), tools=[WEATHER_TOOL])
    message = upstream.body["contents"][2]
    assert [part["functionResponse"]["response"]["output"] for part in message["parts"]] == ["cold", "warm"]
    assert upstream.gemini_contents[2] is not None
    assert upstream.gemini_contents[2]["parts"][0]["functionResponse"]["response"] == {"output": "warm"}
    assert upstream.placement == [0, 1, 2, 2]


def test_rule_014_a_result_has_the_name_of_its_call() -> None:
    calls = assistant(tool_calls=[call("c1", "get_time", "{}"), call("c2")])
    misnamed = {**result("c2"), "name": "other"}
    turns = contents(user_message(), calls, result("c1"), misnamed, tools=[WEATHER_TOOL, tool("get_time")])
    assert names(turns[2], "functionResponse") == ["get_time", "get_weather"]


def test_rule_015_text_between_a_call_and_its_result_does_not_hide_the_call() -> None:
    stored: Any = {"role": "model", "parts": [{"functionCall": {"name": "get_weather", "args": {}}}]}
    messages = [user_message(), assistant(tool_calls=[call("c1")]), assistant("Wait."), result("c1")]
    history = [HistoryMessage(message=item, content=None) for item in messages]
    history[1] = HistoryMessage(message=messages[1], content=stored)
    turns = contents(user_message("And?"), history=history, tools=[WEATHER_TOOL])
    assert [message["role"] for message in turns] == ["user", "model", "user", "user"]
    assert turns[1]["parts"] == [*stored["parts"], {"text": "Wait."}]
    assert names(turns[2], "functionResponse") == ["get_weather"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"temp": 21, "a": [1]}', {"temp": 21, "a": [1]}),
        ("21 degrees", {"output": "21 degrees"}),
        ("21", {"output": "21"}),
        ("[1, 2]", {"output": [1, 2]}),
        ("{not json", {"output": "{not json"}),
        ("", {"output": ""}),
        ([{"type": "text", "text": '{"temp": 21}'}], {"temp": 21}),
        ([], {"output": ""}),
    ],
)
def test_rule_016_results_are_objects(content: Any, expected: dict[str, Any]) -> None:
    assert response(content) == expected


@pytest.mark.parametrize(
    "content",
    ['{"$ref": "a"}', '{"a": [{"b": {"$ref": "x"}}]}', '{"a": {"\\u0024ref": "x"}}', "[" * 70 + "]" * 70],
    ids=["top", "deep", "escaped", "nested too deep"],
)
def test_rule_017_a_result_with_a_ref_key_is_sent_as_text(content: str) -> None:
    assert response(content) == {"output": content}
    assert response('{"a": "$ref"}') == {"a": "$ref"}


def test_rule_019_ids_are_sent_only_to_models_that_accept_them() -> None:
    messages = (user_message(), assistant(tool_calls=[call("c1")]), result("c1"))
    _, called, answered = contents(*messages, tools=[WEATHER_TOOL], profile=FLASH_3)
    assert called["parts"][0]["functionCall"]["id"] == "c1"
    assert answered["parts"][0]["functionResponse"]["id"] == "c1"
    _, called, answered = contents(*messages, tools=[WEATHER_TOOL], profile=FLASH_2)
    assert "id" not in called["parts"][0]["functionCall"]
    assert "id" not in answered["parts"][0]["functionResponse"]


def test_rule_020_a_result_has_the_id_and_name_of_the_stored_call() -> None:
    restored: Any = {
        1: {"role": "model", "parts": [{"functionCall": {"name": "get_weather", "args": {}, "id": "g7"}}]},
    }
    upstream = translate(
        user_message(),
        assistant(tool_calls=[call("c1")]),
        result("c1"),
        tools=[WEATHER_TOOL],
        restored=restored,
        profile=FLASH_3,
    )
    assert upstream.body["contents"][2]["parts"][0]["functionResponse"] == {
        "name": "get_weather",
        "response": {"output": "21 degrees"},
        "id": "g7",
    }


def test_rule_021_equal_calls_are_all_sent() -> None:
    twice = assistant(tool_calls=[call("c1"), call("c2")])
    turns = contents(user_message(), twice, result("c1"), result("c2"), tools=[WEATHER_TOOL])
    assert names(turns[1], "functionCall") == ["get_weather"] * 2
    assert names(turns[2], "functionResponse") == ["get_weather"] * 2


@pytest.mark.parametrize("arguments", ["", "  ", "{}"])
def test_rule_022_empty_arguments_are_an_empty_object(arguments: str) -> None:
    turns = contents(
        user_message(), assistant(tool_calls=[call("c1", arguments=arguments)]), result("c1"), tools=[WEATHER_TOOL]
    )
    assert turns[1]["parts"][0]["functionCall"]["args"] == {}


def test_rule_023_arguments_keep_their_key_order() -> None:
    arguments = '{"z":1,"a":2,"m":3}'
    turns = contents(
        user_message(), assistant(tool_calls=[call("c1", arguments=arguments)]), result("c1"), tools=[WEATHER_TOOL]
    )
    assert list(turns[1]["parts"][0]["functionCall"]["args"]) == ["z", "a", "m"]


def test_rule_024_a_repeated_id_belongs_to_the_latest_call() -> None:
    message = (assistant(tool_calls=[call("call_Read", "read", "{}")]), result("call_Read", "one"))
    again = (assistant(tool_calls=[call("call_Read", "write", "{}")]), result("call_Read", "two"))
    turns = contents(user_message(), *message, *again, tools=[tool("read"), tool("write")])
    assert names(turns[2], "functionResponse") == ["read"]
    assert names(turns[4], "functionResponse") == ["write"]


def test_rule_025_parts_of_googles_tools_are_sent_back() -> None:
    parts: list[Any] = [
        {"toolCall": {"id": "s1", "toolType": "GOOGLE_SEARCH_WEB", "args": {}}, "thoughtSignature": SIGNATURE},
        {
            "toolResponse": {"id": "s1", "toolType": "GOOGLE_SEARCH_WEB", "response": {}},
            "thoughtSignature": OTHER_SIGNATURE,
        },
        {"text": "Found."},
    ]
    turns = contents(
        user_message(),
        assistant("Found."),
        user_message("More"),
        restored={1: {"role": "model", "parts": parts}},
        profile=FLASH_3,
    )
    assert turns[1]["parts"] == parts


def test_a_function_result_without_its_call_is_rejected() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate(user_message(), {"role": "function", "name": "f", "content": "x"})
    assert caught.value.param == "messages[1].name"


def test_a_legacy_call_without_a_result_gets_a_placeholder_result() -> None:
    upstream = translate(
        user_message(),
        assistant(function_call={"name": "get_weather", "arguments": ""}),
        user_message("Never mind"),
        functions=[WEATHER_TOOL["function"]],
    )
    assert upstream.body["contents"][2]["parts"] == [
        {"functionResponse": {"name": "get_weather", "response": {"error": "No result was given."}}}
    ]
    assert upstream.placement == [0, 1, 3]
    assert noted(upstream) == [("added", "messages")]


def test_custom_calls_of_the_history_are_calls_with_one_argument() -> None:
    custom = {"id": "c1", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
    turns = contents(user_message(), assistant(tool_calls=[custom]), result("c1"))
    assert turns[1]["parts"] == [{"functionCall": {"name": "shell", "args": {"input": "ls"}}}]
    assert names(turns[2], "functionResponse") == ["shell"]


def test_a_second_result_of_one_call_is_rejected() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate(user_message(), assistant(tool_calls=[call("c1")]), result("c1"), result("c1"), tools=[WEATHER_TOOL])
    assert caught.value.param == "messages[3].tool_call_id"


def test_an_empty_function_result_is_an_empty_output() -> None:
    legacy = assistant(function_call={"name": "f", "arguments": ""})
    turns = contents(user_message(), legacy, {"role": "function", "name": "f", "content": None})
    assert turns[2]["parts"][0]["functionResponse"]["response"] == {"output": ""}
