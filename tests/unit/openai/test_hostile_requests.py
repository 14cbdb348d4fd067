"""For any input, the parsers return a request or raise a small InvalidRequestError, never another exception."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.errors import InvalidRequestError
from api.openai.chat.request import ChatCompletionRequest, parse_chat_completion
from api.openai.completions.request import CompletionRequest, parse_completion
from api.openai.shared.request_model import RequestModel
from tests.unit.openai.bodies import HELLO, assistant, call, chat_error

MEGABYTE = 1_000_000
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | TEXT
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))
# Field names that reach deeper levels of the models than random names.
KEYS = ["role", "content", "type", "text", "tool_calls", "function", "name", "id", "arguments", "image_url", "url"]
VALUES = ["user", "assistant", "tool_call_id", "json_schema", "effort", "auto", "mode", "allowed_tools", "custom"]
WORDS = st.sampled_from([*KEYS, *VALUES])
WORDY = st.recursive(
    SCALARS | WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5)
)
ROLES = st.sampled_from(["system", "developer", "user", "assistant", "tool", "function"])
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": ROLES, "content": WORDY}, optional={"tool_calls": WORDY, "tool_call_id": WORDY}),
    min_size=1,
    max_size=4,
)
relaxed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def outcome(parse: Callable[[bytes], RequestModel], body: bytes) -> RequestModel | InvalidRequestError:
    """Parse the body; return the request, or the error after a check of its form."""
    try:
        return parse(body)
    except InvalidRequestError as error:
        refusal = error
    assert refusal.message.isprintable()
    assert len(refusal.message) < 600
    assert len(refusal.param or "") < 300
    return refusal


@relaxed
@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_rejected(body: bytes) -> None:
    assert isinstance(outcome(parse_chat_completion, body), InvalidRequestError)
    assert isinstance(outcome(parse_completion, body), InvalidRequestError)


@relaxed
@given(
    st.dictionaries(st.sampled_from(sorted(ChatCompletionRequest.model_fields)) | TEXT, JSON | WORDY, max_size=6),
    MESSAGES | JSON,
)
def test_any_chat_parameters_are_parsed_or_rejected(parameters: dict[str, Any], messages: Any) -> None:
    body = {"model": "gpt-4", **parameters, "messages": messages}
    request = outcome(parse_chat_completion, orjson.dumps(body))
    if isinstance(request, ChatCompletionRequest) and not request.notes:
        assert request.messages == orjson.loads(orjson.dumps(messages))


@relaxed
@given(st.dictionaries(st.sampled_from(sorted(CompletionRequest.model_fields)), JSON, max_size=6), JSON)
def test_any_completion_parameters_are_parsed_or_rejected(parameters: dict[str, Any], prompt: Any) -> None:
    body = {"model": "gpt-4", **parameters, "prompt": prompt}
    request = outcome(parse_completion, orjson.dumps(body))
    if isinstance(request, CompletionRequest):
        assert request.prompt == prompt


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"messages": [HELLO] * 100_000}, "messages"),
        ({"messages": [{"role": "user", "content": 1}] * 100_000}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "x" * 20 * MEGABYTE}]}, "messages[0].content"),
        ({"messages": [{"role": "x" * MEGABYTE, "content": ""}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "x" * MEGABYTE}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [1] * 100_000}]}, "messages[0].content[0]"),
        ({"messages": [assistant(*[call("c" * 1000, arguments="[")] * 1000)]}, None),
        ({"messages": [assistant(*(call(f"c{i}") for i in range(100_000)))]}, "messages[0].tool_calls"),
        ({"messages": [assistant(*(call(f"c{i}" * 50) for i in range(1000)))]}, "messages[0].tool_calls"),
        ({"model": "x" * MEGABYTE}, "model"),
        ({"user": "x" * MEGABYTE}, "user"),
        ({"metadata": {str(i): "x" for i in range(100_000)}}, "metadata"),
        ({"metadata": {"x" * MEGABYTE: 1}}, "metadata"),
        ({"logit_bias": {str(i): "x" for i in range(100_000)}}, "logit_bias"),
        ({"modalities": [1] * 100_000}, "modalities[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}] * 100_000}]}, "messages[0].content"),
        ({"stop": ["x"] * 100_000}, "stop"),
        ({"tools": [{"type": "function"}] * 10_000}, "tools[0].function"),
        ({"n": 10_000}, "n"),
        ({"max_tokens": -1}, "max_tokens"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_large_hostile_requests_get_small_errors(changes: dict[str, Any], param: str | None) -> None:
    error = chat_error(**changes)
    assert param is None or error.param == param
    assert len(error.message) < 450


def test_many_unknown_parameters_are_read_once() -> None:
    body = {"model": "gpt-4", "messages": [HELLO], **{f"p{i}": i for i in range(100_000)}}
    request = parse_chat_completion(orjson.dumps(body))
    assert len(request.unknown) == 33
