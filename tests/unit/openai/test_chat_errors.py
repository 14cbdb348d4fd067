"""The error of an invalid chat request names the parameter in `param`, states the reason and repeats no prompt."""

from typing import Any

import pytest

from tests.unit.openai.bodies import HELLO, assistant, call, chat_error, function_tool

SECRET = "the launch code is 0000 and nobody may know it, so it never stands in a message"


def user_messages(content: Any) -> list[dict[str, Any]]:
    """Return messages with one user message of this content."""
    return [{"role": "user", "content": content}]


# (changes to the body, param, code, part of the message)
WRONG: list[tuple[dict[str, Any], str, str, str]] = [
    ({"model": None}, "model", "missing_required_parameter", "Missing required parameter: 'model'."),
    ({"model": 4}, "model", "invalid_type", "expected a string, but got an integer"),
    ({"model": ""}, "model", "invalid_value", "empty string"),
    ({"model": "x" * 201}, "model", "invalid_value", "maximum length 200"),
    ({"model": "gpt\r\nX-Evil: 1"}, "model", "invalid_value", "control characters"),
    ({"messages": None}, "messages", "missing_required_parameter", "'messages'"),
    ({"messages": []}, "messages", "invalid_value", "empty array"),
    ({"messages": "Hello"}, "messages", "invalid_type", "expected an array, but got a string"),
    ({"messages": {}}, "messages", "invalid_type", "expected an array, but got an object"),
    ({"messages": [HELLO] * 2001}, "messages", "invalid_value", "maximum length 2000"),
    ({"messages": ["Hello"]}, "messages[0]", "invalid_type", "expected an object, but got a string"),
    ({"messages": [HELLO, None]}, "messages[1]", "invalid_type", "expected an object, but got null"),
    ({"messages": [{}]}, "messages[0].role", "missing_required_parameter", "'messages[0].role'"),
    ({"messages": [{"role": "wizard", "content": ""}]}, "messages[0].role", "invalid_value", "'wizard'"),
    ({"messages": [{"role": 7, "content": ""}]}, "messages[0].role", "invalid_type", "expected a string"),
    ({"messages": [{"role": ["user"], "content": ""}]}, "messages[0].role", "invalid_type", "got an array"),
    ({"messages": [HELLO, {"role": "user"}]}, "messages[1].content", "missing_required_parameter", "messages[1]"),
    ({"messages": user_messages(None)}, "messages[0].content", "invalid_type", "a string or an array, but got null"),
    ({"messages": user_messages(5)}, "messages[0].content", "invalid_type", "a string or an array, but got an integer"),
    ({"messages": user_messages({})}, "messages[0].content", "invalid_type", "a string or an array, but got an object"),
    (
        {"messages": user_messages(["Hi"])},
        "messages[0].content[0]",
        "invalid_type",
        "expected an object, but got a string",
    ),
    ({"messages": user_messages([{"text": "a"}])}, "messages[0].content[0].type", "missing_required_parameter", "type"),
    ({"messages": user_messages([{"type": "vid"}])}, "messages[0].content[0].type", "invalid_value", "'vid'"),
    (
        {"messages": user_messages([{"type": "text"}])},
        "messages[0].content[0].text",
        "missing_required_parameter",
        "text",
    ),
    (
        {"messages": user_messages([{"type": "text", "text": 1}])},
        "messages[0].content[0].text",
        "invalid_type",
        "integer",
    ),
    (
        {"messages": user_messages([{"type": "image_url", "image_url": 7}])},
        "messages[0].content[0].image_url",
        "invalid_type",
        "expected a string or an object",
    ),
    (
        {"messages": user_messages([{"type": "input_audio", "input_audio": {"data": ""}}])},
        "messages[0].content[0].input_audio.format",
        "missing_required_parameter",
        "format",
    ),
    (
        {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        "messages[0].content[0].type",
        "invalid_value",
        "'text'",
    ),
    ({"messages": [{**HELLO, "name": 1}]}, "messages[0].name", "invalid_type", "expected a string"),
    ({"messages": [HELLO, assistant({"id": "c"})]}, "messages[1].tool_calls[0].type", "missing_required_parameter", ""),
    ({"messages": [assistant({**call(), "type": "x"})]}, "messages[0].tool_calls[0].type", "invalid_value", "'x'"),
    (
        {"messages": [assistant({"id": "c", "type": "function", "function": {"name": "f"}})]},
        "messages[0].tool_calls[0].function.arguments",
        "missing_required_parameter",
        "arguments",
    ),
    (
        {"messages": [assistant({**call(), "id": None})]},
        "messages[0].tool_calls[0].id",
        "invalid_type",
        "expected a string, but got null",
    ),
    (
        {"messages": [{"role": "assistant", "user": 1, "content": 3}]},
        "messages[0].content",
        "invalid_type",
        "got an integer",
    ),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id", "missing_required_parameter", ""),
    ({"messages": [{"role": "function", "content": "x"}]}, "messages[0].name", "missing_required_parameter", ""),
    ({"temperature": "0.7"}, "temperature", "invalid_type", "expected a decimal, but got a string"),
    ({"temperature": True}, "temperature", "invalid_type", "got a boolean"),
    ({"temperature": 2.1}, "temperature", "invalid_value", "Expected a value <= 2, but got 2.1 instead"),
    ({"temperature": -1}, "temperature", "invalid_value", "Expected a value >= 0, but got -1 instead"),
    ({"temperature": 10**15}, "temperature", "invalid_value", "integer above maximum"),
    ({"top_p": 1.01}, "top_p", "invalid_value", "<= 1"),
    ({"frequency_penalty": -2.5}, "frequency_penalty", "invalid_value", ">= -2"),
    ({"presence_penalty": 3}, "presence_penalty", "invalid_value", "<= 2"),
    ({"n": 0}, "n", "invalid_value", ">= 1"),
    ({"n": 9}, "n", "invalid_value", "Expected a value <= 8, but got 9 instead"),
    ({"n": 10_000}, "n", "invalid_value", "<= 8"),
    ({"n": 1.5}, "n", "invalid_type", "expected an integer, but got a decimal"),
    ({"n": True}, "n", "invalid_type", "got a boolean"),
    ({"max_tokens": 0}, "max_tokens", "invalid_value", ">= 1"),
    ({"max_tokens": -5}, "max_tokens", "invalid_value", "-5"),
    ({"max_tokens": 10**18}, "max_tokens", "invalid_value", "above maximum"),
    ({"max_tokens": 1e18}, "max_tokens", "invalid_type", "expected an integer, but got a decimal"),
    ({"max_completion_tokens": "9"}, "max_completion_tokens", "invalid_type", "expected an integer"),
    ({"seed": 2**63}, "seed", "invalid_value", "above maximum"),
    ({"seed": 1.5}, "seed", "invalid_type", "expected an integer"),
    ({"stop": 5}, "stop", "invalid_type", "a string or an array"),
    ({"stop": ["a", 1]}, "stop[1]", "invalid_type", "expected a string"),
    ({"stop": ["a"] * 17}, "stop", "invalid_value", "maximum length 16"),
    ({"logit_bias": {"50256": 101}}, "logit_bias.50256", "invalid_value", "<= 100"),
    ({"logit_bias": []}, "logit_bias", "invalid_type", "expected an object"),
    ({"top_logprobs": 21, "logprobs": True}, "top_logprobs", "invalid_value", "<= 20"),
    ({"stream": "yes"}, "stream", "invalid_type", "expected a boolean"),
    ({"stream": 1}, "stream", "invalid_type", "expected a boolean, but got an integer"),
    ({"stream_options": []}, "stream_options", "invalid_type", "expected an object"),
    (
        {"stream": True, "stream_options": {"include_usage": 1}},
        "stream_options.include_usage",
        "invalid_type",
        "boolean",
    ),
    ({"user": "x" * 257}, "user", "invalid_value", "maximum length 256"),
    ({"user": "a\nb"}, "user", "invalid_value", "control characters"),
    ({"user": "a\u2028b"}, "user", "invalid_value", "line separators"),
    ({"user": "a\x1b[31m"}, "user", "invalid_value", "control characters"),
    ({"user": 7}, "user", "invalid_type", "expected a string"),
    ({"metadata": {"k": 1}}, "metadata.k", "invalid_type", "expected a string"),
    ({"metadata": {"k": "v" * 513}}, "metadata.k", "invalid_value", "maximum length 512"),
    ({"metadata": {"k" * 65: "v"}}, "metadata", "invalid_value", "maximum length 64"),
    ({"metadata": {str(i): "v" for i in range(17)}}, "metadata", "invalid_value", "size 16, but got an object with"),
    ({"tools": {}}, "tools", "invalid_type", "expected an array"),
    ({"tools": ["add"]}, "tools[0]", "invalid_type", "expected an object"),
    ({"tools": [{}]}, "tools[0].type", "missing_required_parameter", "tools[0].type"),
    ({"tools": [{"type": 1}]}, "tools[0].type", "invalid_type", "expected a string"),
    ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter", "tools[0].function"),
    ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name", "missing_required_parameter", ""),
    (
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
        "tools[0].function.parameters",
        "invalid_type",
        "expected an object",
    ),
    ({"tools": [function_tool()] * 129}, "tools", "invalid_value", "maximum length 128"),
    ({"tools": [function_tool()] * 10_000}, "tools", "invalid_value", "maximum length 128"),
    ({"tool_choice": "any", "tools": [function_tool()]}, "tool_choice", "invalid_value", "'any'"),
    ({"tool_choice": 1}, "tool_choice", "invalid_type", "a string or an object"),
    ({"tool_choice": {"type": "magic"}}, "tool_choice.type", "invalid_value", "'magic'"),
    ({"tool_choice": {"type": "function"}}, "tool_choice.function", "missing_required_parameter", ""),
    (
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "x", "tools": []}}},
        "tool_choice.allowed_tools.mode",
        "invalid_value",
        "'auto' or 'required'",
    ),
    ({"parallel_tool_calls": "no"}, "parallel_tool_calls", "invalid_type", "expected a boolean"),
    ({"functions": [{}]}, "functions[0].name", "missing_required_parameter", "functions[0].name"),
    ({"function_call": []}, "function_call", "invalid_type", "a string or an object"),
    ({"response_format": "json"}, "response_format", "invalid_type", "expected an object"),
    ({"response_format": {}}, "response_format.type", "missing_required_parameter", ""),
    ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value", "'json_schema'"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "missing_required_parameter", ""),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
        "response_format.json_schema.name",
        "missing_required_parameter",
        "",
    ),
    ({"reasoning_effort": "extreme"}, "reasoning_effort", "invalid_value", "'extreme'"),
    ({"reasoning_effort": {"effort": "extreme"}}, "reasoning_effort.effort", "invalid_value", "'extreme'"),
    ({"reasoning_effort": 3}, "reasoning_effort", "invalid_type", "a string or an object"),
    ({"safety_settings": {}}, "safety_settings", "invalid_type", "expected an array"),
    ({"google": "x"}, "google", "invalid_type", "expected an object"),
]


@pytest.mark.parametrize(("changes", "param", "code", "text"), WRONG, ids=lambda value: str(value)[:60])
def test_an_invalid_request_is_rejected_by_name(changes: dict[str, Any], param: str, code: str, text: str) -> None:
    error = chat_error(**changes)
    assert (error.param, error.code, error.status) == (param, code, 400)
    assert text in error.message
    assert f"'{param}" in error.message


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": [{"role": "user", "content": [{"type": SECRET}]}]},
        {"messages": [{"role": SECRET, "content": "x"}]},
        {"messages": [{"role": "user", "content": [SECRET]}]},
        {"messages": [{"role": "user", "content": {"text": SECRET}}]},
        {"messages": SECRET},
        {"temperature": SECRET},
        {"stop": [SECRET, 1]},
        {"metadata": {SECRET: 1}},
        {"user": SECRET + "\n"},
        {"reasoning_effort": SECRET},
        {"response_format": {"type": SECRET}},
        {"messages": [assistant(call(arguments=SECRET))]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_an_error_message_does_not_repeat_the_clients_text(changes: dict[str, Any]) -> None:
    error = chat_error(**changes)
    assert "launch" not in f"{error.message} {error.param}"


def test_names_in_error_messages_are_one_printable_line() -> None:
    error = chat_error(messages=[assistant(call("call\r\n\x1b[31m" + "x" * 500)), HELLO])
    assert error.message.isprintable()
    assert len(error.message) < 300
