"""Validation of JSON bodies: the accepted spellings, and Google's error texts."""

from typing import Any

import pytest

from tests.unit.emulator.conftest import NEW, Gemini, contents

HELLO = contents("Hello")
PREFIX = "Invalid JSON payload received. Unknown name "


@pytest.mark.parametrize(
    ("body", "message", "field"),
    [
        ({"contents": HELLO, "foo": 1}, PREFIX + '"foo": Cannot find field.', None),
        (
            {"contents": HELLO, "generationConfig": {"max_tokens": 5}},
            PREFIX + "\"max_tokens\" at 'generation_config': Cannot find field.",
            "generation_config",
        ),
        (
            {
                "contents": HELLO,
                "tools": [
                    {
                        "functionDeclarations": [
                            {
                                "name": "f",
                                "parameters": {
                                    "type": "object",
                                    "properties": {"a": {"type": "string"}, "b": {"type": "string", "const": 1}},
                                },
                            }
                        ]
                    }
                ],
            },
            PREFIX
            + "\"const\" at 'tools[0].function_declarations[0].parameters.properties[1].value': Cannot find field.",
            "tools[0].function_declarations[0].parameters.properties[1].value",
        ),
        (
            {"contents": [{"parts": [{"text": 5}]}]},
            "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), 5",
            "contents[0].parts[0].text",
        ),
        (
            {"contents": "Hello"},
            "Invalid value at 'contents[0]' "
            '(type.googleapis.com/google.ai.generativelanguage.v1beta.Content), "Hello"',
            "contents[0]",
        ),
        (
            {"contents": HELLO, "systemInstruction": [{"parts": []}]},
            PREFIX + '"systemInstruction": Proto field is not repeating, cannot start list.',
            None,
        ),
        (
            {"contents": HELLO, "generationConfig": {"temperature": "hot"}},
            "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"hot\"",
            "generation_config.temperature",
        ),
        (
            {"contents": HELLO, "generationConfig": {"seed": 2**31 + 1}},
            "Invalid value at 'generation_config.seed' (TYPE_INT32), 2147483649",
            "generation_config.seed",
        ),
        (
            {"contents": HELLO, "generationConfig": {"thinkingConfig": {"thinkingLevel": "huge"}}},
            "Invalid value at 'generation_config.thinking_config.thinking_level' "
            '(type.googleapis.com/google.ai.generativelanguage.v1beta.ThinkingConfig.ThinkingLevel), "huge"',
            "generation_config.thinking_config.thinking_level",
        ),
        (
            {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "?"}}]}]},
            "Invalid value at 'contents[0].parts[0].inline_data.data' (TYPE_BYTES), Base64 decoding failed for \"?\"",
            "contents[0].parts[0].inline_data.data",
        ),
        (
            {"contents": [{"parts": [{"text": "a", "functionCall": {"name": "f"}}]}]},
            "Invalid value at 'contents[0].parts[0]' (oneof), oneof field 'data' is already set. "
            "Cannot set 'functionCall'",
            "contents[0].parts[0]",
        ),
    ],
)
def test_an_invalid_payload_is_rejected_with_googles_text(
    gemini: Gemini, body: Any, message: str, field: str | None
) -> None:
    response = gemini.post(NEW, body)
    error = response.json()["error"]
    assert (response.status_code, error["status"], error["message"]) == (400, "INVALID_ARGUMENT", message)
    violation = {"description": message} if field is None else {"field": field, "description": message}
    assert error["details"] == [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]


def test_an_error_lists_all_violations(gemini: Gemini) -> None:
    message = gemini.error_message({"contents": HELLO, "foo": 1, "generationConfig": {"bar": 2, "topK": "x"}})
    assert message.split("\n") == [
        PREFIX + '"foo": Cannot find field.',
        PREFIX + "\"bar\" at 'generation_config': Cannot find field.",
        "Invalid value at 'generation_config.top_k' (TYPE_INT32), \"x\"",
    ]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"contents": NaN}', b"\xff\xfe{\x00}\x00"])
def test_a_body_that_is_no_json_object_is_rejected(gemini: Gemini, body: bytes) -> None:
    gemini.error_message(body)


@pytest.mark.parametrize(
    "body",
    [
        {"contents": {"parts": {"text": "Hello"}}},
        {"contents": HELLO, "system_instruction": {"parts": [{"text": "Be brief"}]}},
        {"contents": HELLO, "generation_config": {"max_output_tokens": "50", "response_mime_type": "text/plain"}},
        {"contents": HELLO, "generationConfig": {"maxOutputTokens": 50.0, "thinkingConfig": {"thinkingLevel": "low"}}},
        {"contents": HELLO, "generationConfig": None, "tools": None},
        {"contents": HELLO, "labels": {"team": "a"}, "serviceTier": "flex"},
        {
            "contents": HELLO,
            "tools": {
                "function_declarations": {
                    "name": "f",
                    "parameters": {"type": "Object", "properties": {"a": {"type": "string", "minLength": 1}}},
                }
            },
        },
        {"contents": [{"parts": [{"inline_data": {"mime_type": "image/png", "data": "__-_"}}]}]},
        {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "//+/"}}]}]},
        {"contents": [{"parts": [{"text": ""}, {"text": "Hello"}]}]},
    ],
)
def test_every_spelling_of_google_is_accepted(gemini: Gemini, body: Any) -> None:
    response = gemini.post(NEW, body)
    assert response.status_code == 200, response.text


def test_a_request_without_a_key_is_rejected(gemini: Gemini) -> None:
    del gemini.http.headers["x-goog-api-key"]
    response = gemini.post(NEW, {"contents": HELLO})
    assert (response.status_code, response.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert gemini.post(NEW, {"contents": HELLO}, params={"key": "k"}).status_code == 200


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent", "countTokens", "batchEmbedContents"])
@pytest.mark.parametrize("model", ["gemini-9", "gemini-2.0-flash"])
def test_an_unknown_or_retired_model_is_googles_404(gemini: Gemini, method: str, model: str) -> None:
    response = gemini.post(model, {"contents": HELLO}, method)
    listing = (
        "ModelService.ListModels" if method.endswith("GenerateContent") or method == "generateContent" else "ListModels"
    )
    named = "embedContent" if method == "batchEmbedContents" else method
    assert response.status_code == 404
    assert response.json()["error"] == {
        "code": 404,
        "status": "NOT_FOUND",
        "message": f"models/{model} is not found for API version v1beta, or is not supported for {named}. "
        f"Call {listing} to see the list of available models and their supported methods.",
    }


def test_a_path_that_does_not_exist_is_an_html_404(gemini: Gemini) -> None:
    response = gemini.http.post("/v2/models/gemini-3.8-flash:generateContent", json={})
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")


def test_the_paths_of_vertex_ai_lead_to_the_same_model(gemini: Gemini) -> None:
    for prefix in ("projects/p/locations/global/publishers/google", "publishers/google"):
        response = gemini.http.post(f"/v1beta1/{prefix}/models/{NEW}:generateContent", json={"contents": HELLO})
        assert "Hello" in response.text
        assert response.status_code == 200


@pytest.mark.parametrize("name", ["responseSchema", "responseJsonSchema"])
def test_nesting_beyond_the_limit_is_rejected(gemini: Gemini, name: str) -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(400):
        schema = {"type": "array", "items": schema}
    config = {"responseMimeType": "application/json", name: schema}
    assert "Message too deep." in gemini.error_message({"contents": HELLO, "generationConfig": config})
