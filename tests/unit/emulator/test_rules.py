"""Google's rules: the emulator rejects each breach with Google's text, and accepts the nearest valid request."""

from typing import Any

import pytest

from tests.unit.emulator.conftest import NEW, OLD, Gemini, contents, declared

HELLO = contents("Hello")
CALL = {"functionCall": {"name": "f", "args": {}}}
RESULT = {"functionResponse": {"name": "f", "response": {"ok": True}}}
TOOL = declared("f", "does a thing", a={"type": "string"})
FORCED = {"functionCallingConfig": {"mode": "ANY"}}
JSON = {"responseMimeType": "application/json"}


def messages(*turns_: tuple[str, list[Any]]) -> dict[str, Any]:
    return {"contents": [{"role": role, "parts": parts} for role, parts in turns_]}


def config(**values: Any) -> dict[str, Any]:
    return {"contents": HELLO, "generationConfig": values}


ASK = ("user", [{"text": "Do it"}])
COUNT = "number of function response parts is equal to the number of function call parts"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "* GenerateContentRequest.contents: contents is not specified\n"),
        (
            messages(ASK, ("model", []), ASK),
            "* GenerateContentRequest.contents[1].parts: contents.parts must not be empty.\n",
        ),
        (
            messages(("user", [{"text": "a"}, {"thought": True}])),
            "* GenerateContentRequest.contents[0].parts[1].data: "
            "required oneof field 'data' must have one initialized field\n",
        ),
        (messages(("assistant", [{"text": "a"}])), "Please use a valid role: user, model."),
        (
            messages(ASK, ("model", [CALL]), ("user", [{"functionResponse": {"name": "", "response": {}}}])),
            "* GenerateContentRequest.contents[2].parts[0].function_response.name: Name cannot be empty.\n",
        ),
        (
            {"contents": HELLO, "systemInstruction": {"parts": []}},
            "* GenerateContentRequest.system_instruction.parts: contents.parts must not be empty.\n",
        ),
        (messages(("model", [CALL]), ("user", [RESULT])), "function call turn comes immediately after a user turn"),
        (messages(ASK, ("user", [RESULT])), "function response turn comes immediately after a function call turn"),
        (messages(ASK, ("model", [CALL, CALL]), ("user", [RESULT])), COUNT),
        (messages(ASK, ("model", [CALL]), ("user", [RESULT, RESULT])), COUNT),
        (messages(ASK, ("model", [CALL]), ASK), COUNT),
        (messages(ASK, ("model", [CALL])), COUNT),
        (messages(ASK, ("model", [CALL]), ("user", [{"text": "first"}, RESULT])), COUNT),
        (
            messages(("user", [{"inlineData": {"mimeType": "application/msword", "data": "QUJD"}}])),
            "Unsupported MIME type: application/msword",
        ),
    ],
)
def test_invalid_contents_are_rejected(gemini: Gemini, body: Any, message: str) -> None:
    assert message in gemini.error_message(body, model=OLD)


@pytest.mark.parametrize(
    "body",
    [
        messages(ASK, ("model", [CALL, CALL]), ("user", [RESULT, RESULT])),
        messages(ASK, ("model", [CALL]), ("model", [CALL]), ("user", [RESULT]), ("user", [RESULT])),
        messages(ASK, ("model", [{"text": "On it."}, CALL]), ("function", [RESULT]), ("user", [{"text": "And?"}])),
        messages(("model", [{"text": "Welcome"}]), ASK),
        {"contents": [{"parts": [{"text": "no role"}]}]},
    ],
)
def test_valid_contents_are_accepted(gemini: Gemini, body: Any) -> None:
    assert gemini.post(OLD, body).status_code == 200


def test_newer_models_reject_a_conversation_that_ends_with_the_model(gemini: Gemini) -> None:
    body = {"contents": contents("Hello", "Once upon")}
    assert "does not end with a model turn" in gemini.error_message(body, model="gemini-3.6-flash")
    assert gemini.post("gemini-3.5-flash", body).status_code == 200
    assert gemini.post("gemini-3.6-flash", {"contents": contents("Hello", "")}).status_code == 200


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (NEW, {"candidateCount": 2}, "Multiple candidates is not enabled for this model"),
        (OLD, {"candidateCount": 9}, "candidate_count must be in the range [1, 8]."),
        (OLD, {"presencePenalty": 0.5}, "Penalty is not enabled for models/gemini-2.5-flash"),
        (NEW, {"frequencyPenalty": 0.0}, "Penalty is not enabled for models/gemini-3.8-flash"),
        (NEW, {"stopSequences": list("abcdef")}, "at most 5 stop sequences"),
        (NEW, {"temperature": 2.5}, "temperature must be in the range [0.0, 2.0]."),
        (NEW, {"topP": 1.5}, "top_p must be in the range [0.0, 1.0]."),
        (NEW, {"maxOutputTokens": 0}, "maxOutputTokens value of 0"),
        (NEW, {"maxOutputTokens": 65537}, "from 1 (inclusive) to 65537 (exclusive)"),
        (NEW, {"responseModalities": ["AUDIO"]}, "response modalities (AUDIO) is not supported"),
        (NEW, {"responseMimeType": "application/xml"}, "response_mime_type"),
        (NEW, {"responseSchema": {"type": "STRING"}}, "only allowed when response_mime_type"),
        (NEW, JSON | {"responseSchema": {"type": "ARRAY"}}, "response_schema.items: missing field."),
        (
            NEW,
            JSON | {"responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}, "required": ["b"]}},
            "response_schema.required[0]: property is not defined",
        ),
        (NEW, JSON | {"responseJsonSchema": {"$ref": "#/$defs/None"}}, "reference to undefined schema at top-level"),
        (NEW, JSON | {"responseJsonSchema": {}, "responseSchema": {"type": "STRING"}}, "Only one of response_schema"),
        (NEW, {"responseMimeType": "text/x.enum"}, "an enum schema is required"),
        (
            NEW,
            {"thinkingConfig": {"thinkingLevel": "MINIMAL"}},
            "Thinking level MINIMAL is not supported for this model.",
        ),
        ("gemini-4-argon", {"thinkingConfig": {"thinkingLevel": "XHIGH"}}, "Thinking level XHIGH is not supported"),
        (
            NEW,
            {"thinkingConfig": {"thinkingLevel": "LOW", "thinkingBudget": 100}},
            "You can only set only one of thinking budget and thinking level.",
        ),
        (OLD, {"thinkingConfig": {"thinkingLevel": "LOW"}}, "Thinking level is not supported for this model."),
        (
            "gemini-2.5-pro",
            {"thinkingConfig": {"thinkingBudget": 0}},
            "Budget 0 is invalid. This model only works in thinking mode.",
        ),
        (OLD, {"thinkingConfig": {"thinkingBudget": 30000}}, "The thinking budget 30000 is invalid."),
        ("gemini-4-argon", {"thinkingConfig": {"thinkingBudget": 1000}}, "Thinking budget is not supported"),
        ("gemini-2.5-flash-image", {"thinkingConfig": {}}, "Thinking is not enabled for this model"),
    ],
)
def test_an_invalid_generation_config_is_rejected(gemini: Gemini, model: str, values: Any, message: str) -> None:
    assert message in gemini.error_message(config(**values), model=model)


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (OLD, {"candidateCount": 2, "thinkingConfig": {"thinkingBudget": 0}}),
        (NEW, {"stopSequences": list("abcde"), "temperature": 0, "topP": 1, "topK": 40, "seed": -5}),
        (NEW, {"thinkingConfig": {"thinkingBudget": 1000}}),
        (NEW, {"thinkingConfig": {"thinkingLevel": "low", "includeThoughts": True}}),
        ("gemini-4-hydrogen", {"thinkingConfig": {"thinkingLevel": "XHIGH"}}),
        ("gemini-2.5-pro", {"thinkingConfig": {"thinkingBudget": -1}}),
    ],
)
def test_a_valid_generation_config_is_accepted(gemini: Gemini, model: str, values: Any) -> None:
    assert gemini.post(model, config(**values)).status_code == 200


def tools(*tools_: Any, **request: Any) -> dict[str, Any]:
    return {"contents": HELLO, "tools": list(tools_), **request}


@pytest.mark.parametrize(
    ("model", "body", "message"),
    [
        (NEW, tools(declared("")), "[FIELD_INVALID] Invalid function name."),
        (NEW, tools(declared("1st")), "[FIELD_INVALID] Invalid function name."),
        (NEW, tools(declared("a" * 129)), "[FIELD_INVALID] Invalid function name."),
        (NEW, tools(TOOL, TOOL), "Duplicate function declaration found: f"),
        (
            NEW,
            {"contents": HELLO, "toolConfig": FORCED},
            "Function calling config is set without function_declarations.",
        ),
        (
            NEW,
            tools(TOOL, toolConfig={"functionCallingConfig": {"mode": "AUTO", "allowedFunctionNames": ["f"]}}),
            "allowed_function_names should be set only when the function calling mode is ANY or VALIDATED.",
        ),
        (
            NEW,
            tools(TOOL, toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["g"]}}),
            "g is not one of the function declarations.",
        ),
        (
            NEW,
            tools(TOOL, toolConfig=FORCED, generationConfig=JSON),
            "Forced function calling (ANY mode) with a response mime type: 'application/json' is unsupported",
        ),
        (
            OLD,
            tools(TOOL, generationConfig=JSON),
            "Function calling with a response mime type: 'application/json' is unsupported",
        ),
        (OLD, tools(TOOL, {"googleSearch": {}}), "Tool use with function calling is unsupported"),
        (NEW, tools(TOOL, {"googleSearch": {}}), "tool_config.include_server_side_tool_invocations"),
        (NEW, tools(TOOL, cachedContent="cachedContents/1"), "CachedContent can not be used"),
        ("gemini-2.5-flash-image", tools(TOOL), "Function calling is not enabled"),
        (
            NEW,
            tools({"functionDeclarations": [{"name": "f", "parameters": {"type": "ARRAY"}}]}),
            "tools[0].function_declarations[0].parameters.items: missing field.",
        ),
    ],
)
def test_tools(gemini: Gemini, model: str, body: Any, message: str) -> None:
    assert message in gemini.error_message(body, model=model)


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (NEW, tools(TOOL, generationConfig=JSON)),
        (NEW, tools(TOOL, {"googleSearch": {}}, toolConfig={"includeServerSideToolInvocations": True})),
        (OLD, tools({"googleSearch": {}})),
        (NEW, tools(TOOL, toolConfig={"functionCallingConfig": {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}})),
        (NEW, tools({"functionDeclarations": [{"name": "f.g:h-1"}]})),
    ],
)
def test_valid_tools_are_accepted(gemini: Gemini, model: str, body: Any) -> None:
    assert gemini.post(model, body).status_code == 200


def test_too_many_functions_are_rejected(gemini: Gemini) -> None:
    tools = [{"functionDeclarations": [{"name": f"f{index}"} for index in range(513)]}]
    message = gemini.error_message({"contents": HELLO, "tools": tools}, model=NEW)
    assert "tools[0].function_declarations: [FIELD_INVALID] At most 512 function declarations" in message
