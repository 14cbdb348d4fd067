"""Every field of requests with hostile values: endless digits, long names, deep nesting, other types. The response is a
2xx or a 4xx, never a 5xx.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx2
import pytest

from tests.exchanges import CHAT, COMPLETIONS, GEMINI_25, error_of
from tests.hostile_values import DIGITS, HOSTILE, LONG, Path, places

pytestmark = pytest.mark.usefixtures("live_db", "emulator")

# With TEST_FUZZ every value is tested at every path, else a third of the values.
EVERY: Final = bool(os.environ.get("TEST_FUZZ"))
SCHEMA: Final = {
    "type": "object",
    "properties": {
        "a": {"type": ["string", "null"], "minLength": 1, "maxLength": 3, "pattern": "a", "enum": ["a"]},
        "b": {"type": "array", "items": {"$ref": "#/$defs/c"}, "minItems": 1, "prefixItems": [{"type": "integer"}]},
        "d": {"anyOf": [{"type": "number", "minimum": 1, "exclusiveMaximum": 3}, {"const": 4}], "default": 1},
    },
    "required": ["a"],
    "$defs": {"c": {"allOf": [{"type": "integer"}], "title": "c"}},
    "additionalProperties": False,
}
CALLS: Final = [
    {"id": "c1", "type": "function", "function": {"name": "time", "arguments": '{"a": 1}'}},
    {"id": "c2", "type": "custom", "custom": {"name": "run", "input": "1"}},
]
REQUESTS: Final[list[tuple[str, dict[str, Any]]]] = [
    (
        CHAT,
        {
            "model": GEMINI_25,
            "messages": [
                {"role": "system", "content": "Be kind.", "name": "s"},
                {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
                {"role": "assistant", "content": "Yes", "tool_calls": CALLS, "reasoning_content": "Hm"},
                {"role": "tool", "tool_call_id": "c1", "content": "1"},
                {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "2"}]},
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                    ],
                },
            ],
            "tools": [
                {"type": "function", "function": {"name": "time", "description": "t", "parameters": SCHEMA}},
                {
                    "type": "custom",
                    "custom": {
                        "name": "run",
                        "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: 1"}},
                    },
                },
            ],
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "time"}}]},
            },
            "max_tokens": 50,
            "temperature": 1,
            "top_p": 1,
            "n": 1,
            "seed": 1,
            "stop": ["x"],
            "user": "u",
            "metadata": {"a": "b"},
            "store": True,
            "reasoning_effort": "low",
            "reasoning": {"effort": "low"},
            "service_tier": "auto",
            "logit_bias": {"1": 0},
            "google": {"thinking_config": {"thinking_budget": 1}},
            "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
            "web_search_options": {"search_context_size": "low"},
        },
    ),
    (
        CHAT,
        {
            "model": GEMINI_25,
            "messages": [{"role": "user", "content": "Hi"}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}},
            "stream": True,
            "stream_options": {"include_usage": True},
        },
    ),
    (
        "/v1/responses",
        {
            "model": GEMINI_25,
            "instructions": "Be kind.",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
                {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm"}]},
                {"type": "function_call", "call_id": "c1", "name": "time", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "1"},
                {"type": "custom_tool_call", "call_id": "c2", "name": "run", "input": "1"},
                {"type": "custom_tool_call_output", "call_id": "c2", "output": "1"},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes"}]},
                {"role": "user", "content": "Go on."},
            ],
            "tools": [
                {"type": "function", "name": "time", "parameters": SCHEMA},
                {"type": "custom", "name": "run", "format": {"type": "grammar", "syntax": "lark", "definition": "1"}},
                {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]},
                {"type": "web_search", "filters": {"allowed_domains": ["a.example"]}},
            ],
            "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}, "verbosity": "low"},
            "tool_choice": {"type": "function", "name": "time"},
            "metadata": {"a": "b"},
            "user": "u",
            "include": ["reasoning.encrypted_content"],
            "reasoning": {"effort": "low", "summary": "auto"},
            "max_output_tokens": 50,
            "context_management": [{"type": "compaction", "compact_threshold": 1_000_000}],
            "truncation": "auto",
        },
    ),
    (
        COMPLETIONS,
        {
            "model": GEMINI_25,
            "prompt": [[1, 2], [3]],
            "suffix": "x",
            "max_tokens": 5,
            "logprobs": 1,
            "echo": True,
            "best_of": 1,
            "stop": "x",
            "user": "u",
        },
    ),
    (
        "/v1/conversations",
        {"items": [{"role": "user", "content": "Hi", "id": "msg_1"}], "metadata": {"a": "b"}},
    ),
]
ADDRESSES: Final = [
    "/v1/models/{}",
    "/v1/responses/{}",
    "/v1/responses/{}/input_items",
    "/v1/conversations/{}",
    "/v1/conversations/{}/items/{}",
    f"{CHAT}/{{}}",
    f"{CHAT}/{{}}/messages",
    f"{CHAT}?limit={{}}",
    f"{CHAT}?after={{}}",
    f"{CHAT}?metadata[{{}}]=1",
    "/v1/responses/resp_1?stream=true&starting_after={}",
    "/v1/conversations/conv_1/items?limit={}&order={}",
]


def changed(body: Any, path: Path, value: Any) -> Any:
    """Return the body with another value at a path."""
    other = json.loads(json.dumps(body))
    *way, last = path
    holder = other
    for step in way:
        holder = holder[step]
    holder[last] = value
    return other


def check(response: httpx2.Response, what: Any) -> None:
    """Check for no 5xx, neither as status nor in an event, and for OpenAI's form of every error."""
    assert response.status_code < 500, (what, response.text)
    if response.status_code >= 400:
        assert error_of(response)["type"] == "invalid_request_error", what
    elif response.headers["content-type"].startswith("text/event-stream"):
        assert "server_error" not in response.text, (what, response.text)
    else:
        assert (response.json().get("error") or {}).get("code") != "server_error", what


@pytest.mark.parametrize("number", range(len(REQUESTS)))
def test_hostile_values_in_every_field_of_a_request_are_no_server_error(http: httpx2.Client, number: int) -> None:
    where, body = REQUESTS[number]
    check(http.post(where, json=body), "as it is")
    cases = [
        (path, name)
        for message, path in enumerate(places(body))
        for name in list(HOSTILE)[0 if EVERY else message % 3 :: 1 if EVERY else 3]
    ]

    def ask(case: tuple[Path, str]) -> httpx2.Response:
        path, name = case
        return http.post(where, json=changed(body, path, HOSTILE[name]))

    with ThreadPoolExecutor(8) as threads:
        for case, response in zip(cases, threads.map(ask, cases), strict=True):
            check(response, case)


@pytest.mark.parametrize("address", ADDRESSES)
def test_hostile_names_in_every_path_are_no_server_error(http: httpx2.Client, address: str) -> None:
    for name in (DIGITS[:3000], LONG[:3000], "²", "%00", "-1", "1e5", "%F0%9F%98%80", "..%2f", "0x1", "+1", "_", "1_0"):
        response = http.get(address.replace("{}", name))
        assert response.status_code < 500, (name, response.text)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_in_all_ids_and_names_is_no_server_error(http: httpx2.Client, name: str) -> None:
    text = HOSTILE[name]
    if not isinstance(text, str):
        pytest.skip("no text")
    call = {"id": text, "type": "function", "function": {"name": text[:200], "arguments": "{}"}}
    chat = {
        "model": GEMINI_25,
        "messages": [
            {"role": "user", "content": text, "name": text},
            {"role": "assistant", "content": text, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": text, "content": text},
        ],
        "tools": [{"type": "function", "function": {"name": text[:200], "description": text}}],
        "user": text[:256],
        "metadata": {text[:64]: text[:512]},
        "store": True,
    }
    items = [
        {"role": "user", "content": text, "id": text},
        {"type": "function_call", "id": text, "call_id": text, "name": text[:200], "arguments": "{}"},
        {"type": "function_call_output", "id": text, "call_id": text, "output": text},
    ]
    tools = [{"type": "function", "name": text[:200]}]
    for stream in (False, True):
        check(http.post(CHAT, json={**chat, "stream": stream}), name)
        body = {"model": GEMINI_25, "input": items, "tools": tools, "user": text[:256], "stream": stream}
        check(http.post("/v1/responses", json=body), name)
        check(http.post("/v1/responses", json={**body, "previous_response_id": text}), name)
        check(http.post("/v1/responses", json={**body, "conversation": text}), name)
    check(http.post("/v1/conversations", json={"items": items, "metadata": {text[:64]: text[:512]}}), name)
