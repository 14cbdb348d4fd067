"""Schemas of functions and response formats through the gateway: the sent schema, notes and errors."""

import json
from typing import Any

import httpx2
import pytest

from tests.emulator_control import Emulator
from tests.exchanges import CHAT, GEMINI_3, chat_body, error_of, usage_of
from tests.live_gateway import LiveGateway

pytestmark = pytest.mark.usefixtures("live_db")

RESPONSES = "/v1/responses"
MIXED = {"type": "object", "properties": {"size": {"type": ["integer", "string"], "enum": [1, 5, "auto"]}}}
SPLIT = {"anyOf": [{"type": "integer", "enum": [1, 5]}, {"type": "string", "enum": ["auto"]}]}
LOST = {"type": "object", "properties": {"size": {"type": "integer", "multipleOf": 5}}}
NOWHERE = {"type": "object", "properties": {"a": {"$ref": "#/anyOf/" + "9" * 5000}}, "anyOf": [{"type": "object"}]}
LARGE = {
    "type": "object",
    "properties": {f"p{index}": {"$ref": "#/$defs/large", "required": [f"r{index}"]} for index in range(200)},
    "$defs": {"large": {"properties": {f"q{index}": {"description": "x" * 100} for index in range(2000)}}},
}


def asking(path: str, schema: Any, place: str, *, stream: bool = False) -> dict[str, Any]:
    """Return a request with the schema as response format, or as parameters of a function."""
    if path == CHAT:
        function = {"type": "function", "function": {"name": "f", "parameters": schema}}
        wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
        return chat_body(
            "Size 5.",
            model=GEMINI_3,
            stream=stream,
            **({"tools": [function]} if place == "tools" else {"response_format": wanted}),
        )
    body: dict[str, Any] = {"model": GEMINI_3, "input": "Size 5.", "stream": stream}
    if place == "tools":
        return {**body, "tools": [{"type": "function", "name": "f", "parameters": schema, "strict": False}]}
    return {**body, "text": {"format": {"type": "json_schema", "name": "n", "schema": schema}}}


def sent_schema(body: Any, place: str) -> Any:
    """Return the schema of the request to Gemini."""
    if place == "tools":
        return body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]
    return body["generationConfig"]["responseJsonSchema"]


PARAMS = {
    (CHAT, "tools"): "tools[0].function.parameters",
    (CHAT, "format"): "response_format.json_schema.schema",
    (RESPONSES, "tools"): "tools[0].parameters",
    (RESPONSES, "format"): "text.format.schema",
}
everywhere = pytest.mark.parametrize(("path", "place"), PARAMS)


@everywhere
@pytest.mark.parametrize("stream", [False, True])
def test_the_narrower_schema_is_sent_to_gemini(
    http: httpx2.Client, emulator: Emulator, path: str, place: str, stream: bool
) -> None:
    response = http.post(path, json=asking(path, MIXED, place, stream=stream))

    assert response.status_code == 200
    [body] = emulator.bodies()
    assert sent_schema(body, place)["properties"]["size"] == SPLIT
    assert f"converted {PARAMS[path, place]}: schema keywords rewritten: type" in response.headers["x-gateway-notes"]


@everywhere
def test_a_dropped_schema_keyword_is_named_with_its_path(http: httpx2.Client, path: str, place: str) -> None:
    response = http.post(path, json=asking(path, LOST, place))

    note = f"dropped {PARAMS[path, place]}: schema keywords removed: properties.size.multipleOf"
    assert note in response.headers["x-gateway-notes"]
    assert ["dropped", PARAMS[path, place], note.partition(": ")[2]] in usage_of(response.headers).notes


@everywhere
@pytest.mark.parametrize("schema", [NOWHERE, LARGE], ids=["an index of 5,000 digits", "expanded references"])
def test_a_schema_that_cannot_be_sent_is_rejected_by_name(
    http: httpx2.Client, emulator: Emulator, path: str, place: str, schema: Any
) -> None:
    response = http.post(path, json=asking(path, schema, place))

    assert response.status_code == 400
    assert error_of(response)["param"] == PARAMS[path, place]
    assert not list(emulator.bodies())


@everywhere
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "sentence",
    [
        "The specified schema produces a constraint that has too many states for serving.",
        "Request contains an invalid argument.",
    ],
)
def test_the_error_of_a_schema_rejected_by_google_names_the_parameter(
    http: httpx2.Client,
    gateway: LiveGateway,
    emulator: Emulator,
    *,
    path: str,
    place: str,
    stream: bool,
    sentence: str,
) -> None:
    refusal = {"error": {"code": 400, "message": sentence, "status": "INVALID_ARGUMENT"}}
    emulator.script({"status": 400, "body": refusal})
    response = http.post(path, json=asking(path, MIXED, place, stream=stream))

    param = "tools" if place == "tools" else "response_format" if path == CHAT else "text.format"
    assert response.status_code == 400
    assert error_of(response)["param"] == param
    assert "complex" in error_of(response)["message"]
    assert sentence not in response.text
    assert usage_of(response.headers).upstream_error == sentence
    assert sentence in gateway.log


def test_the_error_of_a_missing_cached_content_names_it(http: httpx2.Client, emulator: Emulator) -> None:
    sentence = "CachedContent not found (or permission denied)"
    emulator.script(
        {"status": 403, "body": {"error": {"code": 403, "message": sentence, "status": "PERMISSION_DENIED"}}}
    )
    response = http.post(CHAT, json=chat_body(google={"cached_content": "cachedContents/x"}))

    assert response.status_code == 404
    assert error_of(response)["param"] == "google.cached_content"


def test_the_emulator_rejects_types_that_google_does_not_document(emulator: Emulator) -> None:
    for schema, place in [
        ({"enum": [True]}, "enum"),
        ({"properties": {"a": {"enum": ["a", None]}}}, "properties.a.enum"),
        ({"properties": {"a": {"type": 5}}}, "properties.a.type"),
        ({"items": {"required": "a"}}, "items.required"),
        ({"anyOf": [{"properties": []}]}, "anyOf.0.properties"),
        ({"additionalProperties": {"minItems": -1}}, "additionalProperties.minItems"),
        ({"prefixItems": [True]}, "prefixItems.0"),
    ]:
        config = {"responseMimeType": "application/json", "responseJsonSchema": schema}
        body = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "generationConfig": config}
        url = f"{emulator.base_url}/v1beta/models/{GEMINI_3}:generateContent"
        answer = httpx2.post(url, content=json.dumps(body), headers={"x-goog-api-key": "k"})
        assert answer.status_code == 400
        assert f"Invalid JSON schema at {place}: " in answer.json()["error"]["message"]
