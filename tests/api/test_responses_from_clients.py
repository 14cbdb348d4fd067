"""Unusual requests of clients to the Responses API, one form per test: nulls, unknown parameters, items without ids,
tools in the input, JSON beside a forced tool, histories in every spelling.
"""

import base64
from typing import Any, Final

import httpx2
import pytest

from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3, error_of
from tests.responses import RESPONSES, WEATHER, ask, content_texts, named_events, response_text

pytestmark = pytest.mark.usefixtures("emulator")

PERSON: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Person",
    "properties": {"name": {"type": "string", "title": "Name"}, "age": {"type": "integer", "title": "Age"}},
    "required": ["name", "age"],
}
USER: Final = {"role": "user", "content": "What is the weather in Paris? Use the tool."}
NULLS: Final = dict.fromkeys(
    (
        *(
            "include",
            "instructions",
            "max_output_tokens",
            "metadata",
            "previous_response_id",
            "reasoning",
            "temperature",
        ),
        *("text", "tool_choice", "top_p", "user", "conversation", "prompt", "background", "parallel_tool_calls"),
    )
)
FORMS: Final[dict[str, dict[str, Any]]] = {
    "nulls": {
        "input": [{"role": "user", "content": "Hi"}],
        **NULLS,
        "truncation": "disabled",
        "tools": [],
        "store": True,
    },
    "unknown parameters": {
        "input": "Hi",
        "client_metadata": {"a": "b"},
        "access_programs": {"cyber": "standard"},
        "prompt_cache_key": "k",
        "prompt_cache_options": {"mode": "implicit", "ttl": "30m"},
        "safety_identifier": "s",
        "service_tier": "auto",
        "moderation": {"model": "omni-moderation-latest"},
        "text": {"verbosity": "low"},
        "background_options": {"completion_window": "soonest"},
    },
    "empty lists": {"input": "Hi", "include": [], "tools": [], "metadata": {"a": "b"}, "store": False},
    "the system prompt is a developer's message": {
        "input": [
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be kind."}]},
            USER,
        ],
        "tools": [{**WEATHER, "strict": False}],
        "include": ["reasoning.encrypted_content"],
        "store": False,
        "reasoning": {"summary": "auto"},
        "parallel_tool_calls": False,
    },
    "namespaces and hosted tools beside functions": {
        "input": [USER],
        "tools": [
            WEATHER,
            {"type": "namespace", "name": "agents", "tools": [{"type": "function", "name": "close", "parameters": {}}]},
            {"type": "web_search", "external_web_access": False},
            {"type": "image_generation"},
            {"type": "mcp", "server_label": "x", "server_url": "https://x.test"},
        ],
    },
    "a system message and parts": {
        "input": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        ]
    },
    "a schema of its own dialect": {
        "input": "Hi",
        "tools": [
            {
                "type": "function",
                "name": "count",
                "parameters": {
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "type": "object",
                    "properties": {"n": {"type": "integer", "minimum": -9007199254740991, "exclusiveMinimum": 0}},
                    "additionalProperties": False,
                },
            }
        ],
    },
    "JSON and a forced tool of the same schema": {
        "input": "Ada is 36 years old.",
        "text": {"format": {"type": "json_schema", "name": "Person", "schema": PERSON}},
        "tools": [{"type": "function", "name": "Person", "parameters": PERSON}],
        "tool_choice": {"type": "function", "name": "Person"},
    },
    "JSON and tools": {
        "input": "Ada is 36 years old.",
        "text": {"format": {"type": "json_schema", "name": "Person", "schema": PERSON, "strict": True}},
        "tools": [WEATHER],
    },
    "some JSON": {"input": "Give me JSON.", "text": {"format": {"type": "json_object"}}},
    "a custom tool with a grammar": {
        "input": "Run the tool.",
        "tools": [
            {
                "type": "custom",
                "name": "math",
                "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "1"'},
            }
        ],
        "tool_choice": "required",
    },
    "an assistant's history as plain strings": {
        "input": [
            {"role": "user", "content": "Hi"},
            {"type": "message", "role": "assistant", "content": "Hello."},
            {"role": "assistant", "content": [{"type": "output_text", "text": "Well?", "annotations": []}]},
            {"role": "user", "content": "So."},
        ]
    },
    "reasoning without content, phases": {
        "input": [
            {"role": "user", "content": "Hi"},
            {"type": "reasoning", "id": "rs_1", "summary": [], "content": None, "encrypted_content": "gAAAA"},
            {"type": "message", "role": "assistant", "content": "Hello.", "phase": "final_answer"},
            {"role": "user", "content": "So."},
        ]
    },
    "calls without ids, results in parts": {
        "input": [
            USER,
            {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Paris"}'},
            {
                "type": "function_call_output",
                "call_id": "call_1",
                "output": [{"type": "input_text", "text": "21 degrees"}],
            },
        ],
        "tools": [WEATHER],
    },
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_unusual_forms_of_requests_are_accepted(http: httpx2.Client, form: str, stream: bool) -> None:
    response = http.post(RESPONSES, json={"model": GEMINI_3, **FORMS[form], "stream": stream})

    assert response.status_code == 200, response.text
    whole = named_events(response.text)[-1]["response"] if stream else response.json()
    assert whole["status"] == "completed"
    assert [item for item in whole["output"] if item["type"] in ("message", "function_call", "custom_tool_call")]


def test_tools_in_the_input_are_declared_and_called_by_their_names(http: httpx2.Client, emulator: Emulator) -> None:
    tools = {"type": "additional_tools", "role": "developer", "tools": [WEATHER]}

    response = ask(http, input=[tools, USER], reasoning={"context": "all_turns"}, text={"verbosity": "medium"})

    [body] = emulator.bodies()
    assert [one["name"] for one in body["tools"][0]["functionDeclarations"]] == ["get_weather"]
    [call] = [item for item in response["output"] if item["type"] == "function_call"]
    assert call["name"] == "get_weather"


def test_encrypted_reasoning_has_the_signature_of_unstored_messages(http: httpx2.Client, emulator: Emulator) -> None:
    asked = {"tools": [WEATHER], "store": False, "include": ["reasoning.encrypted_content"]}
    first = ask(http, input=[USER], **asked)
    history: list[Any] = [{"role": "developer", "content": "Another beginning: nothing of it is known."}, USER]
    for item in first["output"]:
        renamed = {"call_id": "call_renamed"} if item["type"] == "function_call" else {}
        history.append({**item, **renamed})
    history.append({"type": "function_call_output", "call_id": "call_renamed", "output": "21 degrees"})

    assert response_text(ask(http, input=history, **asked))

    *_, body = emulator.bodies()
    [called] = [part for content in body["contents"] for part in content["parts"] if "functionCall" in part]
    assert base64.b64decode(called["thoughtSignature"]).startswith(b"emulated-signature:")
    assert emulator.received()[-1]["status"] == 200


def test_instructions_are_not_inherited(http: httpx2.Client, emulator: Emulator) -> None:
    first = ask(http, input="Hi", instructions="Be kind.")
    ask(http, input="And?", previous_response_id=first["id"])

    *_, body = emulator.bodies()
    assert "systemInstruction" not in body
    assert content_texts(body)[0] == "Hi"


@pytest.mark.parametrize("path", ["resp_none", "resp_a%2Fb", "resp_none/input_items"])
def test_a_missing_response_is_a_404_in_openais_form(http: httpx2.Client, path: str) -> None:
    missing = http.get(f"{RESPONSES}/{path}")

    assert missing.status_code == 404
    assert error_of(missing)["type"] == "invalid_request_error"


def test_queries_with_lists_are_accepted(http: httpx2.Client) -> None:
    made = ask(http, input="Hi")
    query = {"include[]": ["reasoning.encrypted_content", "message.output_text.logprobs"]}

    assert http.get(f"{RESPONSES}/{made['id']}", params=query).json() == made
    assert http.get(f"{RESPONSES}/{made['id']}/input_items", params=query).json()["data"]


def test_a_response_has_openais_headers(http: httpx2.Client) -> None:
    for body in ({"input": "Hi"}, {"input": "Hi", "stream": True}, {"input": 3}):
        headers = http.post(RESPONSES, json={"model": GEMINI_3, **body}).headers
        assert headers["x-request-id"].startswith("req_")
        assert headers["openai-version"] == "2020-10-01"
        assert int(headers["openai-processing-ms"]) >= 0


@pytest.mark.parametrize("stream", [False, True])
def test_unread_fields_of_items_are_noted(http: httpx2.Client, stream: bool) -> None:
    part = {"type": "input_text", "text": "Hello!", "cache_control": {"type": "ephemeral"}}
    items = [{"role": "user", "content": [part], "importance": 3, "phase": None}]
    answer = http.post(RESPONSES, json={"model": GEMINI_3, "stream": stream, "input": items})

    assert answer.status_code == 200
    assert answer.headers["x-gateway-notes"].split("; ") == [
        "dropped input[0].importance: unknown parameter",
        "dropped input[0].content[0].cache_control: Gemini caches prompts automatically",
    ]


def test_a_stream_has_no_event_ids_and_no_event_after_the_last(http: httpx2.Client) -> None:
    text = http.post(RESPONSES, json={"model": GEMINI_3, "input": "Hi", "stream": True}).text

    assert not [line for line in text.splitlines() if line.startswith("id:")]
    assert text.rstrip().rpartition("event: ")[2].startswith("response.completed")
