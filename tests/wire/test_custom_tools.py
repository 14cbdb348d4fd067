"""Custom tools in chat completions, with free text as input: OpenAI's client, plain and streamed."""

import base64
from typing import Any, Final

import httpx2
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from api.translate.tools.names import sanitise_name
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, GEMINI_3, GEMINI_25, chat_body, chat_message, events, fresh, usage_of
from tests.wire.test_tools import MADE_BY_THE_EMULATOR, WEATHER, parts

CODE: Final[Any] = {"type": "custom", "custom": {"name": "run code", "description": "Runs code."}}
GRAMMAR: Final[Any] = {"type": "grammar", "grammar": {"syntax": "lark", "definition": 'start: "1"'}}
SUM: Final[Any] = {"type": "custom", "custom": {"name": "add", "description": "Adds.", "format": GRAMMAR}}
SENT: Final = sanitise_name("run code")
ASK: Final = "Run the code 1+1"

pytestmark = pytest.mark.usefixtures("live_db", "emulator")


def made(*calls: tuple[str, Any], stream: bool) -> dict[str, Any]:
    """Return a script step with these calls, in one response or in one chunk each."""
    turns = [{"functionCall": {"name": name, "args": args}} for name, args in calls]
    contents = [[turn] for turn in turns] if stream else [turns]
    bodies: list[Any] = [{"candidates": [{"content": {"role": "model", "parts": content}}]} for content in contents]
    bodies[-1]["candidates"][0]["finishReason"] = "STOP"
    bodies[-1]["usageMetadata"] = {"promptTokenCount": 4, "candidatesTokenCount": 2, "totalTokenCount": 6}
    return {"chunks": bodies} if stream else {"body": bodies[0]}


def asked(client: OpenAI, messages: list[ChatCompletionMessageParam], *, stream: bool, **options: Any) -> Any:
    """Return the assistant's message, plain or accumulated from a stream by OpenAI's helper."""
    options = {"model": GEMINI_3, "tools": [CODE, WEATHER], **options}
    if not stream:
        completion = client.chat.completions.create(messages=messages, **options)
        ChatCompletion.model_validate(completion.model_dump(), strict=True)
    else:
        with client.chat.completions.stream(messages=messages, **options) as stream_events:
            for _ in stream_events:
                pass
            completion = stream_events.current_completion_snapshot
    [choice] = completion.choices
    assert choice.finish_reason == ("tool_calls" if choice.message.tool_calls else "stop")
    return choice.message


def called(message: Any) -> list[Any]:
    """Return the calls of a message in the form that clients send back."""
    return [
        {"id": call["id"], "type": call["type"], call["type"]: {key: call[call["type"]][key] for key in keys}}
        for call in message.model_dump()["tool_calls"]
        for keys in [("name", "input") if call["type"] == "custom" else ("name", "arguments")]
    ]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
def test_a_tool_call_makes_a_round_trip(client: OpenAI, emulator: Emulator, model: str, stream: bool) -> None:
    choice = {"type": "custom", "custom": {"name": "run code"}}
    first = asked(client, [chat_message(ASK)], stream=stream, model=model, tool_choice=choice)
    [call] = called(first)
    assert call["id"].startswith("call_")
    assert call["custom"]["name"] == "run code"
    [sent] = emulator.bodies()
    assert sent["toolConfig"]["functionCallingConfig"] == {"mode": "ANY", "allowedFunctionNames": [SENT]}
    assert [one["name"] for one in sent["tools"][0]["functionDeclarations"]] == [SENT, "get_weather"]

    assistant: Any = {"role": "assistant", "content": None, "tool_calls": [call]}
    result: Any = {"role": "tool", "tool_call_id": call["id"], "content": "It is 2."}
    last = asked(client, [chat_message(ASK), assistant, result], stream=stream, model=model)

    assert "It is 2." in last.content
    *_, sent = emulator.bodies()
    [again] = parts(sent, "functionCall")
    assert again["functionCall"]["args"] == {"input": call["custom"]["input"]}
    assert [one["functionResponse"]["name"] for one in parts(sent, "functionResponse")] == [SENT]
    if model == GEMINI_3:
        assert base64.b64decode(again["thoughtSignature"]).startswith(MADE_BY_THE_EMULATOR)


def test_a_custom_call_is_streamed_in_openais_form(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script(made((SENT, {"input": "1+1\n"}), ("get_weather", {"city": "Rome"}), stream=True))
    chunks = events(http.post(CHAT, json=chat_body(ASK, tools=[CODE, WEATHER], stream=True)))

    deltas = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    ids = [delta.pop("id") for delta in deltas if "id" in delta]
    assert len(set(ids)) == 2
    assert deltas == [
        {"index": 0, "type": "custom", "custom": {"name": "run code", "input": ""}},
        {"index": 0, "custom": {"input": "1+1\n"}},
        {"index": 1, "type": "function", "function": {"name": "get_weather", "arguments": ""}},
        {"index": 1, "function": {"arguments": '{"city":"Rome"}'}},
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_calls_of_functions_and_custom_tools_may_be_parallel(client: OpenAI, emulator: Emulator, stream: bool) -> None:
    given: Any = (SENT, {"input": 'a\n"b"'}), ("get_weather", {"city": "Rome"}), (SENT, {})
    emulator.script(made(*given, stream=stream))

    calls = called(asked(client, [chat_message(ASK)], stream=stream))

    assert [call[call["type"]] for call in calls] == [
        {"name": "run code", "input": 'a\n"b"'},
        {"name": "get_weather", "arguments": '{"city":"Rome"}'},
        {"name": "run code", "input": ""},
    ]
    emulator.script(made(*given, stream=stream))
    one = called(asked(client, [chat_message(ASK)], stream=stream, parallel_tool_calls=False))
    assert [call["type"] for call in one] == ["custom"]


@pytest.mark.parametrize("stream", [False, True])
def test_arguments_of_another_form_become_the_text_and_keep_their_signature(
    client: OpenAI, emulator: Emulator, stream: bool
) -> None:
    text = '{"input":"1","why":"so"}'
    step = made((SENT, {"input": "1", "why": "so"}), stream=stream)
    signature = base64.b64encode(MADE_BY_THE_EMULATOR + b"gemini-3:" + b"x" * 40).decode()
    turn = (step["chunks"][0] if stream else step["body"])["candidates"][0]["content"]
    turn["parts"][0]["thoughtSignature"] = signature
    emulator.script(step)
    [call] = called(asked(client, [chat_message(ASK)], stream=stream))
    assert call["custom"]["input"] == text

    emulator.script({"body": {"candidates": [{"content": {"parts": [{"text": "Two."}]}, "finishReason": "STOP"}]}})
    result: Any = {"role": "tool", "tool_call_id": call["id"], "content": "2"}
    # Another first message: the call is found by its id only.
    asked(client, [chat_message("So?"), {"role": "assistant", "tool_calls": [call]}, result], stream=False)
    *_, sent = emulator.bodies()
    [again] = parts(sent, "functionCall")
    assert again["functionCall"]["args"] == {"input": "1", "why": "so"}
    assert again["thoughtSignature"] == signature


def test_allowed_tools_and_a_grammar_are_sent(client: OpenAI, emulator: Emulator) -> None:
    choice: Any = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{**SUM}]}}
    raw = client.chat.completions.with_raw_response.create(
        model=GEMINI_3,
        messages=[chat_message(ASK)],
        tools=[CODE, SUM],
        tool_choice=choice,
    )

    [call] = called(raw.parse().choices[0].message)
    assert call["custom"]["name"] == "add"
    note = "tools[1].custom.format: grammar added to the description (Gemini does not enforce grammars)"
    assert f"converted {note}" in raw.headers["x-gateway-notes"]
    assert ["converted", *note.split(": ")] in usage_of(raw.headers).notes
    [sent] = emulator.bodies()
    assert sent["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == ["add"]
    assert sent["tools"][0]["functionDeclarations"][1]["description"].endswith('lark grammar:\nstart: "1"')


@pytest.mark.parametrize("stream", [False, True])
def test_a_session_stores_the_custom_call(client: OpenAI, emulator: Emulator, stream: bool) -> None:
    user = fresh("user")
    emulator.script(made((SENT, {"input": "1+1"}), stream=stream))
    [call] = called(asked(client, [chat_message(ASK)], stream=stream, user=user, model=GEMINI_25))

    result: Any = {"role": "tool", "tool_call_id": call["id"], "content": "It is 2."}
    assistant: Any = {"role": "assistant", "tool_calls": [call]}
    asked(client, [chat_message(ASK), assistant, result], stream=stream, user=user, model=GEMINI_25)
    last = asked(client, [chat_message("Thanks.")], stream=stream, user=user, model=GEMINI_25)

    assert last.content
    *_, sent = emulator.bodies()
    assert [one["functionCall"]["args"] for one in parts(sent, "functionCall")] == [{"input": "1+1"}]
    assert [one["functionResponse"]["name"] for one in parts(sent, "functionResponse")] == [SENT]


@pytest.mark.parametrize("stream", [False, True])
def test_a_stored_completion_has_the_custom_call(client: OpenAI, emulator: Emulator, stream: bool) -> None:
    emulator.script(made((SENT, {"input": "1+1"}), stream=stream))
    run = fresh("run")
    message = asked(client, [chat_message(ASK)], stream=stream, store=True, metadata={"run": run})

    [found] = client.chat.completions.list(metadata={"run": run})

    ChatCompletion.model_validate(found.model_dump(), strict=True)
    assert called(found.choices[0].message) == called(message)
