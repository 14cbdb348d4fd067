"""Parsing of valid chat requests: typed parameters, and messages unchanged."""

from typing import Any

import orjson
import pytest

from api.errors import InternalError
from api.openai.chat.request import parse_chat_completion
from api.openai.chat.tools import is_custom_tool, is_function_tool
from tests.unit.openai.bodies import HELLO, assistant, call, chat, function_tool, tool

SDK_ANSWER = {
    "content": None,
    "refusal": None,
    "role": "assistant",
    "annotations": [],
    "audio": None,
    "function_call": None,
    "tool_calls": [{**call(), "extra_content": {"google": {"thought_signature": "c2ln"}}}],
}

VALID_MESSAGES: dict[str, list[dict[str, Any]]] = {
    "every role": [
        {"role": "system", "content": "Be kind."},
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
        HELLO,
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "And?", "name": "ann"},
        assistant(call()),
        tool(),
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": None},
    ],
    "an SDK's whole answer": [HELLO, SDK_ANSWER, tool(content=[{"type": "text", "text": "3"}])],
    "assistant without content": [HELLO, {"role": "assistant", "tool_calls": [call()]}, tool()],
    "assistant with nothing": [HELLO, {"role": "assistant"}, HELLO],
    "assistant with empty calls": [HELLO, {"role": "assistant", "content": "x", "tool_calls": []}],
    "assistant parts": [
        {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "no"}]}
    ],
    "every user part": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "original"}},
                {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
                {"type": "file", "file": {"file_data": "aGk=", "filename": "a.pdf"}},
            ],
        }
    ],
    "foreign keys": [{"cache_control": {"type": "ephemeral"}, "content": "x", "role": "user", "id": 7}],
    "custom tool call": [
        {**assistant(), "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "x", "input": "("}}]},
        tool("c"),
    ],
    "empty arguments": [assistant(call(arguments="")), tool()],
    "empty text": [{"role": "user", "content": ""}, {"role": "user", "content": []}],
}


@pytest.mark.parametrize("messages", VALID_MESSAGES.values(), ids=VALID_MESSAGES.keys())
def test_messages_stay_as_sent(messages: list[dict[str, Any]]) -> None:
    body = orjson.dumps({"model": "gpt-4", "messages": messages})
    assert orjson.dumps(parse_chat_completion(body).messages) == orjson.dumps(messages)


# (parameter, value sent, value parsed)
ACCEPTED = [
    ("temperature", 1, 1.0),
    ("temperature", 0, 0.0),
    ("top_p", 1, 1.0),
    ("frequency_penalty", -2, -2.0),
    ("seed", -(2**53), -(2**53)),
    ("n", 8, 8),
    ("stop", [], []),
    ("stop", "END", "END"),
    ("max_tokens", 2**31 - 1, 2**31 - 1),
    ("logit_bias", {"50256": -100}, {"50256": -100.0}),
    ("user", "", ""),
    ("user", "Zoë 🙂", "Zoë 🙂"),
    ("metadata", {"k" * 64: "v" * 512}, {"k" * 64: "v" * 512}),
    ("verbosity", "loud", "loud"),
    ("service_tier", "ultrafast", "ultrafast"),
    ("audio", {"format": "wav", "voice": {"id": "v"}}, {"format": "wav", "voice": {"id": "v"}}),
    ("tools", [], []),
    ("tool_choice", "auto", "auto"),
    ("response_format", {"type": "text", "x": 1}, {"type": "text", "x": 1}),
    ("prediction", {"type": "content", "content": "x"}, {"type": "content", "content": "x"}),
    ("modalities", ["text", "audio"], ["text", "audio"]),
]


@pytest.mark.parametrize(("name", "sent", "parsed"), ACCEPTED, ids=lambda value: str(value)[:30])
def test_accepted_values_are_parsed(name: str, sent: Any, parsed: Any) -> None:
    value = getattr(chat(**{name: sent}), name)
    assert value == parsed
    assert type(value) is type(parsed)


def test_a_null_parameter_is_absent() -> None:
    names = chat().parameters() - {"model", "messages"}
    request = chat(**dict.fromkeys(names))
    assert {name for name in names if getattr(request, name) is not None} == set()
    assert request.unknown == ()


def test_unknown_parameters_are_listed_not_rejected() -> None:
    request = chat(client_metadata={"a": 1}, top_k=5, unknown=["x"], temperature=1)
    assert request.unknown == ("client_metadata", "top_k", "unknown")


def test_a_flood_of_unknown_parameters_is_counted() -> None:
    request = chat(**{f"x{i}\r\n": i for i in range(100)})
    assert len(request.unknown) == 33
    assert request.unknown[-1] == "68 more"
    assert all(name.isprintable() for name in request.unknown)


def test_tools_keep_their_foreign_keys_and_types() -> None:
    tools = [
        {**function_tool(), "cache_control": {"type": "ephemeral"}},
        {"type": "custom", "custom": {"name": "sql", "format": {"type": "text"}}},
        {"type": "namespace", "name": "n", "tools": [function_tool()]},
        {"type": "web_search", "external_web_access": False},
    ]
    parsed = chat(tools=tools).tools or []
    assert parsed == tools
    assert [(is_function_tool(one), is_custom_tool(one)) for one in parsed] == [
        (True, False),
        (False, True),
        (False, False),
        (False, False),
    ]


@pytest.mark.parametrize(
    ("sent", "effort"),
    [
        (None, None),
        ("low", "low"),
        ("none", "none"),
        ({"effort": "high", "summary": "auto"}, "high"),
        ({"summary": "auto"}, None),
        ({"effort": None}, None),
    ],
)
def test_the_effort_is_parsed_in_both_forms(sent: Any, effort: str | None) -> None:
    assert chat(reasoning_effort=sent).effort == effort


@pytest.mark.parametrize(
    ("changes", "limit"),
    [({}, None), ({"max_tokens": 5}, 5), ({"max_completion_tokens": 6}, 6), ({"max_tokens": None}, None)],
)
def test_the_output_limit_is_parsed_under_both_names(changes: dict[str, Any], limit: int | None) -> None:
    assert chat(**changes).output_limit == limit


@pytest.mark.parametrize(("stop", "sequences"), [(None, []), ("a", ["a"]), (["a", "b"], ["a", "b"]), ("", [""])])
def test_stop_is_parsed_in_every_form(stop: Any, sequences: list[str]) -> None:
    assert chat(stop=stop).stop_sequences == sequences


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"stream": True, "stream_options": {"include_usage": True}}, True),
        ({"stream": True, "stream_options": {"include_usage": None}}, False),
        ({"stream": True, "stream_options": {}}, False),
        ({"stream": True}, False),
    ],
)
def test_include_usage_is_parsed(changes: dict[str, Any], wanted: bool) -> None:
    assert chat(**changes).include_usage is wanted


def test_google_options_are_parsed_at_the_top_and_nested() -> None:
    request = chat(
        google={"thinking_config": {"thinking_budget": 0}},
        extra_body={"google": {"cached_content": "c", "thinking_config": {}}, "safety_settings": [{"category": "X"}]},
    )
    assert request.google_options == {"cached_content": "c", "thinking_config": {"thinking_budget": 0}}
    assert request.gemini_safety_settings == [{"category": "X"}]


def test_defaults_fill_only_what_the_client_left_out() -> None:
    request = chat(
        temperature=1.5, max_completion_tokens=9, messages=[{**HELLO, "id": 1}], tools=[{"type": "x", "y": 1}]
    )
    filled, names = request.with_defaults(
        {"temperature": 0.2, "top_p": 0.5, "max_tokens": 5, "reasoning_effort": "low", "nonsense": 1}
    )
    assert set(names) == {"top_p", "reasoning_effort"}
    assert (filled.temperature, filled.top_p, filled.effort, filled.output_limit) == (1.5, 0.5, "low", 9)
    assert filled.messages == request.messages
    assert filled.tools == [{"type": "x", "y": 1}]


def test_a_request_needs_no_defaults() -> None:
    request = chat(temperature=1)
    assert request.with_defaults({"temperature": 0}) == (request, ())


def test_an_invalid_default_is_an_error_of_the_server() -> None:
    with pytest.raises(InternalError, match=r"mapping is invalid.*'temperature'"):
        chat().with_defaults({"temperature": 5})
