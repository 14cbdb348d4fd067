"""The parser of Responses requests: accepted values, rejected values, and errors."""

from typing import Any

import orjson
import pytest
from openai.resources.responses import Responses
from openai.types.responses import ResponseCreateParams
from openai.types.responses.input_token_count_params import InputTokenCountParams
from openai.types.responses.response_compact_params import ResponseCompactParams

from api.errors import InternalError, InvalidRequestError
from api.openai.responses.items import OTHER_ITEMS, READ_ITEMS
from api.openai.responses.parameters import RESPONSES_PARAMETERS
from api.openai.responses.request import (
    CompactRequest,
    InputTokensRequest,
    ResponsesRequest,
    parse_compact,
    parse_input_tokens,
    parse_responses,
)
from tests.unit.responses.building import parsed, refusal

CALL = {"type": "function_call", "call_id": "c1", "name": "time", "arguments": "{}"}

ITEMS: list[dict[str, Any]] = [
    {"role": "user", "content": "Hi"},
    {"role": "user", "content": "Hi", "type": None, "phase": None},
    {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
    {"role": "assistant", "content": "a plain string"},
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}],
    },
    {"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,", "detail": "auto"}]},
    {"role": "user", "content": [{"type": "input_file", "file_id": "file-1", "filename": None}]},
    {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]},
    CALL,
    CALL | {"id": "fc_1", "namespace": "agents", "status": "completed"},
    {"type": "function_call_output", "call_id": "c1", "output": "12:00"},
    {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "12:00"}]},
    {"type": "function_call_output", "call_id": None, "name": "time", "output": "12:00"},
    {"type": "custom_tool_call", "call_id": "c1", "name": "run", "input": "print(1)"},
    {"type": "custom_tool_call_output", "call_id": "c1", "output": "1"},
    {"type": "reasoning", "id": "rs_1", "summary": [], "content": None, "encrypted_content": "c3R1Yg=="},
    {"type": "item_reference", "id": "msg_1"},
    {"id": "msg_1"},
    {"type": "compaction", "id": "cmp_1", "encrypted_content": "x"},
    {"type": "compaction_trigger"},
    {"type": "additional_tools", "role": "developer", "tools": [{"type": "function", "name": "time"}]},
    {"type": "configuration_update", "reasoning": {"effort": "high"}},
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}},
    {"type": "tool_search_call", "arguments": {"goal": "x"}, "execution": "client", "call_id": "c1"},
    {"type": "tool_search_output", "tools": [], "execution": "client", "call_id": "c1"},
    {"type": "image_generation_call", "id": "ig_1", "result": None, "status": "completed"},
]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: str(item.get("type") or "bare"))
def test_items_are_unchanged(item: dict[str, Any]) -> None:
    request = parsed(input=[item])
    assert request.items == [item]
    assert list(request.items[0]) == list(item)


def test_an_input_string_is_one_user_message() -> None:
    assert parsed(input="Hi").items == [{"type": "message", "role": "user", "content": "Hi"}]


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"input": None}, "input", "missing_required_parameter"),
    ({"input": []}, "input", "missing_required_parameter"),
    ({"input": 3}, "input", "invalid_type"),
    ({"model": None}, "model", "missing_required_parameter"),
    ({"input": [{"type": "thought"}]}, "input[0].type", "invalid_value"),
    ({"input": [{"text": "Hi"}]}, "input[0].type", "missing_required_parameter"),
    ({"input": ["Hi"]}, "input[0]", "invalid_type"),
    ({"input": [{"role": "robot", "content": "Hi"}]}, "input[0].role", "invalid_value"),
    ({"input": [{"role": "user"}]}, "input[0].content", "missing_required_parameter"),
    ({"input": [{"role": "user", "content": None}]}, "input[0].content", "invalid_type"),
    ({"input": [{"role": "user", "content": [{"type": "sound"}]}]}, "input[0].content[0].type", "invalid_value"),
    ({"input": [CALL | {"call_id": ""}]}, "input[0].call_id", "invalid_value"),
    ({"input": [CALL | {"call_id": "x" * 65}]}, "input[0].call_id", "invalid_value"),
    ({"input": [{"type": "reasoning"}]}, "input[0].summary", "missing_required_parameter"),
    ({"max_output_tokens": 15}, "max_output_tokens", "invalid_value"),
    ({"max_output_tokens": "20"}, "max_output_tokens", "invalid_type"),
    ({"max_tool_calls": 0}, "max_tool_calls", "invalid_value"),
    ({"temperature": 2.1}, "temperature", "invalid_value"),
    ({"top_p": -0.1}, "top_p", "invalid_value"),
    ({"top_logprobs": 21}, "top_logprobs", "invalid_value"),
    ({"truncation": "some"}, "truncation", "invalid_value"),
    ({"metadata": {"a": 1}}, "metadata.a", "invalid_type"),
    ({"context_management": [{"type": "compaction", "compact_threshold": 999}]}, "", "invalid_value"),
    ({"tool_choice": "sometimes"}, "tool_choice", "invalid_value"),
    ({"tool_choice": {"type": "sometimes"}}, "tool_choice.type", "invalid_value"),
    ({"tool_choice": {"type": "function"}}, "tool_choice.name", "missing_required_parameter"),
    ({"tools": [{"type": "function"}]}, "tools[0].name", "missing_required_parameter"),
    ({"tools": [{"name": "time"}]}, "tools[0].type", "missing_required_parameter"),
    ({"tools": [{"type": "namespace", "name": "a", "tools": [{"type": "mcp"}]}]}, "tools[0].tools[0].type", ""),
    ({"text": {"format": {"type": "xml"}}}, "text.format.type", "invalid_value"),
    ({"text": {"format": {"type": "json_schema", "name": "a"}}}, "text.format.schema", "missing_required_parameter"),
    ({"text": {"verbosity": "loud"}}, "text.verbosity", "invalid_value"),
    ({"reasoning": {"effort": "huge"}}, "reasoning.effort", "invalid_value"),
    ({"conversation": {}}, "conversation.id", "missing_required_parameter"),
    ({"prompt": {"id": "pmpt_1"}}, "prompt", "unsupported_parameter"),
    ({"background": True, "store": False}, "background", "invalid_value"),
    ({"conversation": "conv_1", "previous_response_id": "resp_1"}, "previous_response_id", "mutually_exclusive"),
]


@pytest.mark.parametrize(("parameters", "param", "code"), REFUSED, ids=lambda value: str(value)[:40])
def test_parsing_errors_name_the_parameter(parameters: dict[str, Any], param: str, code: str) -> None:
    error = refusal(**parameters)
    assert (error.param or "").startswith(param)
    assert (error.code or "").startswith(code)
    assert (error.param or "") in error.message


def test_the_error_of_two_histories_names_both() -> None:
    message = refusal(conversation="conv_1", previous_response_id="resp_1").message
    assert "'previous_response_id'" in message
    assert "'conversation'" in message


def test_the_error_of_an_unknown_item_type_lists_the_known_types() -> None:
    message = refusal(input=[{"type": "thought"}]).message
    assert all(f"'{name}'" in message for name in (*READ_ITEMS, *OTHER_ITEMS))


@pytest.mark.parametrize("source", [{"previous_response_id": "resp_1"}, {"conversation": "conv_1"}])
def test_a_request_with_history_alone_is_accepted(source: dict[str, Any]) -> None:
    assert parsed(input=None, **source).items == []


def test_null_parameters_are_absent_and_unknown_names_listed() -> None:
    request = parsed(instructions=None, tools=None, metadata=None, user=None, client_metadata={"a": 1}, vibe=None)
    assert request.model_fields_set == {"model", "input", "unknown"}
    assert request.unknown == ("client_metadata", "vibe")


def test_defaults_of_a_mapping_have_the_names_of_chat_completions() -> None:
    request, applied = parsed(reasoning={"summary": "auto"}).with_defaults(
        {"reasoning_effort": "low", "max_tokens": 100, "temperature": 0.5}
    )
    assert request.reasoning == {"summary": "auto", "effort": "low"}
    assert request.max_output_tokens == 100
    assert request.temperature == 0.5
    assert set(applied) == {"reasoning", "max_output_tokens", "temperature"}


def test_the_effort_of_a_request_overrides_the_mappings() -> None:
    request, applied = parsed(reasoning={"effort": "high"}).with_defaults({"reasoning_effort": "low"})
    assert request.effort == "high"
    assert applied == ()


def test_an_invalid_default_is_not_the_clients_error() -> None:
    with pytest.raises(InternalError):
        parsed().with_defaults({"max_tokens": 3})


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, None),
        ({"top_logprobs": 3}, 3),
        ({"include": ["message.output_text.logprobs"]}, 0),
        ({"top_logprobs": 0}, None),
    ],
)
def test_log_probabilities_are_requested_in_two_ways(parameters: dict[str, Any], expected: int | None) -> None:
    assert parsed(**parameters).wanted_top_logprobs == expected


def test_every_parameter_of_the_sdk_is_known() -> None:
    own = ResponsesRequest.parameters()
    sdk = {name for kind in ResponseCreateParams.__args__ for name in kind.__annotations__}  # type: ignore[attr-defined]
    create = set(Responses.create.__annotations__) - {"self", "return", "extra_headers", "extra_query", "timeout"}
    assert sdk | create <= own
    assert set(InputTokenCountParams.__annotations__) <= InputTokensRequest.parameters()
    assert set(ResponseCompactParams.__annotations__) <= CompactRequest.parameters()


def test_the_table_of_parameters_is_complete() -> None:
    assert {row.name for row in RESPONSES_PARAMETERS} == ResponsesRequest.parameters()
    assert len({row.name for row in RESPONSES_PARAMETERS}) == len(RESPONSES_PARAMETERS)


def test_counting_and_compacting_have_their_own_bodies() -> None:
    assert parse_input_tokens(b'{"input": "Hi"}').model is None
    assert parse_compact(b'{"model": "m", "previous_response_id": "resp_1"}').items == []
    with pytest.raises(InvalidRequestError) as caught:
        parse_compact(b'{"input": "Hi"}')
    assert caught.value.param == "model"
    with pytest.raises(InvalidRequestError) as caught:
        parse_input_tokens(b'{"model": "m"}')
    assert caught.value.param == "input"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model": "m", "input": NaN}'])
def test_hostile_bodies_are_rejected(body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        parse_responses(body)


def test_a_hostile_list_has_one_error() -> None:
    body = orjson.dumps({"model": "m", "input": [{"type": "thought"}] * 10_000})
    with pytest.raises(InvalidRequestError) as caught:
        parse_responses(body)
    assert caught.value.param == "input[0].type"
