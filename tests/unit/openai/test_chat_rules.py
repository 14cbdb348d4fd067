"""Rules on several messages or parameters: calls and their results, parameters that require or exclude each other."""

from typing import Any

import pytest

from tests.unit.openai.bodies import HELLO, assistant, call, chat, chat_error, function_tool, tool

UNANSWERED = "must be followed by tool messages responding to each 'tool_call_id'"
STRAY = "must be a response to a preceding message with 'tool_calls'"

WRONG_ORDER: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "no answer at all": ([HELLO, assistant(call("a"))], "messages[1].tool_calls", UNANSWERED),
    "no answer before the user": ([assistant(call("a")), HELLO], "messages[0].tool_calls", UNANSWERED),
    "one of two": ([assistant(call("a"), call("b")), tool("a")], "messages[0].tool_calls", "response messages: b"),
    "answer too late": ([assistant(call("a")), HELLO, tool("a")], "messages[0].tool_calls", UNANSWERED),
    "answered before": ([tool("a"), assistant(call("a"))], "messages[0].role", STRAY),
    "alone": ([tool("a")], "messages[0].role", STRAY),
    "after plain text": ([{"role": "assistant", "content": "x"}, tool("a")], "messages[1].role", STRAY),
    "after the batch ended": ([assistant(call("a")), tool("a"), HELLO, tool("a")], "messages[3].role", STRAY),
    "unknown id": ([assistant(call("a")), tool("z")], "messages[1].tool_call_id", "'z' not found"),
    "next batch unanswered": (
        [assistant(call("a")), tool("a"), assistant(call("b"))],
        "messages[2].tool_calls",
        "response messages: b",
    ),
}


@pytest.mark.parametrize(("messages", "param", "text"), WRONG_ORDER.values(), ids=WRONG_ORDER.keys())
def test_calls_and_results_must_match(messages: list[dict[str, Any]], param: str, text: str) -> None:
    error = chat_error(messages=messages)
    assert error.param == param
    assert text in error.message
    assert error.code == "invalid_value"


@pytest.mark.parametrize(
    "messages",
    [
        [assistant(call("a")), tool("a")],
        [assistant(call("a"), call("b")), tool("b"), tool("a"), HELLO],
        [assistant(call("a")), tool("a"), assistant(call("a")), tool("a")],
        [assistant(call("a"), call("a")), tool("a"), tool("a")],
        [assistant(call("a")), tool("a"), {"role": "assistant", "content": "done"}, HELLO],
    ],
)
def test_calls_with_results_are_accepted(messages: list[dict[str, Any]]) -> None:
    assert len(chat(messages=messages).messages) == len(messages)


def test_an_error_counts_many_unanswered_calls() -> None:
    error = chat_error(messages=[assistant(*(call(f"c{i}") for i in range(1000)))])
    assert error.message.endswith("response messages: c0, c1, c2, c3, c4 and 995 more")


TOOLS = [function_tool("add"), {"type": "custom", "custom": {"name": "sql"}}, {"type": "web_search"}]

WRONG_TOGETHER: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {"max_tokens": 5, "max_completion_tokens": 5},
        "max_tokens",
        "mutually_exclusive_parameters",
        "'max_completion_tokens' at the same time",
    ),
    (
        {"tools": TOOLS, "functions": [{"name": "f"}]},
        "functions",
        "mutually_exclusive_parameters",
        "'tools' at the same time",
    ),
    (
        {"stream_options": {"include_usage": True}},
        "stream_options",
        "invalid_value",
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
    ),
    ({"stream": False, "stream_options": {}}, "stream_options", "invalid_value", "'stream' is enabled"),
    ({"top_logprobs": 3}, "top_logprobs", "invalid_value", "only allowed when 'logprobs' is enabled"),
    ({"tool_choice": "required"}, "tool_choice", "invalid_value", "only allowed when 'tools' are specified"),
    ({"tool_choice": "required", "tools": []}, "tool_choice", "invalid_value", "'tools' are specified"),
    (
        {"tool_choice": {"type": "function", "function": {"name": "sql"}}, "tools": TOOLS},
        "tool_choice.function.name",
        "invalid_value",
        "'sql' not found in 'tools'",
    ),
    (
        {"tool_choice": {"type": "custom", "custom": {"name": "add"}}, "tools": TOOLS},
        "tool_choice.custom.name",
        "invalid_value",
        "'add' not found in 'tools'",
    ),
    ({"function_call": {"name": "f"}}, "function_call.name", "invalid_value", "'f' not found in 'functions'"),
]


@pytest.mark.parametrize(("changes", "param", "code", "text"), WRONG_TOGETHER, ids=lambda value: str(value)[:50])
def test_incompatible_parameters_are_rejected(changes: dict[str, Any], param: str, code: str, text: str) -> None:
    error = chat_error(**changes)
    assert (error.param, error.code) == (param, code)
    assert text in error.message


@pytest.mark.parametrize(
    "changes",
    [
        {"tool_choice": "none"},
        {"tool_choice": "auto"},
        {"tool_choice": "required", "tools": TOOLS},
        {"tool_choice": {"type": "function", "function": {"name": "add"}}, "tools": TOOLS},
        {"tool_choice": {"type": "custom", "custom": {"name": "sql"}}, "tools": TOOLS},
        {
            "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "x"}]}},
            "tools": TOOLS,
        },
        {"function_call": "auto"},
        {"function_call": {"name": "f"}, "functions": [{"name": "f"}]},
        {"functions": [{"name": "f"}], "tools": []},
        {"top_logprobs": 0},
        {"top_logprobs": 3, "logprobs": True},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"max_tokens": 5, "max_completion_tokens": None},
    ],
    ids=str,
)
def test_compatible_parameters_are_accepted(changes: dict[str, Any]) -> None:
    request = chat(**changes)
    assert {name: getattr(request, name) for name in changes} == changes
