"""Histories with JSON in place of text, or with parts of another API, as agents send them: sent and noted."""

import json
from typing import Any, Final

import httpx2
import pytest
from websockets.sync.client import connect

from tests.emulator_control import Emulator
from tests.exchanges import CHAT, chat_body
from tests.live_gateway import LiveGateway
from tests.responses import CONVERSATIONS, ENDS, RESPONSES, ask

pytestmark = pytest.mark.usefixtures("live_db", "emulator")

USER: Final[Any] = {"role": "user", "content": "Hello!"}
PIXEL: Final = "data:image/png;base64,iVBORw0KGgo="
IMAGE: Final = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
# The arguments of a call, the arguments sent to Gemini, and the same as the input of a custom tool.
ARGUMENTS: Final = {
    "object": ({"a": 1}, {"a": 1}, '{"a":1}'),
    "null": (None, {}, ""),
    "number": (5, {"unparsed_arguments": "5"}, "5"),
    "array": ([1], {"unparsed_arguments": "[1]"}, "[1]"),
    "truth": (True, {"unparsed_arguments": "true"}, "true"),
}
# The result of a tool, and the result sent to Gemini.
RESULTS: Final = {
    "object": ({"a": 1}, {"a": 1}),
    "null": (None, {"output": ""}),
    "number": (5, {"output": "5"}),
    "texts": (["a", "b"], {"output": ["a", "b"]}),
    "objects": ([{"a": 1}, {"type": 7}], {"output": [{"a": 1}, {"type": 7}]}),
    "output_text": ([{"type": "output_text", "text": "x"}], {"output": "x"}),
    "input_text": ([{"type": "input_text", "text": "x"}], {"output": "x"}),
    "text and a string": ([{"type": "text", "text": "x"}, "y"], {"output": ["x", "y"]}),
    "no type": ([{"type": "text", "text": "x"}, {"type": ["a"]}], {"output": ["x", '{"type":["a"]}']}),
    "link": ([{"type": "resource_link", "uri": "a:b"}], {"type": "resource_link", "uri": "a:b"}),
}
each_arguments = pytest.mark.parametrize(("held", "args", "text"), ARGUMENTS.values(), ids=ARGUMENTS.keys())
each_result = pytest.mark.parametrize(("held", "response"), RESULTS.values(), ids=RESULTS.keys())


def sent(emulator: Emulator, kind: str) -> Any:
    """Return the last part of this kind in the last request to Gemini."""
    *_, body = emulator.bodies()
    return [part[kind] for content in body["contents"] for part in content["parts"] if kind in part][-1]


def chat_call(call: Any, result: Any = "ok") -> list[Any]:
    """Return a chat with a call and its result."""
    return [
        USER,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": result},
    ]


def chat_function(arguments: Any) -> Any:
    """Return a function call of a chat."""
    return {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}


def items_of(arguments: Any = "{}", output: Any = "ok") -> list[Any]:
    """Return a call and its result as items."""
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": arguments}
    return [USER, call, {"type": "function_call_output", "call_id": "c1", "output": output}]


@each_arguments
@pytest.mark.parametrize("stream", [False, True])
def test_arguments_in_a_chat_may_be_json(
    http: httpx2.Client, emulator: Emulator, held: Any, args: Any, text: str, stream: bool
) -> None:
    response = http.post(CHAT, json=chat_body(messages=chat_call(chat_function(held)), stream=stream))

    assert response.status_code == 200, response.text
    assert sent(emulator, "functionCall")["args"] == args
    assert "converted messages[1].tool_calls[0].function.arguments: " in response.headers["x-gateway-notes"]

    custom = {"id": "c1", "type": "custom", "custom": {"name": "f", "input": held}}
    response = http.post(CHAT, json=chat_body(messages=chat_call(custom), stream=stream))
    assert sent(emulator, "functionCall")["args"] == {"input": text}
    assert "converted messages[1].tool_calls[0].custom.input: " in response.headers["x-gateway-notes"]


@each_arguments
def test_arguments_in_items_may_be_json(
    http: httpx2.Client, emulator: Emulator, held: Any, args: Any, text: str
) -> None:
    response = http.post(RESPONSES, json={"model": "gpt-4o", "input": items_of(held)})

    assert response.status_code == 200, response.text
    assert sent(emulator, "functionCall")["args"] == args
    assert "converted input[1].arguments: " in response.headers["x-gateway-notes"]
    custom = {"type": "custom_tool_call", "call_id": "c1", "name": "f", "input": held}
    output = {"type": "custom_tool_call_output", "call_id": "c1", "output": held}
    response = http.post(RESPONSES, json={"model": "gpt-4o", "input": [USER, custom, output]})
    assert sent(emulator, "functionCall")["args"] == {"input": text}
    assert "converted input[2].output: " in response.headers["x-gateway-notes"]


@each_arguments
def test_a_conversation_stores_unusual_arguments_as_text(
    http: httpx2.Client, emulator: Emulator, held: Any, args: Any, text: str
) -> None:
    conversation = http.post(CONVERSATIONS, json={"items": items_of(held)}).json()["id"]

    listed = http.get(f"{CONVERSATIONS}/{conversation}/items?order=asc").json()["data"]
    assert listed[1]["arguments"] == text
    ask(http, conversation=conversation, input="And now?")
    assert sent(emulator, "functionCall")["args"] == args


def test_the_arguments_of_a_legacy_call_may_be_json(http: httpx2.Client, emulator: Emulator) -> None:
    call = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": {"a": 1}}}
    messages = [USER, call, {"role": "function", "name": "f", "content": {"b": 2}}]

    response = http.post(CHAT, json=chat_body(messages=messages, functions=[{"name": "f"}]))

    assert response.status_code == 200, response.text
    assert sent(emulator, "functionCall")["args"] == {"a": 1}
    assert sent(emulator, "functionResponse")["response"] == {"b": 2}


def test_arguments_over_a_websocket_may_be_json(gateway: LiveGateway, emulator: Emulator) -> None:
    with connect(gateway.origin.replace("http", "ws") + RESPONSES, proxy=None) as socket:
        socket.send(json.dumps({"type": "response.create", "model": "gpt-4o", "input": items_of({"a": 1}, {"b": 2})}))
        while (event := json.loads(socket.recv(timeout=10)))["type"] not in (*ENDS, "error"):
            pass

    assert event["type"] == "response.completed", event
    assert sent(emulator, "functionCall")["args"] == {"a": 1}
    assert sent(emulator, "functionResponse")["response"] == {"b": 2}


@each_result
def test_results_may_be_json(http: httpx2.Client, emulator: Emulator, held: Any, response: Any) -> None:
    answer = http.post(CHAT, json=chat_body(messages=chat_call(chat_function("{}"), held)))
    assert answer.status_code == 200, answer.text
    assert sent(emulator, "functionResponse")["response"] == response
    assert "converted messages[2].content" in answer.headers["x-gateway-notes"]

    answer = http.post(RESPONSES, json={"model": "gpt-4o", "input": items_of(output=held)})
    assert answer.status_code == 200, answer.text
    assert sent(emulator, "functionResponse")["response"] == response


@pytest.mark.parametrize("kind", ["image_url", "input_image"])
@pytest.mark.parametrize("image", [PIXEL, {"url": PIXEL}])
def test_results_may_have_images_of_either_api(http: httpx2.Client, emulator: Emulator, kind: str, image: Any) -> None:
    part = {"type": kind, "image_url": image}

    http.post(CHAT, json=chat_body(model="gemini-3-flash-preview", messages=chat_call(chat_function("{}"), [part])))
    assert sent(emulator, "functionResponse")["parts"] == [IMAGE]
    http.post(RESPONSES, json={"model": "gemini-3-flash-preview", "input": items_of(output=[part])})
    assert sent(emulator, "functionResponse")["parts"] == [IMAGE]


@pytest.mark.parametrize(
    ("content", "text", "note"),
    [
        ([{"type": "output_text", "text": "Hi."}], "Hi.", ""),
        ([{"type": "input_text", "text": "Hi."}], "Hi.", ""),
        ([{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hi."}], "Hi.", "dropped"),
        ([{"type": "reasoning", "text": "Hm."}, {"type": "text", "text": "Hi."}], "Hi.", "dropped"),
        ([{"type": "text", "text": "Hi."}, "Ho."], "Hi.Ho.", "converted"),
        ([{"type": "tool_use", "id": "a"}], '{"type":"tool_use","id":"a"}', "converted"),
    ],
)
def test_assistant_messages_may_have_parts_of_other_apis(
    http: httpx2.Client, emulator: Emulator, content: Any, text: str, note: str
) -> None:
    history = [USER, {"role": "assistant", "content": content}, USER]

    for path, body in ((CHAT, chat_body(messages=history)), (RESPONSES, {"model": "gpt-4o", "input": history})):
        response = http.post(path, json=body)
        assert response.status_code == 200, response.text
        *_, asked = emulator.bodies()
        assert "".join(part["text"] for part in asked["contents"][1]["parts"]) == text
        assert note in response.headers.get("x-gateway-notes", "")


def test_an_assistant_message_without_content_is_accepted(http: httpx2.Client) -> None:
    response = http.post(RESPONSES, json={"model": "gpt-4o", "input": [USER, {"role": "assistant", "content": None}]})

    assert response.status_code == 200, response.text
    assert "converted input[1].content: null" in response.headers["x-gateway-notes"]


def test_unsupported_media_in_a_result_is_named(http: httpx2.Client) -> None:
    content = [{"type": "text", "text": "x"}, {"type": "video_url", "video_url": {"url": PIXEL}}]

    response = http.post(CHAT, json=chat_body(messages=chat_call(chat_function("{}"), content)))

    assert response.status_code == 400, response.text
    assert response.json()["error"]["param"] == "messages[2].content[1].type"


def test_a_result_may_have_the_name_of_the_custom_tool_only(http: httpx2.Client, emulator: Emulator) -> None:
    call = {"type": "custom_tool_call", "call_id": "c1", "name": "f", "input": "x"}
    output = {"type": "custom_tool_call_output", "name": "f", "output": "ok"}

    ask(http, input=[USER, call, {"role": "developer", "content": "Be brief."}, output])

    answered = sent(emulator, "functionResponse")
    assert (answered["name"], answered["response"]) == ("f", {"output": "ok"})
    conversation = http.post(CONVERSATIONS, json={"items": [USER, call, output]}).json()["id"]
    ask(http, conversation=conversation, input="And now?")
    assert sent(emulator, "functionResponse")["response"] == {"output": "ok"}


def test_reasoning_without_a_summary_is_accepted(http: httpx2.Client, emulator: Emulator) -> None:
    content = [{"type": "reasoning_text", "text": "Hm."}]
    thought = {"type": "reasoning", "id": "rs_1", "summary": None, "content": content, "encrypted_content": None}

    made = ask(http, input=[USER, thought, {"role": "assistant", "content": "Hi."}, USER])

    listed = http.get(f"{RESPONSES}/{made['id']}/input_items?order=asc").json()["data"]
    assert (listed[1]["type"], listed[1]["summary"]) == ("reasoning", [])
    ask(http, previous_response_id=made["id"], input="And now?")


@pytest.mark.parametrize("lost", [{}, {"type": None}])
@pytest.mark.parametrize("kind", ["function", "custom"])
def test_a_call_without_a_type_has_the_type_of_its_field(
    http: httpx2.Client, emulator: Emulator, lost: dict[str, Any], kind: str
) -> None:
    called = {"function": {"name": "f", "arguments": '{"input": "x"}'}, "custom": {"name": "f", "input": "x"}}[kind]

    response = http.post(CHAT, json=chat_body(messages=chat_call({"id": "c1", kind: called} | lost), store=True))

    assert response.status_code == 200, response.text
    assert sent(emulator, "functionCall")["args"] == {"input": "x"}
    stored = http.get(f"{CHAT}/{response.json()['id']}/messages").json()["data"]
    assert stored[1]["tool_calls"][0]["type"] == kind


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", ["chat", "responses"])
def test_a_call_without_a_name_is_accepted(http: httpx2.Client, emulator: Emulator, dialect: str, stream: bool) -> None:
    if dialect == "chat":
        call = {"id": "c1", "type": "function", "function": {"name": "", "arguments": "{}"}}
        answer = http.post(CHAT, json=chat_body(messages=[*chat_call(call), USER], stream=stream))
    else:
        call = {"type": "function_call", "call_id": "c1", "name": "", "arguments": "{}"}
        result = {"type": "function_call_output", "call_id": "c1", "output": "ok"}
        body = {"model": "gemini-3.8-flash", "input": [USER, call, result, USER], "stream": stream}
        answer = http.post(RESPONSES, json=body)

    assert answer.status_code == 200, answer.text
    assert sent(emulator, "functionCall")["name"] == sent(emulator, "functionResponse")["name"] != ""
