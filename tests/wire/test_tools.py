"""Tools with OpenAI's client: the round trip, and thought signatures without support of the client."""

import base64
import json
from typing import Any

import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3, GEMINI_25, chat_message, fresh, usage_of

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
ONE = "What is the weather in Paris?"
TWO = "What is the weather in Paris and what is the weather in London?"
MADE_BY_THE_EMULATOR = b"emulated-signature:"

pytestmark = [pytest.mark.usefixtures("live_db"), pytest.mark.portable]


def asked(client: OpenAI, model: str, messages: list[ChatCompletionMessageParam], *, stream: bool) -> Any:
    """Return the assistant's message, plain or accumulated from a stream by OpenAI's helper."""
    if not stream:
        completion = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER])
    else:
        with client.chat.completions.stream(model=model, messages=messages, tools=[WEATHER]) as events:
            completion = events.get_final_completion()
    [choice] = completion.choices
    assert choice.finish_reason == ("tool_calls" if choice.message.tool_calls else "stop")
    return choice.message


def answered(message: Any, *, reverse: bool = False) -> list[ChatCompletionMessageParam]:
    """Return the assistant's message with OpenAI's fields only, and the results of its calls."""
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.function.name, "arguments": call.function.arguments},
        }
        for call in message.tool_calls
    ]
    results: list[Any] = [
        {
            "role": "tool",
            "tool_call_id": call["id"],
            "content": f"{json.loads(call['function']['arguments'])['city']}: 21 degrees",
        }
        for call in calls
    ]
    assistant: Any = {"role": "assistant", "content": message.content, "tool_calls": calls}
    return [assistant, *(reversed(results) if reverse else results)]


def parts(body: Any, name: str) -> list[Any]:
    """Return all parts of a request's contents with the field `name`."""
    return [part for content in body["contents"] for part in content["parts"] if name in part]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
def test_a_tool_call_makes_a_round_trip(client: OpenAI, emulator: Emulator, model: str, stream: bool) -> None:
    first = asked(client, model, [chat_message(ONE)], stream=stream)
    [call] = first.tool_calls
    assert call.id.startswith("call_")
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "Paris"}

    last = asked(client, model, [chat_message(ONE), *answered(first)], stream=stream)

    assert "Paris: 21 degrees" in last.content
    *_, sent = emulator.bodies()
    [called] = parts(sent, "functionCall")
    [response] = parts(sent, "functionResponse")
    assert called["functionCall"]["args"] == {"city": "Paris"}
    assert response["functionResponse"]["name"] == "get_weather"
    if model == GEMINI_3:
        assert base64.b64decode(called["thoughtSignature"]).startswith(MADE_BY_THE_EMULATOR)
        assert called["functionCall"]["id"] == response["functionResponse"]["id"]


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_calls_make_a_round_trip(client: OpenAI, emulator: Emulator, stream: bool) -> None:
    first = asked(client, GEMINI_3, [chat_message(TWO)], stream=stream)
    assert [json.loads(call.function.arguments)["city"] for call in first.tool_calls] == ["Paris", "London"]
    assert len({call.id for call in first.tool_calls}) == 2

    last = asked(client, GEMINI_3, [chat_message(TWO), *answered(first, reverse=True)], stream=stream)

    assert "Paris: 21 degrees" in last.content
    assert "London: 21 degrees" in last.content
    *_, sent = emulator.bodies()
    calls, results = parts(sent, "functionCall"), parts(sent, "functionResponse")
    assert base64.b64decode(calls[0]["thoughtSignature"]).startswith(MADE_BY_THE_EMULATOR)
    responses = {result["functionResponse"]["id"]: str(result["functionResponse"]["response"]) for result in results}
    for call in calls:
        assert call["functionCall"]["args"]["city"] in responses[call["functionCall"]["id"]]


def test_a_long_conversation_sends_every_signature(client: OpenAI, emulator: Emulator) -> None:
    messages = [chat_message(ONE)]
    for city in ("Rome", "Oslo"):
        messages += answered(asked(client, GEMINI_3, messages, stream=False))
        final = asked(client, GEMINI_3, messages, stream=True)
        reply: Any = {"role": "assistant", "content": final.content}
        messages += [reply, chat_message(f"What is the weather in {city}?")]
    asked(client, GEMINI_3, messages, stream=False)

    *_, sent = emulator.bodies()
    signatures = [base64.b64decode(part["thoughtSignature"]) for part in parts(sent, "thoughtSignature")]
    assert len(signatures) == 4  # two calls and two texts
    assert all(signature.startswith(MADE_BY_THE_EMULATOR) for signature in signatures)


def test_another_family_gets_the_history_without_signatures(client: OpenAI, emulator: Emulator) -> None:
    question = chat_message(f"What is the weather in Paris? ({fresh('switch')})")
    first = asked(client, GEMINI_3, [question], stream=False)
    history = [question, *answered(first)]
    response = client.chat.completions.with_raw_response.create(
        model="gemini-4-argon", messages=history, tools=[WEATHER]
    )

    assert "Paris: 21 degrees" in (response.parse().choices[0].message.content or "")
    assert len(emulator.received()) == 2  # no rejected call in between
    *_, sent = emulator.bodies()
    [call] = parts(sent, "functionCall")
    assert not base64.b64decode(call["thoughtSignature"]).startswith(MADE_BY_THE_EMULATOR)
    assert ["dropped", "messages[1].thought_signature", "written by another model family"] in usage_of(
        response.headers
    ).notes


def test_an_edited_history_keeps_signatures_for_their_family_only(client: OpenAI, emulator: Emulator) -> None:
    question = chat_message(f"What is the weather in Paris? ({fresh('edited')})")
    edited = chat_message(f"What is the weather in Paris today? ({fresh('edited')})")
    called = answered(asked(client, GEMINI_3, [question], stream=False))
    asked(client, GEMINI_3, [edited, *called], stream=False)
    client.chat.completions.create(model="gemini-4-argon", messages=[edited, *called], tools=[WEATHER])

    _, again, switched = emulator.bodies()
    assert base64.b64decode(parts(again, "functionCall")[0]["thoughtSignature"]).startswith(MADE_BY_THE_EMULATOR)
    assert not base64.b64decode(parts(switched, "functionCall")[0]["thoughtSignature"]).startswith(MADE_BY_THE_EMULATOR)


@pytest.mark.parametrize("stream", [False, True])
def test_a_signature_that_gemini_rejects_is_left_out(client: OpenAI, emulator: Emulator, stream: bool) -> None:
    question = chat_message(f"What is the weather in Paris? ({fresh('corrupted')})")
    history = [question, *answered(asked(client, GEMINI_3, [question], stream=False))]
    error = {"code": 400, "message": "Corrupted thought signature.", "status": "INVALID_ARGUMENT"}
    emulator.script({"status": 400, "body": {"error": error}})
    response = client.chat.completions.with_raw_response.create(
        model=GEMINI_3, messages=history, tools=[WEATHER], stream=stream
    )

    answer: Any = response.parse()
    text = "".join(chunk.choices[0].delta.content or "" for chunk in answer) if stream else str(answer)
    assert "Paris: 21 degrees" in text
    _, rejected, again = emulator.bodies()
    assert base64.b64decode(parts(rejected, "functionCall")[0]["thoughtSignature"]).startswith(MADE_BY_THE_EMULATOR)
    assert not base64.b64decode(parts(again, "functionCall")[0]["thoughtSignature"]).startswith(MADE_BY_THE_EMULATOR)
    assert "Gemini rejected the signature as corrupted" in response.headers["x-gateway-notes"]


def test_a_call_of_an_unknown_history_gets_the_documented_stand_in(client: OpenAI, emulator: Emulator) -> None:
    """Each request gets the skip value: a stored foreign call does not become Gemini's."""
    assistant: Any = {
        "role": "assistant",
        "tool_calls": [
            {
                "id": fresh("call_elsewhere"),
                "type": "function",
                "function": {"name": "get_weather", "arguments": '{"city":"Bonn"}'},
            }
        ],
    }
    result: Any = {"role": "tool", "tool_call_id": assistant["tool_calls"][0]["id"], "content": "rain"}
    for _ in range(2):
        emulator.reset()
        response = client.chat.completions.with_raw_response.create(
            model=GEMINI_3, messages=[chat_message("What is the weather in Bonn?"), assistant, result], tools=[WEATHER]
        )

        [sent] = emulator.bodies()
        [call] = parts(sent, "functionCall")
        assert not base64.b64decode(call["thoughtSignature"]).startswith(MADE_BY_THE_EMULATOR)
        assert "rain" in (response.parse().choices[0].message.content or "")
        assert {kind for kind, _, _ in usage_of(response.headers).notes} == {"added"}


def test_signatures_of_another_principal_are_not_found(client: OpenAI, emulator: Emulator) -> None:
    """The lookup by tool-call id is limited to the principal: a guessed id finds no signature."""
    from sessions_store.models import ToolCall, User

    first = asked(client, GEMINI_3, [chat_message(ONE)], stream=False)
    stranger, _ = User.objects.get_or_create(username="stranger")
    ToolCall.objects.filter(call_id=first.tool_calls[0].id).update(principal=stranger)
    asked(client, GEMINI_3, [chat_message("Something else before."), *answered(first)], stream=False)

    *_, sent = emulator.bodies()
    [call] = parts(sent, "functionCall")
    assert not base64.b64decode(call["thoughtSignature"]).startswith(MADE_BY_THE_EMULATOR)


class Person(BaseModel):
    """A structured output."""

    name: str
    age: int


@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
def test_structured_outputs_are_valid(client: OpenAI, emulator: Emulator, model: str) -> None:
    completion = client.chat.completions.parse(
        model=model, messages=[chat_message("Ada is 36 years old.")], response_format=Person
    )

    assert completion.choices[0].message.parsed == Person(name="Ada", age=36)
    [sent] = emulator.bodies()
    assert sent["generationConfig"]["responseMimeType"] == "application/json"


@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
def test_forced_and_forbidden_tools_are_obeyed(client: OpenAI, model: str) -> None:
    forced = client.chat.completions.create(
        model=model, messages=[chat_message("Good morning Paris")], tools=[WEATHER], tool_choice="required"
    )
    forbidden = client.chat.completions.create(
        model=model, messages=[chat_message(ONE)], tools=[WEATHER], tool_choice="none"
    )

    assert [call.type for call in forced.choices[0].message.tool_calls or ()] == ["function"]
    assert forbidden.choices[0].message.tool_calls is None
    assert forbidden.choices[0].message.content
