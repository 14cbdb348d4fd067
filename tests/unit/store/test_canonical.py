"""The identity of messages: which messages are the same node of the tree."""

from typing import Any

import pytest

from sessions_store.transcript.canonical import canonical_message
from sessions_store.transcript.reading import message_keys
from tests.exchanges import user_message


def call(arguments: str, *, name: str = "weather", key: str = "call_1") -> dict[str, Any]:
    return {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}}


def assistant(content: Any = None, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


IMAGE: dict[str, Any] = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
SAME = [
    pytest.param(user_message("Hi"), user_message([{"type": "text", "text": "Hi"}]), id="a string is one text part"),
    pytest.param(user_message("Hi"), user_message("Hi", name=None), id="null is absent"),
    pytest.param(user_message("Hi"), user_message("Hi", cache_control={"type": "x"}), id="unknown fields mean nothing"),
    pytest.param(user_message(""), user_message([{"type": "text", "text": ""}]), id="empty"),
    pytest.param({"role": "system", "content": "x"}, {"role": "developer", "content": "x"}, id="developer is system"),
    pytest.param(assistant("Hi"), assistant(" Hi\n"), id="an answer trimmed"),
    pytest.param(
        assistant("Hi"), assistant("Hi", refusal=None, audio=None, annotations=[]), id="an answer dumped whole"
    ),
    pytest.param(
        assistant("ab"),
        assistant([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
        id="an answer in parts",
    ),
    pytest.param(
        assistant(tool_calls=[call('{"a": 1e100}')]),
        assistant(tool_calls=[call('{"a": 1E100}')]),
        id="a number beyond all integers",
    ),
    pytest.param(
        assistant(tool_calls=[call('{"a": 1, "b": 2}')]),
        assistant("", tool_calls=[call('{"b":2.0,"a":1}', key="other")]),
        id="arguments serialised again, ids rewritten",
    ),
    pytest.param(assistant(tool_calls=[call("")]), assistant(tool_calls=[call("{}")]), id="no arguments"),
    pytest.param(
        assistant(tool_calls=[call("{}")]),
        assistant(function_call={"name": "weather", "arguments": "{}"}),
        id="a function call is a tool call",
    ),
    pytest.param(
        {"role": "tool", "tool_call_id": "a", "content": "20"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "20"}], "name": "weather"},
        id="a tool's answer without its id",
    ),
    pytest.param(
        user_message([IMAGE]),
        user_message([{"type": "image_url", "image_url": {**IMAGE["image_url"], "detail": None}}]),
        id="an image",
    ),
]
DIFFERENT = [
    pytest.param(user_message("Hi"), user_message("hi"), id="case"),
    pytest.param(user_message("Hi"), user_message("Hi "), id="a user's blanks are the user's"),
    pytest.param(user_message("Hi"), assistant("Hi"), id="role"),
    pytest.param(user_message("Hi"), user_message("Hi", name="Ann"), id="who speaks"),
    pytest.param(
        user_message("ab"),
        user_message([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
        id="a user's parts",
    ),
    pytest.param(assistant(tool_calls=[call("{}")]), assistant(tool_calls=[call("{}", name="time")]), id="function"),
    pytest.param(assistant(tool_calls=[call('{"a":1}')]), assistant(tool_calls=[call('{"a":2}')]), id="arguments"),
    pytest.param(assistant(tool_calls=[call("{}")]), assistant(tool_calls=[call("{}")] * 2), id="number of calls"),
    pytest.param(assistant("x"), assistant("x", refusal="no"), id="refusal"),
    pytest.param(
        user_message([IMAGE]),
        user_message([{"type": "image_url", "image_url": {"url": "https://example.org/b.png"}}]),
        id="another image",
    ),
    pytest.param(
        user_message([{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]),
        user_message([{"type": "input_audio", "input_audio": {"data": "AAAB", "format": "wav"}}]),
        id="another sound",
    ),
    pytest.param(
        user_message([{"type": "future", "x": 1}]), user_message([{"type": "future", "x": 2}]), id="a part of tomorrow"
    ),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equivalent_messages_have_the_same_key(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert canonical_message(one) == canonical_message(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_messages_have_different_keys(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert canonical_message(one) != canonical_message(other)


def test_arguments_that_are_no_json_are_stored_as_text() -> None:
    assert canonical_message(assistant(tool_calls=[call("{oops")])) != canonical_message(
        assistant(tool_calls=[call("{")])
    )


def test_a_key_depends_on_principal_parent_and_content() -> None:
    history = [user_message("a"), assistant("b"), user_message("c")]
    keys = message_keys(1, history)

    assert message_keys(1, history) == keys
    assert message_keys(1, history[2:], parent=keys[1]) == keys[2:]
    assert not set(keys) & set(message_keys(2, history))
    assert message_keys(1, [user_message("A"), *history[1:]])[2] != keys[2]


def test_results_of_parallel_calls_differ_by_their_call() -> None:
    asked = assistant(tool_calls=[call("{}", key="x"), call("{}", key="y")])

    def answered(first: str, second: str) -> list[dict[str, Any]]:
        """Return both calls with results in this order."""
        return [
            asked,
            {"role": "tool", "tool_call_id": first, "content": "1"},
            {"role": "tool", "tool_call_id": second, "content": "2"},
        ]

    assert message_keys(1, answered("x", "y")) != message_keys(1, answered("y", "x"))


def test_rewritten_call_ids_keep_the_key() -> None:
    def history(key: str) -> list[dict[str, Any]]:
        return [assistant(tool_calls=[call("{}", key=key)]), {"role": "tool", "tool_call_id": key, "content": "1"}]

    assert message_keys(1, history("x")) == message_keys(1, history("y"))
