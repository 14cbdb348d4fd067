"""Requests of programs without a client in the suite, and the requests that a strict Gemini receives."""

import json
from typing import Any

import httpx2
import pytest
from openai.types import Completion
from openai.types.chat import ChatCompletion

from tests.emulator_control import Emulator
from tests.exchanges import CHAT, COMPLETIONS, GEMINI_3, GEMINI_25, events, fresh, usage_of

pytestmark = [pytest.mark.usefixtures("live_db"), pytest.mark.portable]
MODELS = pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
TEXT = "text"
SIGNED = "thoughtSignature"


def answer(http: httpx2.Client, body: dict[str, Any]) -> ChatCompletion:
    """Return the response to a chat request, strictly validated by OpenAI's client."""
    response = http.post(CHAT, json=body)
    assert response.status_code == 200, response.text
    return ChatCompletion.model_validate_json(response.content, strict=True)


def said_to(emulator: Emulator) -> list[tuple[str, list[Any]]]:
    """Return role and parts of each content of the only request to Gemini."""
    [sent] = emulator.bodies()
    return [(content["role"], content["parts"]) for content in sent["contents"]]


def function(name: str, **properties: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": name, "parameters": parameters}}


def part(text: str) -> dict[str, str]:
    return {"type": TEXT, TEXT: text}


@MODELS
def test_smolagents_sends_lists_of_parts_and_its_own_stop_sequences(
    http: httpx2.Client, emulator: Emulator, model: str
) -> None:
    completion = answer(
        http,
        {
            "model": model,
            "messages": [
                {"role": "system", "content": [part("You solve tasks.")]},
                {"role": "user", "content": [part("New task:"), part("Say done.")]},
                {"role": "assistant", "content": [part("Calling tools:")]},
                {"role": "user", "content": [part("Observation: nothing")]},
            ],
            "stop": ["Observation:", "Calling tools:"],
            "tools": [function("final_answer", answer={"type": "string", "description": "The final answer"})],
            "tool_choice": "required",
        },
    )

    assert said_to(emulator) == [
        ("user", [{TEXT: "New task:"}, {TEXT: "Say done."}]),
        ("model", [{TEXT: "Calling tools:"}]),
        ("user", [{TEXT: "Observation: nothing"}]),
    ]
    [sent] = emulator.bodies()
    assert sent["generationConfig"]["stopSequences"] == ["Observation:", "Calling tools:"]
    assert sent["toolConfig"]["functionCallingConfig"]["mode"] == "ANY"
    assert completion.choices[0].finish_reason == "tool_calls"


@MODELS
def test_opencode_sends_two_user_messages_and_2020_12_schemas(
    http: httpx2.Client, emulator: Emulator, model: str
) -> None:
    safe = 2**53 - 1
    tool = function(
        "read",
        path={"type": "string"},
        offset={"type": "integer", "exclusiveMinimum": 0, "maximum": safe},
        limit={"type": "integer", "minimum": -safe, "maximum": safe},
    )
    tool["function"]["parameters"] |= {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "additionalProperties": False,
    }
    response = http.post(
        CHAT,
        json={
            "model": model,
            "max_tokens": 4096,
            "messages": [
                {"role": "system", "content": "You are opencode."},
                {"role": "user", "content": "Read a.txt"},
                {"role": "user", "content": "Quickly."},
            ],
            "tools": [tool],
            "tool_choice": "auto",
            "stream": True,
            "stream_options": {"include_usage": True},
        },
    )

    assert events(response)[-1]["usage"]["total_tokens"] > 0
    [message] = said_to(emulator)
    assert message == ("user", [{TEXT: "Read a.txt"}, {TEXT: "Quickly."}])
    [sent] = emulator.bodies()
    [declared] = sent["tools"][0]["functionDeclarations"]
    properties = declared["parametersJsonSchema"]["properties"]
    assert properties["offset"] == {"type": "integer", "minimum": 1, "maximum": safe}
    assert properties["limit"] == {"type": "integer", "minimum": -safe, "maximum": safe}


@MODELS
def test_haystack_and_litellm_send_calls_without_a_content_key(
    http: httpx2.Client, emulator: Emulator, model: str
) -> None:
    call = {"id": fresh("call"), "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    assistant = {"role": "assistant", "tool_calls": [call], "provider_specific_fields": {"refusal": None}, "name": None}
    answer(
        http,
        {
            "model": model,
            "n": 1,
            "messages": [
                {"role": "user", "content": "Add one."},
                assistant,
                {"role": "tool", "tool_call_id": call["id"], "content": "2"},
            ],
            "tools": [function("add", a={"type": "integer"})],
        },
    )

    _, (role, parts), (_, results) = said_to(emulator)
    assert (role, parts[0]["functionCall"]["args"]) == ("model", {"a": 1})
    assert results[0]["functionResponse"]["response"] == {"output": "2"}


@MODELS
def test_aider_sends_few_shot_messages_and_temperature_0(http: httpx2.Client, emulator: Emulator, model: str) -> None:
    turns = [
        ("system", "Act as an expert."),
        ("user", "Change get_factorial()"),
        ("assistant", "mathweb/app.py\n<<<<<<< SEARCH\n"),
        ("user", "I switched to a new code base."),
        ("assistant", "Ok."),
        ("user", "Do it.\n\n"),
    ]
    messages = [{"role": role, "content": content} for role, content in turns]
    response = http.post(CHAT, json={"model": model, "messages": messages, "temperature": 0, "stream": True})

    events(response)
    assert [role for role, _ in said_to(emulator)] == ["user", "model", "user", "model", "user"]
    [sent] = emulator.bodies()
    assert (sent.get("generationConfig", {}).get("temperature") == 0) is (model == GEMINI_25)
    dropped = [note[1] for note in usage_of(response.headers).notes if note[0] == "dropped"]
    assert dropped == ([] if model == GEMINI_25 else ["temperature"])


@MODELS
def test_llama_index_sends_nulls_and_legacy_completions(http: httpx2.Client, emulator: Emulator, model: str) -> None:
    nulls = dict.fromkeys(
        ["max_tokens", "stop", "user", "metadata", "logit_bias", "seed", "n", "best_of", "suffix", "echo", "logprobs"]
    )
    response = http.post(COMPLETIONS, json={"model": model, "prompt": "Hi", "stream": False, "top_p": 1, **nulls})

    assert Completion.model_validate_json(response.content, strict=True).choices[0].text
    assert "x-gateway-notes" not in response.headers
    nulls = dict.fromkeys(
        ["tools", "tool_choice", "response_format", "audio", "modalities", "reasoning_effort", "store", "stop", "seed"]
    )
    messages = [{"role": "user", "content": "Hi", "name": None}]
    emulator.reset()
    assert answer(http, {"model": model, "messages": messages, **nulls}).choices[0].message.content
    [sent] = emulator.bodies()
    assert sent == {"contents": [{"role": "user", "parts": [{TEXT: "Hi"}]}]}


@MODELS
def test_pydantic_ai_sends_foreign_reasoning_as_text(http: httpx2.Client, emulator: Emulator, model: str) -> None:
    thought = "<think>\nLet me see.\n</think>"
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": f"{thought}\n\nHello."},
        {"role": "user", "content": "Who?"},
    ]
    tool = function("final_result", city={"type": "string"})
    tool["function"]["strict"] = True
    body = {"model": model, "messages": messages, "tools": [tool], "tool_choice": "required", "stream": False}
    completion = answer(http, body)

    assert said_to(emulator)[1] == ("model", [{TEXT: f"{thought}\n\nHello."}])
    called: Any = completion.choices[0].message.tool_calls
    assert [json.loads(call.function.arguments).keys() for call in called] == [{"city"}]


@MODELS
def test_an_assistant_message_is_sent_back_with_all_fields(http: httpx2.Client, emulator: Emulator, model: str) -> None:
    """The message is dumped by OpenAI's client: every field, including nulls and empty lists."""
    question = {"role": "user", "content": fresh("Hi")}
    first = answer(http, {"model": model, "messages": [question]}).choices[0].message
    echo = {"annotations": [], "audio": None, "function_call": None, "tool_calls": None, **first.model_dump()}
    emulator.reset()
    response = http.post(
        CHAT, json={"model": model, "messages": [question, echo, {"role": "user", "content": "And you?"}]}
    )

    assert response.status_code == 200, response.text
    assert {note[0] for note in usage_of(response.headers).notes} == {"restored"}
    _, (role, parts), _ = said_to(emulator)
    assert (role, "".join(item.get(TEXT, "") for item in parts)) == ("model", first.content)
    assert any(SIGNED in item for item in parts) is (model == GEMINI_3)
