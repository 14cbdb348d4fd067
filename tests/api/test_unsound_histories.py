"""Invalid histories do not end a session: cut arguments, NUL characters, halves of emoji."""

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest
from websockets.sync.client import ClientConnection, connect

from sessions_store.models import UsageRecord
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, COMPLETIONS, GEMINI_3, GEMINI_25, JSON, chat_body, events, fresh, usage_of
from tests.live_gateway import LiveGateway
from tests.responses import CONVERSATIONS, ENDS, RESPONSES, WEATHER, ask, named_events

pytestmark = pytest.mark.usefixtures("live_db", "emulator")

CUT: Final = '{"city": "Paris", "days": [1, 2'
READ: Final = {"city": "Paris", "unparsed_arguments": '"days": [1, 2'}
WEIRD: Final = {
    "cut": (CUT, READ),
    "cut in the first text": ('{"value": "abc', {"unparsed_arguments": '{"value": "abc'}),
    "array": ("[1, 2]", {"unparsed_arguments": "[1, 2]"}),
    "number": ("5", {"unparsed_arguments": "5"}),
    "NaN": ('{"a": NaN}', {"a": "NaN"}),
    "empty": ("", {}),
    "300 levels": ("[" * 300 + "]" * 300, {"unparsed_arguments": "[" * 300 + "]" * 300}),
    "5,000 levels": ('{"a":' * 5000 + "1" + "}" * 5000, {"unparsed_arguments": '{"a":' * 5000 + "1" + "}" * 5000}),
    "900 levels": ('{"a":' * 900 + "1" + "}" * 900, {"unparsed_arguments": '{"a":' * 900 + "1" + "}" * 900}),
    "NUL and half an emoji": (r'{"a": "\u0000\ud83d \\u0000"}', {"a": "\ufffd\ufffd \\u0000"}),
}
each = pytest.mark.parametrize(("arguments", "args"), WEIRD.values(), ids=WEIRD.keys())
CHAT_TOOL: Final[Any] = {"type": "function", "function": {name: WEATHER[name] for name in ("name", "parameters")}}
CALL: Final[Any] = {"type": "function_call", "call_id": "c1", "name": "get_weather"}
OUTPUT: Final[Any] = {"type": "function_call_output", "call_id": "c1", "output": "malformed arguments"}
CUSTOM: Final[Any] = {"type": "custom_tool_call", "call_id": "c1", "name": "shell", "input": "echo '\ud83d\0"}
CUSTOM_OUTPUT: Final[Any] = {"type": "custom_tool_call_output", "call_id": "c1", "output": "\0\0ELF\udfff"}
USER: Final[Any] = {"role": "user", "content": "Hello!"}
NOTE: Final = "NUL characters and unpaired surrogates are replaced by U+FFFD"


def calls_that_left(emulator: Emulator) -> list[Any]:
    """Return the arguments of all calls in the last request to Gemini."""
    *_, body = emulator.bodies()
    body = body.get("generateContentRequest", body)
    parts = [part for content in body["contents"] for part in content["parts"]]
    return [part["functionCall"]["args"] for part in parts if "functionCall" in part]


def chat_history(arguments: str) -> list[dict[str, Any]]:
    """Return a chat with a call with these arguments."""
    call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": arguments}}
    result = {"role": "tool", "tool_call_id": "c1", "content": "malformed arguments"}
    return [USER, {"role": "assistant", "content": None, "tool_calls": [call]}, result]


@pytest.fixture
def socket(gateway: LiveGateway) -> Iterator[ClientConnection]:
    """A connection to the live gateway."""
    with connect(gateway.origin.replace("http", "ws") + RESPONSES, proxy=None) as connected:
        yield connected


def answered(socket: ClientConnection, **body: Any) -> dict[str, Any]:
    """Return the last event of the response to one frame."""
    socket.send(json.dumps({"type": "response.create", "model": GEMINI_3, **body}))
    while True:
        event: dict[str, Any] = json.loads(socket.recv(timeout=10))
        if event["type"] in (*ENDS, "error"):
            return event


@each
@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
@pytest.mark.parametrize("stream", [False, True])
def test_chat_accepts_any_arguments(
    http: httpx2.Client, emulator: Emulator, arguments: str, args: Any, model: str, stream: bool
) -> None:
    body = chat_body(model=model, messages=chat_history(arguments), tools=[CHAT_TOOL], stream=stream)

    for _ in range(2):  # the second time the messages are in the tree
        response = http.post(CHAT, json=body)
        assert response.status_code == 200, response.text
        assert calls_that_left(emulator) == [args]
        assert ("function.arguments" in response.headers.get("x-gateway-notes", "")) == (arguments != "")
        assert events(response) if stream else response.json()["choices"]


def test_a_legacy_call_may_have_any_arguments(http: httpx2.Client, emulator: Emulator) -> None:
    call = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": CUT}}
    messages = [USER, call, {"role": "function", "name": "f", "content": "1"}]

    response = http.post(CHAT, json=chat_body(messages=messages, functions=[{"name": "f"}]))

    assert calls_that_left(emulator) == [READ]
    assert "messages[1].function_call.arguments" in response.headers["x-gateway-notes"]


def test_a_session_continues_after_broken_arguments(http: httpx2.Client, emulator: Emulator) -> None:
    user = fresh("user")
    http.post(CHAT, json=chat_body(messages=chat_history(CUT), tools=[CHAT_TOOL], user=user))

    assert http.post(CHAT, json=chat_body("And now?", user=user)).status_code == 200
    assert calls_that_left(emulator) == [READ]


def test_stored_messages_have_the_sent_arguments(http: httpx2.Client) -> None:
    made = http.post(CHAT, json=chat_body(messages=chat_history(CUT), store=True)).json()

    listed = http.get(f"{CHAT}/{made['id']}/messages").json()["data"]

    assert listed[1]["tool_calls"][0]["function"]["arguments"] == CUT


@each
@pytest.mark.parametrize("stream", [False, True])
def test_responses_accept_any_arguments(
    http: httpx2.Client, emulator: Emulator, arguments: str, args: Any, stream: bool
) -> None:
    items = [USER, CALL | {"arguments": arguments}, OUTPUT]

    response = http.post(RESPONSES, json={"model": GEMINI_3, "input": items, "tools": [WEATHER], "stream": stream})

    assert response.status_code == 200, response.text
    assert calls_that_left(emulator) == [args]
    assert ("input[1].arguments" in response.headers.get("x-gateway-notes", "")) == (arguments != "")
    made = named_events(response.text)[-1]["response"] if stream else response.json()
    assert made["status"] == "completed"

    later = ask(http, input="And now?", previous_response_id=made["id"])
    assert later["status"] == "completed"
    assert calls_that_left(emulator) == [args]
    inputs = http.get(f"{RESPONSES}/{made['id']}/input_items?order=asc").json()["data"]
    assert inputs[1]["arguments"] == arguments


@each
def test_a_conversation_accepts_any_arguments(
    http: httpx2.Client, emulator: Emulator, arguments: str, args: Any
) -> None:
    items = [{"type": "message", **USER}, CALL | {"arguments": arguments}, OUTPUT]
    conversation = http.post(CONVERSATIONS, json={"items": items}).json()["id"]

    for _ in range(2):
        assert ask(http, conversation=conversation, input="And now?")["status"] == "completed"
        assert calls_that_left(emulator) == [args]
    listed = http.get(f"{CONVERSATIONS}/{conversation}/items?order=asc").json()["data"]
    assert listed[1]["arguments"] == arguments


@pytest.mark.parametrize("path", ["/input_tokens", "/compact"])
def test_counting_and_compacting_accept_any_arguments(http: httpx2.Client, emulator: Emulator, path: str) -> None:
    items = [USER, CALL | {"arguments": CUT}, OUTPUT, CUSTOM | {"call_id": "c2"}, CUSTOM_OUTPUT | {"call_id": "c2"}]

    response = http.post(f"{RESPONSES}{path}", content=json.dumps({"model": GEMINI_3, "input": items}), headers=JSON)

    assert response.status_code == 200, response.text
    assert calls_that_left(emulator) == [READ, {"input": "echo '\ufffd\ufffd"}]
    assert NOTE in response.headers["x-gateway-notes"]


def test_a_websocket_accepts_any_arguments(socket: ClientConnection, emulator: Emulator) -> None:
    items = [USER, CALL | {"arguments": CUT}, OUTPUT, CUSTOM | {"call_id": "c2"}, CUSTOM_OUTPUT | {"call_id": "c2"}]

    user = fresh("half\ud83d")
    ended = answered(socket, input=items, tools=[WEATHER], user=user)

    assert ended["type"] == "response.completed"
    assert calls_that_left(emulator) == [READ, {"input": "echo '\ufffd\ufffd"}]
    later = answered(socket, input="And now?", previous_response_id=ended["response"]["id"])
    assert later["type"] == "response.completed"
    (record,) = UsageRecord.objects.filter(user=user.replace("\ud83d", "\ufffd"))
    assert {"body", "input[1].arguments"} <= {param for _, param, _ in record.notes}


def test_a_websocket_keeps_whole_emoji_and_skips_a_byte_order_mark(
    socket: ClientConnection, emulator: Emulator
) -> None:
    frame = json.dumps({"type": "response.create", "model": GEMINI_3, "input": "😀 \ud83d"})
    socket.send("\ufeff" + frame)
    while json.loads(socket.recv(timeout=10))["type"] not in (*ENDS, "error"):
        pass

    (body,) = emulator.bodies()
    assert body["contents"][-1]["parts"] == [{"text": "😀 \ufffd"}]


@pytest.mark.parametrize("stream", [False, True])
def test_unpaired_surrogates_and_nul_are_replaced_everywhere(
    http: httpx2.Client, emulator: Emulator, stream: bool
) -> None:
    call = {"id": "c\0", "type": "function", "function": {"name": "f\0", "arguments": r'{"\u0000k": "\ud83d"}'}}
    messages = [
        {"role": "system", "content": "Be \ud83d brief."},
        {"role": "user", "content": [{"type": "text", "text": "\0binary\udc00 😀 \\ud83d \\u0000"}], "name": "n\0"},
        {"role": "assistant", "content": "x\0", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c\0", "content": "\x7fELF\0\0\0"},
    ]
    topic = fresh("topic")
    body = chat_body(
        messages=messages,
        tools=[{"type": "function", "function": {"name": "f\0", "description": "d\0"}}],
        metadata={topic: "m\0\ud83d"},
        user=fresh("user\ud83d"),
        stream=stream,
    )

    response = http.post(CHAT, content=b"\xef\xbb\xbf" + json.dumps(body).encode(), headers=JSON)

    assert response.status_code == 200, response.text
    assert f"converted body: {NOTE}" in response.headers["x-gateway-notes"]
    assert f"tool_calls[0].function.arguments: {NOTE}" in response.headers["x-gateway-notes"]
    (left,) = emulator.bodies()
    assert left["systemInstruction"]["parts"] == [{"text": "Be \ufffd brief."}]
    assert left["contents"][0]["parts"] == [{"text": "n\ufffd: "}, {"text": "\ufffdbinary\ufffd 😀 \\ud83d \\u0000"}]
    (name,) = [declaration["name"] for declaration in left["tools"][0]["functionDeclarations"]]
    text, made = left["contents"][1]["parts"]
    assert (text["text"], made["functionCall"]["name"]) == ("x\ufffd", name)
    assert made["functionCall"]["args"] == {"\ufffdk": "\ufffd"}
    assert left["contents"][2]["parts"][0]["functionResponse"]["response"] == {"output": "\x7fELF\ufffd\ufffd\ufffd"}
    assert usage_of(response.headers).metadata == {topic: "m\ufffd\ufffd"}


def test_raw_surrogates_are_replaced_and_whole_characters_kept(http: httpx2.Client, emulator: Emulator) -> None:
    prompt = b"\xed\xa0\xbd| \xed\xa0\xbd\xed\xb8\x80 \xf0\x9f\x98\x80"
    body = b'{"model": "gemini-2.5-flash", "prompt": "' + prompt + b'"}'

    response = http.post(COMPLETIONS, content=body, headers=JSON)

    assert NOTE in response.headers["x-gateway-notes"]
    (left,) = emulator.bodies()
    assert left["contents"][0]["parts"] == [{"text": "\ufffd| 😀 😀"}]


def test_whole_characters_have_no_note(http: httpx2.Client, emulator: Emulator) -> None:
    body = b"\xef\xbb\xbf" + json.dumps(chat_body(r"😀 \u0000 \ud83d ퟿")).encode()

    response = http.post(CHAT, content=body, headers=JSON)

    assert "x-gateway-notes" not in response.headers
    (left,) = emulator.bodies()
    assert left["contents"][0]["parts"] == [{"text": r"😀 \u0000 \ud83d ퟿"}]


def test_stored_objects_have_the_replaced_text(http: httpx2.Client) -> None:
    body = json.dumps({"metadata": {"half\ud83d": "\0"}}).encode()

    made = http.post(CONVERSATIONS, content=body, headers=JSON)

    assert made.json()["metadata"] == {"half\ufffd": "\ufffd"}
    assert made.headers["x-gateway-notes"] == f"converted body: {NOTE}"
    again = http.post(f"{CONVERSATIONS}/{made.json()['id']}", content=body, headers=JSON)
    assert again.headers["x-gateway-notes"] == f"converted body: {NOTE}"


@pytest.mark.parametrize(
    ("path", "status", "param"),
    [
        (f"{RESPONSES}/resp_%00", 404, "response_id"),
        (f"{CHAT}?metadata%5Ba%5D=%00", 200, "query"),
        (f"{CHAT}?model=%ED%A0%BD", 200, ""),
        (f"{CONVERSATIONS}/conv_%ED%A0%BD/items?after=%00", 404, "query"),
        ("/v1/models/a%00b", 404, "model"),
    ],
)
def test_paths_with_replaced_characters_get_a_response(http: httpx2.Client, path: str, status: int, param: str) -> None:
    response = http.get(path)
    assert response.status_code == status, response.text
    assert response.headers.get("x-gateway-notes", "") == (f"converted {param}: {NOTE}" if param else "")


@pytest.mark.parametrize("stream", [False, True])
def test_invalid_characters_in_a_response_of_gemini_are_replaced(
    http: httpx2.Client, emulator: Emulator, stream: bool
) -> None:
    call = {"functionCall": {"name": "f", "args": {"data": "\0", "\0": 1}}}
    content = {"role": "model", "parts": [{"text": "a\0b"}, call]}
    answer = {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], "modelVersion": "v\0"}
    emulator.script({"chunks": [answer]} if stream else {"body": answer})
    body = {"model": GEMINI_3, "input": "Hello!", "stream": stream}

    response = http.post(RESPONSES, json=body)

    made = named_events(response.text)[-1]["response"] if stream else response.json()
    assert made["output"][0]["content"][0]["text"] == "a\ufffdb"
    assert json.loads(made["output"][1]["arguments"]) == {"data": "\ufffd", "\ufffd": 1}
    assert ["converted", "output", NOTE] in usage_of(response.headers).notes
    items = [
        USER,
        *made["output"],
        {"type": "function_call_output", "call_id": made["output"][1]["call_id"], "output": ""},
    ]
    assert "restored" in http.post(RESPONSES, json={"model": GEMINI_3, "input": items}).headers["x-gateway-notes"]
