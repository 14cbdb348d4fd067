"""A tool name that Gemini rejects has one replacement in every request, and the client reads its own name."""

from typing import Any, Final

import httpx2
import pytest

from tests.emulator_control import Emulator
from tests.exchanges import CHAT, GEMINI_3, chat_body, events
from tests.responses import CONVERSATIONS, RESPONSES, ask, named_events

pytestmark = pytest.mark.usefixtures("live_db")

WILD: Final = "read file/v2"
LOOKS_ALIKE: Final = "read_file_v2"


def tool(name: str) -> dict[str, Any]:
    """Return a function declaration of chat completions."""
    return {"type": "function", "function": {"name": name}}


def scripted_call(name: str, *, stream: bool = False) -> dict[str, Any]:
    """Return the script step of a response with a call of this function."""
    content = {"role": "model", "parts": [{"functionCall": {"name": name, "args": {}}}]}
    answer = {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], "modelVersion": GEMINI_3}
    return {"chunks": [answer]} if stream else {"body": answer}


def declared(body: Any) -> list[str]:
    """Return the declared names of a request."""
    return [item["name"] for group in body["tools"] for item in group["functionDeclarations"]]


def in_history(body: Any) -> list[str]:
    """Return the names of the calls and results in the contents of a request."""
    parts = [part for content in body["contents"] for part in content["parts"]]
    return [part[key]["name"] for part in parts for key in ("functionCall", "functionResponse") if key in part]


@pytest.mark.parametrize("stream", [False, True])
def test_chat_sends_one_form_of_a_name_in_every_request(http: httpx2.Client, emulator: Emulator, stream: bool) -> None:
    messages: list[Any] = [{"role": "user", "content": "Read it."}]
    http.post(CHAT, json=chat_body(model=GEMINI_3, messages=messages, tools=[tool(WILD)]))
    (form,) = declared(next(emulator.bodies()))
    for number, tools in enumerate(([WILD], [LOOKS_ALIKE, WILD], [WILD, LOOKS_ALIKE, "other"])):
        emulator.script(scripted_call(form, stream=stream))
        body = chat_body(model=GEMINI_3, messages=messages, tools=[tool(name) for name in tools], stream=stream)
        response = http.post(CHAT, json=body)

        if stream:
            (call,) = [
                call for chunk in events(response) for call in chunk["choices"][0]["delta"].get("tool_calls", ())
            ][:1]
        else:
            (call,) = response.json()["choices"][0]["message"]["tool_calls"]
        assert call["function"]["name"] == WILD
        *_, left = emulator.bodies()
        assert declared(left) == [form if name == WILD else name for name in tools]
        assert in_history(left) == [form, form] * number
        answer = {"id": call["id"], "type": "function", "function": {"name": WILD, "arguments": "{}"}}
        messages += [
            {"role": "assistant", "content": None, "tool_calls": [answer]},
            {"role": "tool", "tool_call_id": call["id"], "content": "text"},
        ]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("namespace", ["", "my server"])
def test_responses_send_one_form_of_a_name_in_every_request(
    http: httpx2.Client, emulator: Emulator, stream: bool, namespace: str
) -> None:
    wild: dict[str, Any] = {"type": "function", "name": WILD}
    alike = {"type": "function", "name": LOOKS_ALIKE}
    if namespace:
        wild = {"type": "namespace", "name": namespace, "description": "Files", "tools": [wild]}
    ask(http, input="Read it.", tools=[wild])
    (form,) = declared(next(emulator.bodies()))
    conversation = http.post(CONVERSATIONS, json={}).json()["id"]
    results: list[Any] = [{"role": "user", "content": "Read it."}]
    for number, tools in enumerate(([wild], [alike, wild], [wild, alike])):
        emulator.script(scripted_call(form, stream=stream))
        body = {"model": GEMINI_3, "conversation": conversation, "input": results, "tools": tools, "stream": stream}
        response = http.post(RESPONSES, json=body)

        made = named_events(response.text)[-1]["response"] if stream else response.json()
        (call,) = [item for item in made["output"] if item["type"] == "function_call"]
        assert (call["name"], call.get("namespace") or "") == (WILD, namespace)
        *_, left = emulator.bodies()
        assert sorted(declared(left)) == sorted({form, *([LOOKS_ALIKE] if alike in tools else [])})
        assert in_history(left) == [form, form] * number
        results = [{"type": "function_call_output", "call_id": call["call_id"], "output": "text"}]


def test_a_choice_and_allowed_tools_have_the_declared_form_of_a_name(http: httpx2.Client, emulator: Emulator) -> None:
    tools = [{"type": "function", "name": name} for name in (LOOKS_ALIKE, WILD)]
    restricted = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": WILD}]}
    for choice in ({"type": "function", "name": WILD}, restricted):
        made = ask(http, input="Read it.", tools=tools, tool_choice=choice)

        *_, left = emulator.bodies()
        assert left["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == declared(left)[1:]
        assert [item["name"] for item in made["output"] if item["type"] == "function_call"] == [WILD]


@pytest.mark.parametrize("name", ["shell", "local_shell", "apply_patch"])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("kind", ["function", "custom"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_function_takes_precedence_over_openais_tool_of_its_name(
    http: httpx2.Client, emulator: Emulator, name: str, first: bool, kind: str, stream: bool
) -> None:
    own: dict[str, Any] = {"type": kind, "name": name, "description": "Mine."}
    tools = [own, {"type": name}] if first else [{"type": name}, own]
    for choice in ("auto", {"type": name}, {"type": kind, "name": name}):
        emulator.script(scripted_call(name, stream=stream))
        body = {"model": GEMINI_3, "input": "List.", "tools": tools, "tool_choice": choice, "stream": stream}
        response = http.post(RESPONSES, json=body)

        assert response.status_code == 200, response.text
        assert f"dropped tools[{int(first)}]: a function has the same name" in response.headers["x-gateway-notes"]
        made = named_events(response.text)[-1]["response"] if stream else response.json()
        assert [item["type"] for item in made["output"]] == [
            {"function": "function_call", "custom": "custom_tool_call"}[kind]
        ]
        *_, left = emulator.bodies()
        (declaration,) = left["tools"][0]["functionDeclarations"]
        assert (declaration["name"], "Mine." in declaration["description"]) == (name, True)


def test_two_functions_of_one_name_are_rejected(http: httpx2.Client) -> None:
    own = {"type": "function", "name": "shell"}

    response = http.post(RESPONSES, json={"model": GEMINI_3, "input": "x", "tools": [{"type": "shell"}, own, own]})

    assert (response.status_code, response.json()["error"]["param"]) == (400, "tools[2].name")
