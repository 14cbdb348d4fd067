"""Responses requests translated for Gemini; the emulator's rules validate every body."""

from typing import Any

import pytest

from api.translate.conversation.signatures import SKIP_SIGNATURE
from api.translate.request.upstream_call import OMITTED, SYSTEM, HistoryMessage
from api.translate.responses.carried_state import CarriedSignature, pack_signature
from tests.unit.responses.building import SIGNER, noted, translate, translation_error
from tests.unit.translate.requests import FLASH_2, FLASH_3, PIXEL, PLAIN, SIGNATURE

USER = {"role": "user", "content": "Hi"}
TIME = {
    "type": "function",
    "name": "time",
    "description": "The time",
    "parameters": {"type": "object", "properties": {}},
}
AGENTS = {
    "type": "namespace",
    "name": "agents",
    "description": "Agents",
    "tools": [{"type": "function", "name": "close"}, {"type": "custom", "name": "tell", "description": "Tell it."}],
}
CALL = {"type": "function_call", "call_id": "c1", "name": "time", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "12:00"}


def config(**parameters: Any) -> Any:
    return translate(**parameters).body.get("generationConfig", {})


def functions(**parameters: Any) -> list[Any]:
    tools = translate(**parameters).body.get("tools", [])
    return [function for tool in tools for function in tool.get("functionDeclarations", ())]


def calling(**parameters: Any) -> Any:
    return translate(**parameters).body.get("toolConfig", {}).get("functionCallingConfig")


def test_instructions_precede_leading_developer_messages() -> None:
    call = translate(instructions="Be brief.", input=[{"role": "developer", "content": "Be kind."}, USER])
    assert call.body["systemInstruction"] == {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}
    assert call.body["contents"] == [{"role": "user", "parts": [{"text": "Hi"}]}]
    assert call.placement == [SYSTEM, 0]


def test_instructions_without_input_are_a_system_instruction() -> None:
    call = translate(instructions="Be brief.", input="")
    assert call.body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}


SETTINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"max_output_tokens": 100}, {"maxOutputTokens": 100}),
    ({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "topP": 0.9}),
    ({"text": {"format": {"type": "json_object"}}}, {"responseMimeType": "application/json"}),
    (
        {"text": {"format": {"type": "json_schema", "name": "p", "strict": True, "schema": {"type": "object"}}}},
        {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
    ),
    ({"text": {"format": {"type": "text"}, "verbosity": "medium"}}, {}),
    ({"reasoning": {"effort": "low"}}, {"thinkingConfig": {"thinkingBudget": 1024}}),
    ({"reasoning": {"effort": "none"}}, {"thinkingConfig": {"thinkingBudget": 0}}),
    ({"reasoning": {"summary": "auto"}}, {"thinkingConfig": {"includeThoughts": True}}),
    ({"reasoning": {"generate_summary": "concise"}}, {"thinkingConfig": {"includeThoughts": True}}),
    (
        {"input": [{"type": "configuration_update", "reasoning": {"effort": "low"}}, USER]},
        {"thinkingConfig": {"thinkingBudget": 1024}},
    ),
]


@pytest.mark.parametrize(("parameters", "expected"), SETTINGS, ids=lambda value: str(value)[:40])
def test_settings_become_the_generation_config(parameters: dict[str, Any], expected: dict[str, Any]) -> None:
    assert config(profile=FLASH_2, **parameters) == expected


def test_tools_become_functions() -> None:
    declared = functions(tools=[TIME, AGENTS])
    assert [function["name"] for function in declared] == ["time", "agents.close", "agents.tell"]
    assert declared[0]["description"] == "The time"
    assert declared[2]["parametersJsonSchema"]["required"] == ["input"]


def test_a_grammar_is_part_of_the_declaration() -> None:
    grammar = {"type": "grammar", "syntax": "regex", "definition": "[0-9]+"}
    (declared,) = functions(tools=[{"type": "custom", "name": "run", "description": "Run.", "format": grammar}])
    assert declared["description"] == "Run.\n\nThe input must match this regex grammar:\n[0-9]+"


def test_tools_of_the_input_are_declared_too() -> None:
    items = [
        {"type": "additional_tools", "role": "developer", "tools": [AGENTS]},
        {"type": "tool_search_output", "execution": "server", "tools": [TIME | {"description": "Now"}]},
        USER,
    ]
    declared = functions(tools=[TIME], input=items)
    assert [(function["name"], function.get("description")) for function in declared] == [
        ("time", "Now"),
        ("agents.close", None),
        ("agents.tell", "Tell it."),
    ]


def test_names_that_gemini_rejects_are_changed_and_restored() -> None:
    call = translate(tools=[{"type": "function", "name": "what time?"}])
    assert call.tool_names == {"what_time__b7f1902a": "what time?"}
    assert call.called["what time?"].name == "what time?"


BUILT_IN: list[tuple[dict[str, Any], list[dict[str, Any]], str]] = [
    ({"type": "web_search"}, [{"googleSearch": {}}], ""),
    ({"type": "web_search_preview", "search_context_size": "medium"}, [{"googleSearch": {}}], ""),
    ({"type": "web_search", "search_context_size": "high"}, [{"googleSearch": {}}], "tools[0].search_context_size"),
    ({"type": "web_search", "filters": {"allowed_domains": ["x.y"]}}, [{"googleSearch": {}}], "tools[0].filters"),
    ({"type": "web_search", "external_web_access": False}, [], "external_web_access is false"),
    ({"type": "code_interpreter", "container": {"type": "auto"}}, [{"codeExecution": {}}], ""),
    ({"type": "file_search", "vector_store_ids": ["vs_1"]}, [], "file_search is not supported"),
    ({"type": "image_generation"}, [], "image_generation is not supported"),
    ({"type": "mcp", "server_label": "x"}, [], "mcp is not supported"),
    ({"type": "tool_search"}, [], "all tools are declared"),
    ({"type": "brand new\n"}, [], "a tool of its type is not supported"),
]


@pytest.mark.parametrize(("tool", "expected", "note"), BUILT_IN, ids=lambda value: str(value)[:40])
def test_tools_of_the_server_become_googles_tools(tool: dict[str, Any], expected: list[Any], note: str) -> None:
    call = translate(tools=[tool])
    assert call.body.get("tools", []) == expected
    assert ("\n".join(noted(call)) == "") is (note == "")
    assert note in "\n".join(noted(call))


def test_search_is_sent_beside_functions() -> None:
    tools = [TIME, {"type": "web_search"}]
    both = translate(tools=tools)
    assert both.body["toolConfig"] == {
        "functionCallingConfig": {"mode": "VALIDATED"},
        "includeServerSideToolInvocations": True,
    }
    older = translate(tools=tools, profile=FLASH_2)
    assert [sorted(tool) for tool in older.body["tools"]] == [["functionDeclarations"]]
    assert "dropped tools[1]: the model does not support built-in tools together with functions" in noted(older)


CHOICES: list[tuple[Any, Any]] = [
    ("auto", None),
    ("none", {"mode": "NONE"}),
    ("required", {"mode": "ANY"}),
    ({"type": "function", "name": "time"}, {"mode": "ANY", "allowedFunctionNames": ["time"]}),
    ({"type": "custom", "name": "tell"}, {"mode": "ANY", "allowedFunctionNames": ["agents.tell"]}),
    (
        {"type": "function", "name": "close", "namespace": "agents"},
        {"mode": "ANY", "allowedFunctionNames": ["agents.close"]},
    ),
    (
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "time"}]},
        {"mode": "ANY", "allowedFunctionNames": ["time"]},
    ),
    (
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "time"}, {"type": "mcp"}]},
        {"mode": "VALIDATED", "allowedFunctionNames": ["time"]},
    ),
]


@pytest.mark.parametrize(("choice", "expected"), CHOICES, ids=str)
def test_the_tool_choice_becomes_a_calling_mode(choice: Any, expected: Any) -> None:
    assert calling(tools=[TIME, AGENTS], tool_choice=choice) == expected


@pytest.mark.parametrize(
    ("tool", "notes"),
    [
        ({"type": "function", "name": "f", "defer_loading": True, "async": False}, ["tools[0].defer_loading"]),
        ({"type": "function", "name": "f", "output_schema": {"type": "object"}}, ["tools[0].output_schema"]),
        ({"type": "function", "name": "f", "allowed_callers": ["direct"], "mine": 1}, ["tools[0].mine"]),
        ({"type": "function", "name": "f", "allowed_callers": ["programmatic"]}, ["tools[0].allowed_callers"]),
        ({"type": "custom", "name": "c", "format": {"type": "text"}, "mine": 1}, ["tools[0].mine"]),
        ({"type": "web_search", "search_context_size": "medium", "mine": 1}, ["tools[0].mine"]),
        ({"type": "code_interpreter", "container": {"type": "auto"}}, []),
        ({"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["f"]}}, ["tools[0].container"]),
        ({"type": "code_interpreter", "container": "cntr_1"}, ["tools[0].container"]),
        (
            {"type": "namespace", "name": "n", "mine": 1, "tools": [{"type": "function", "name": "f", "mine": 2}]},
            ["tools[0].mine", "tools[0].tools[0].mine"],
        ),
    ],
)
def test_tool_options_beyond_the_call_are_noted(tool: dict[str, Any], notes: list[str]) -> None:
    call = translate(tools=[tool])
    assert [note.param for note in call.notes] == notes


@pytest.mark.parametrize(
    ("tools", "choice", "said"),
    [
        ([TIME], {"type": "web_search"}, "web_search is not declared"),
        ([TIME], {"type": "file_search"}, "file_search is not declared"),
        ([], {"type": "code_interpreter"}, "code_interpreter is not declared"),
        ([TIME], {"type": "mcp", "server_label": "x"}, "mcp is not declared"),
        ([{"type": "file_search", "vector_store_ids": ["vs_1"]}], {"type": "file_search"}, "not available with"),
        ([{"type": "web_search", "external_web_access": False}], {"type": "web_search_preview"}, "not available with"),
    ],
)
def test_the_error_of_an_undeclared_tool_choice_has_the_reason(tools: list[Any], choice: Any, said: str) -> None:
    error = translation_error(tools=tools, tool_choice=choice)
    assert error.param == "tool_choice"
    assert said in error.message


def test_allowed_tools_that_are_not_declared_are_noted() -> None:
    listed = [{"type": "function", "name": "time"}, {"type": "web_search"}]
    call = translate(tools=[TIME], tool_choice={"type": "allowed_tools", "mode": "auto", "tools": listed})
    assert "dropped tool_choice.tools[1]: the tool is not declared in 'tools'" in noted(call)


def test_only_the_chosen_tool_of_the_server_is_offered() -> None:
    call = translate(tools=[TIME, {"type": "web_search"}], tool_choice={"type": "web_search_preview"})
    assert call.body["tools"] == [{"googleSearch": {}}]
    assert any(note.startswith("clamped tool_choice") for note in noted(call))


def test_a_search_excluded_by_the_choice_is_not_declared() -> None:
    assert "tools" not in translate(tools=[{"type": "web_search"}], tool_choice="none").body


def test_strict_functions_are_validated() -> None:
    assert calling(tools=[TIME | {"strict": True}]) == {"mode": "VALIDATED"}
    assert calling(tools=[TIME | {"strict": False}]) is None


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"tools": [{"type": "file_search"}], "tool_choice": {"type": "file_search"}}, "tool_choice"),
    ({"tools": [TIME], "tool_choice": {"type": "web_search"}}, "tool_choice"),
    ({"tools": [{"type": "mcp"}], "tool_choice": "required"}, "tool_choice"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tool_choice": {"type": "function", "name": "time"}}, "tool_choice"),
    ({"tools": [TIME], "tool_choice": {"type": "function", "name": "date"}}, "tool_choice"),
    ({"tools": [TIME, TIME]}, "tools[1].name"),
    ({"tools": [AGENTS | {"tools": [TIME, TIME]}]}, "tools[0].tools[1].name"),
    ({"tools": [TIME | {"parameters": {"type": "string"}}]}, "tools[0].parameters"),
    ({"input": [USER, CALL]}, "input"),
    ({"input": [USER, CALL, CALL | {"call_id": "c2"}, OUTPUT]}, "input"),
    (
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "ftp://x"}]}]},
        "input[0].content[0].image_url",
    ),
    (
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://x.test/a.pdf"}]}]},
        "input[0].content[0].file_url",
    ),
    (
        {"input": [USER, CALL, OUTPUT | {"output": [{"type": "input_image", "image_url": "https://x.test/a.png"}]}]},
        "input[2].output[0].image_url",
    ),
    (
        {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}]},
        "input[0].content[0].file_id",
    ),
    ({"input": [{"type": "configuration_update", "reasoning": {"effort": "huge"}}, USER]}, "input[0].reasoning.effort"),
    ({"google": {"wings": 2}}, "google.wings"),
    ({"tools": [TIME], "profile": PLAIN}, "tools"),
]


@pytest.mark.parametrize(("parameters", "param"), REFUSED, ids=lambda value: str(value)[:50])
def test_translation_errors_name_the_clients_parameter(parameters: dict[str, Any], param: str) -> None:
    error = translation_error(**parameters)
    assert error.param == param
    assert "messages[" not in error.message
    assert ".function" not in error.message


def test_the_error_of_a_missing_result_has_openais_text() -> None:
    assert translation_error(input=[USER, CALL]).message == "No tool output found for function call c1."


def test_a_tool_loop_is_translated() -> None:
    call = translate(input=[USER, CALL, OUTPUT], tools=[TIME])
    assert call.body["contents"][1]["parts"][0]["functionCall"] == {"name": "time", "args": {}, "id": "c1"}
    assert call.body["contents"][2]["parts"] == [
        {"functionResponse": {"name": "time", "id": "c1", "response": {"output": "12:00"}}}
    ]


def test_a_carried_signature_goes_back_to_its_call() -> None:
    blob = pack_signature(CarriedSignature(owner="call", value=SIGNATURE, family=FLASH_3.family), SIGNER)
    reasoning = {"type": "reasoning", "summary": [], "encrypted_content": blob}
    call = translate(input=[USER, reasoning, CALL, OUTPUT])
    assert call.body["contents"][1]["parts"][0]["thoughtSignature"] == SIGNATURE
    assert noted(call) == []


def test_the_history_precedes_the_input_and_keeps_its_signatures() -> None:
    response = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": CALL}],
    }
    stored: Any = {
        "role": "model",
        "parts": [{"functionCall": {"name": "time", "args": {}}, "thoughtSignature": SIGNATURE}],
    }
    history = [
        HistoryMessage(message={"role": "developer", "content": "Be kind."}, content=None),
        HistoryMessage(message=USER, content={"role": "user", "parts": [{"text": "Hi"}]}),
        HistoryMessage(message=response, content=stored),
    ]
    items = [OUTPUT, {"role": "developer", "content": "Be brief."}]
    call = translate(history=history, input=items, instructions="Be fast.")
    assert call.body["systemInstruction"]["parts"] == [{"text": "Be fast."}, {"text": "Be kind."}]
    assert call.placement == [SYSTEM, 0, 1, 2, 3]
    assert len(call.gemini_contents) == 2
    assert call.body["contents"][1] == stored
    assert call.body["contents"][3]["parts"] == [{"text": "<system_message>\nBe brief.\n</system_message>"}]


def test_stored_contents_are_sent_unchanged() -> None:
    stored: Any = {"role": "model", "parts": [{"text": "Hel"}, {"text": "lo", "thoughtSignature": SIGNATURE}]}
    items = [USER, {"role": "assistant", "content": "Hello"}, USER]
    call = translate(input=items, restored={1: stored})
    assert call.body["contents"][1] == stored
    assert noted(call) == ["restored input: 1 assistant messages replaced by the stored Gemini content"]


def test_a_picture_without_text_after_results_begins_no_new_prompt() -> None:
    picture = {"role": "user", "content": [{"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}]}
    call = translate(input=[USER, CALL, OUTPUT, picture])
    assert call.body["contents"][1]["parts"][0]["thoughtSignature"] == SKIP_SIGNATURE


def test_an_assistant_message_at_the_end_is_dropped() -> None:
    call = translate(input=[USER, {"role": "assistant", "content": "Hel"}])
    assert call.placement == [0, OMITTED]
    assert noted(call) == ["dropped input[1]: Gemini does not support continuing an assistant message"]


NOTED: list[tuple[dict[str, Any], str]] = [
    ({"max_tool_calls": 3}, "max_tool_calls"),
    ({"text": {"verbosity": "low"}}, "text.verbosity"),
    ({"service_tier": "fast"}, "service_tier"),
    ({"client_metadata": {"a": "b"}}, "client_metadata"),
    ({"safety_identifier": "x"}, "safety_identifier"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
    ({"input": [{"type": "mcp_approval_response"}, USER]}, "input[0]"),
    ({"max_output_tokens": 100_000}, "max_output_tokens"),
    ({"temperature": 0.5}, "temperature"),
    ({"reasoning": {"effort": "minimal"}}, "reasoning.effort"),
]


@pytest.mark.parametrize(("parameters", "param"), NOTED, ids=lambda value: str(value)[:40])
def test_every_dropped_parameter_is_noted(parameters: dict[str, Any], param: str) -> None:
    assert [note.param for note in translate(**parameters).notes] == [param]


@pytest.mark.parametrize(
    "parameters",
    [
        {"truncation": "disabled", "store": False, "user": "u", "metadata": {"a": "b"}, "prompt_cache_key": "k"},
        {"text": {"verbosity": "medium"}, "service_tier": "auto", "reasoning": {"mode": "standard", "context": "auto"}},
        {"include": ["reasoning.encrypted_content"], "stream": True, "stream_options": {"include_obfuscation": False}},
        {"tools": [], "include": []},
    ],
)
def test_a_parameter_without_effect_is_not_noted(parameters: dict[str, Any]) -> None:
    assert noted(translate(**parameters)) == []
