"""Histories of clients: messages between calls and results, results in any order, items of other tools.

No such history ends a session, in any form of request: the request to Gemini follows Gemini's rules, and the stored
messages are unchanged.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx2
import pytest
from openai import OpenAI
from openai.types.responses import Response, ResponseItem, ResponseStreamEvent
from pydantic import TypeAdapter
from websockets.sync.client import ClientConnection, connect

from api.translate.conversation.signatures import SKIP_SIGNATURE
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3
from tests.live_gateway import LiveGateway
from tests.responses import CONVERSATIONS, ENDS, RESPONSES, WEATHER, ask, message_item, named_events

pytestmark = pytest.mark.usefixtures("live_db", "emulator")

Item = dict[str, Any]
ONE: Final = "What is the weather in Paris? Use the tool."
LISTED: Final[TypeAdapter[Any]] = TypeAdapter(ResponseItem)
EVENT: Final[TypeAdapter[Any]] = TypeAdapter(ResponseStreamEvent)
SHELL: Final[Item] = {"type": "shell", "environment": {"type": "local"}}
PATCH: Final[Any] = {"type": "apply_patch"}


def call(call_id: str, name: str = "get_weather") -> Item:
    """Return a function call."""
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": '{"city":"Paris"}'}


def out(call_id: str, text: str = "21 degrees") -> Item:
    """Return a result."""
    return {"type": "function_call_output", "call_id": call_id, "output": text}


HISTORIES: Final[dict[str, list[Item]]] = {
    "a user's message between": [message_item("a"), call("c1"), message_item("b"), out("c1"), message_item("c")],
    "a developer's message between": [message_item("a"), call("c1"), message_item("b", "developer"), out("c1")],
    "a system message between": [message_item("a"), call("c1"), message_item("b", "system"), out("c1")],
    "results apart and in another order": [
        message_item("a"),
        call("c1"),
        call("c2"),
        message_item("b"),
        out("c2"),
        message_item("c"),
        out("c1"),
    ],
    "a result first": [out("c1"), message_item("a"), call("c1"), message_item("b")],
    "no id, but a name": [
        message_item("a"),
        call("c1"),
        message_item("b"),
        {"type": "function_call_output", "name": "get_weather", "output": "21 degrees"},
    ],
    "an open call": [message_item("a"), call("c1"), message_item("b")],
    "a result without a call": [message_item("a"), out("c9"), message_item("b")],
    "a repeated result": [
        message_item("a"),
        call("c1"),
        out("c1"),
        message_item("b"),
        out("c1"),
        out("c1", "22 degrees"),
    ],
    "a shell's call": [
        message_item("a"),
        {"type": "shell_call", "call_id": "c1", "action": {"commands": ["ls"]}, "status": "completed"},
        message_item("b"),
        {
            "type": "shell_call_output",
            "call_id": "c1",
            "output": [{"stdout": "x", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}],
        },
    ],
    "tools of other servers": [
        message_item("a"),
        {"type": "mcp_call", "id": "mcp_1", "server_label": "w", "name": "n", "arguments": "{}", "output": "42"},
        {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["q"], "results": []},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
        message_item("b"),
    ],
}
histories = pytest.mark.parametrize("items", HISTORIES.values(), ids=HISTORIES)


@pytest.fixture
def socket(gateway: LiveGateway) -> Iterator[ClientConnection]:
    """A WebSocket connection."""
    with connect(gateway.origin.replace("http", "ws") + RESPONSES, proxy=None) as connected:
        yield connected


def kinds(body: Any) -> list[str]:
    """Return a word for each content of Gemini's request: the role, and whether it has calls or results."""
    return [_kind(content) for content in body["contents"]]


def _kind(content: Any) -> str:
    parts = [
        next((name for name in ("functionCall", "functionResponse") if name in part), "") for part in content["parts"]
    ]
    return f"{content['role']} {max(parts)}".strip()


def judge(emulator: Emulator) -> None:
    """Check the last request to Gemini: results directly after their calls, in the same number."""
    *_, body = emulator.bodies()
    contents = body.get("generateContentRequest", body)["contents"]
    for before, content in zip([None, *contents], contents, strict=False):
        calls = [part for part in (before or {"parts": []})["parts"] if "functionCall" in part]
        results = [part for part in content["parts"] if "functionResponse" in part]
        assert len(results) == len(calls)


@histories
@pytest.mark.parametrize("stream", [False, True])
def test_a_history_as_input_is_accepted(
    http: httpx2.Client, emulator: Emulator, items: list[Item], stream: bool
) -> None:
    answer = http.post(RESPONSES, json={"model": GEMINI_3, "input": items, "tools": [WEATHER], "stream": stream})

    assert answer.status_code == 200, answer.text
    response = named_events(answer.text)[-1]["response"] if stream else answer.json()
    assert response["status"] == "completed"
    judge(emulator)
    listed = http.get(f"{RESPONSES}/{response['id']}/input_items", params={"order": "asc", "limit": 100}).json()["data"]
    for item, sent in zip(listed, items, strict=True):
        for name, value in sent.items():
            if name == "action":
                assert item[name] == {**dict.fromkeys(item[name]), **value}  # fields that were not sent are null
            elif name != "content":
                assert item[name] == value


@histories
def test_a_history_of_a_previous_response_is_accepted(
    http: httpx2.Client, emulator: Emulator, items: list[Item]
) -> None:
    first = ask(http, input=items, tools=[WEATHER])
    second = ask(http, input="And now?", previous_response_id=first["id"], tools=[WEATHER])

    assert second["status"] == "completed"
    judge(emulator)


@histories
def test_a_history_of_a_conversation_is_accepted(http: httpx2.Client, emulator: Emulator, items: list[Item]) -> None:
    made = http.post(CONVERSATIONS, json={"items": items}).json()

    for text in ("And now?", "And then?"):
        assert ask(http, input=text, conversation=made["id"], tools=[WEATHER])["status"] == "completed"
        judge(emulator)
    # An edited conversation is read from its items.
    listed = http.get(f"{CONVERSATIONS}/{made['id']}/items", params={"order": "asc"}).json()["data"]
    http.delete(f"{CONVERSATIONS}/{made['id']}/items/{listed[0]['id']}")
    assert ask(http, input="Still there?", conversation=made["id"], tools=[WEATHER])["status"] == "completed"
    judge(emulator)


@histories
def test_a_websocket_response_is_compacted(socket: ClientConnection, emulator: Emulator, items: list[Item]) -> None:
    frame: Item = {"type": "response.create", "model": GEMINI_3, "tools": [WEATHER], "store": False}
    previous = None
    for given in (items, [message_item("And now?")]):
        socket.send(json.dumps({**frame, "input": given, "previous_response_id": previous}))
        while (event := json.loads(socket.recv(timeout=10)))["type"] not in (*ENDS, "error"):
            EVENT.validate_python(event)
        assert event["type"] == "response.completed", event
        previous = event["response"]["id"]
        judge(emulator)


@histories
def test_the_tokens_of_a_history_are_counted(http: httpx2.Client, emulator: Emulator, items: list[Item]) -> None:
    counted = http.post(f"{RESPONSES}/input_tokens", json={"model": GEMINI_3, "input": items})

    assert counted.status_code == 200, counted.text
    judge(emulator)


@histories
def test_a_history_is_compacted_on_request(http: httpx2.Client, emulator: Emulator, items: list[Item]) -> None:
    whole = http.post(f"{RESPONSES}/compact", json={"model": GEMINI_3, "input": items})

    assert whole.status_code == 200, whole.text
    assert ask(http, input=[*whole.json()["output"], message_item("Go on.")])["status"] == "completed"
    judge(emulator)


@histories
def test_a_history_is_compacted_automatically(http: httpx2.Client, emulator: Emulator, items: list[Item]) -> None:
    padded = [message_item("word " * 3000), message_item("Yes.", "assistant"), *items]
    managed = [{"type": "compaction", "compact_threshold": 1000}]
    first = ask(http, input=padded, context_management=managed)

    assert first["output"][0]["type"] == "compaction"
    judge(emulator)
    assert ask(http, input="And now?", previous_response_id=first["id"])["status"] == "completed"
    again = ask(http, input=[*padded, *first["output"], message_item("And now?")])
    assert again["status"] == "completed"
    judge(emulator)


def test_the_result_of_a_compacted_open_call_is_accepted(http: httpx2.Client, emulator: Emulator) -> None:
    whole = http.post(f"{RESPONSES}/compact", json={"model": GEMINI_3, "input": [message_item("a"), call("c1")]})

    assert whole.status_code == 200, whole.text
    assert ask(http, input=[*whole.json()["output"], out("c1")])["status"] == "completed"
    *_, body = emulator.bodies()
    assert "<tool_output>\n21 degrees\n</tool_output>" in json.dumps(body).replace("\\n", "\n")


def test_a_late_result_is_paired_with_the_call_of_an_earlier_response(http: httpx2.Client, emulator: Emulator) -> None:
    made = http.post(CONVERSATIONS, json={}).json()
    first = ask(http, input=ONE, conversation=made["id"], tools=[WEATHER])
    [called] = [item for item in first["output"] if item["type"] == "function_call"]

    ask(http, input="Never mind, hello!", conversation=made["id"])
    ask(http, input=[out(called["call_id"])], conversation=made["id"])

    *_, asked, brought = emulator.bodies()
    assert kinds(asked) == ["user", "model functionCall", "user functionResponse", "user"]
    assert "No result was given." in json.dumps(asked)
    assert kinds(brought)[:4] == ["user", "model functionCall", "user functionResponse", "user"]
    assert "No result was given." not in json.dumps(brought)
    [before], [after] = (
        [
            part["thoughtSignature"]
            for content in body["contents"]
            for part in content["parts"]
            if "functionCall" in part
        ]
        for body in (asked, brought)
    )
    assert before == after


def test_equal_messages_are_paired_with_their_results_behind_a_message(http: httpx2.Client, emulator: Emulator) -> None:
    for _ in range(2):
        first = ask(http, input=ONE, tools=[WEATHER])
        [called] = [item for item in first["output"] if item["type"] == "function_call"]
        items = [message_item("Quick!"), out(called["call_id"], "19 degrees")]
        second = ask(http, input=items, previous_response_id=first["id"], tools=[WEATHER])
        ask(http, input="Thanks.", previous_response_id=second["id"])

        *_, body = emulator.bodies()
        assert "19 degrees" in json.dumps(body)
        assert "tool_output" not in json.dumps(body)
        assert "No result was given." not in json.dumps(body)


def test_the_error_of_missing_results_names_the_calls(http: httpx2.Client) -> None:
    first = ask(http, input=ONE, tools=[WEATHER])
    [called] = [item for item in first["output"] if item["type"] == "function_call"]
    body = {"model": GEMINI_3, "input": "Well?", "previous_response_id": first["id"]}
    rejected = http.post(RESPONSES, json=body)

    assert rejected.status_code == 400
    assert rejected.json()["error"]["message"].startswith("No tool output found for function call call_")
    named = {"type": "function_call_output", "name": called["name"], "output": "21 degrees"}
    assert ask(http, input=[message_item("Well?"), named], previous_response_id=first["id"])["status"] == "completed"


def plainly(http: httpx2.Client, **body: Any) -> Item:
    """Return a plain response."""
    return ask(http, **body)


def streamed(http: httpx2.Client, **body: Any) -> Item:
    """Return a streamed response; every event is validated by the SDK's types."""
    events = named_events(http.post(RESPONSES, json={"model": GEMINI_3, "stream": True, **body}).text)
    for event in events:
        EVENT.validate_python(event)
    response: Item = events[-1]["response"]
    return response


def in_background(http: httpx2.Client, **body: Any) -> Item:
    """Return a background response after the end of its stream."""
    return streamed(http, background=True, **body)


@pytest.mark.parametrize("way", [plainly, streamed, in_background], ids=lambda way: way.__name__)
def test_a_shell_call_is_run_by_the_client(http: httpx2.Client, emulator: Emulator, way: Callable[..., Item]) -> None:
    first = way(http, input="What files are there?", tools=[SHELL], tool_choice={"type": "shell"})

    Response.model_validate(first, strict=True)
    *_, called = first["output"]
    assert called["type"] == "shell_call"
    assert called["action"]["commands"]
    *_, asked = emulator.bodies()
    assert asked["toolConfig"]["functionCallingConfig"] == {"mode": "ANY", "allowedFunctionNames": ["shell"]}
    assert http.get(f"{RESPONSES}/{first['id']}").json()["output"] == first["output"]
    output = [{"stdout": "a.txt", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]
    result = {"type": "shell_call_output", "call_id": called["call_id"], "output": output}

    second = way(http, input=[result], previous_response_id=first["id"], tools=[SHELL])
    *_, brought = emulator.bodies()
    way(http, input=[message_item("What files are there?"), called, result], tools=[SHELL])
    *_, replayed = emulator.bodies()

    assert "output" in second
    for body in (brought, replayed):
        call_part, result_part = (content["parts"][0] for content in body["contents"][1:3])
        assert call_part["functionCall"]["args"] == {"commands": called["action"]["commands"]}
        assert call_part["thoughtSignature"] not in ("", SKIP_SIGNATURE)
        assert result_part["functionResponse"]["response"] == {"output": output}


def test_a_patch_call_is_run_by_the_client(client: OpenAI, emulator: Emulator) -> None:
    first = client.responses.create(
        model=GEMINI_3, input="Make a file.", tools=[PATCH], tool_choice={"type": "apply_patch"}
    )

    *_, called = first.output
    assert called.type == "apply_patch_call"
    assert called.id.startswith("apc_")
    assert called.operation.path
    result: Any = {"type": "apply_patch_call_output", "call_id": called.call_id, "status": "completed", "output": "ok"}
    second = client.responses.create(model=GEMINI_3, input=[result], previous_response_id=first.id, tools=[PATCH])
    assert second.status == "completed"
    *_, body = emulator.bodies()
    assert body["contents"][2]["parts"][0]["functionResponse"]["response"] == {"status": "completed", "output": "ok"}


def test_steer_input_waits_for_the_result_of_a_shell_call(socket: ClientConnection, emulator: Emulator) -> None:
    emulator.script({"match": {"method": "streamGenerateContent"}, "gap": 0.3})
    socket.send(
        json.dumps(
            {
                "type": "response.create",
                "model": GEMINI_3,
                "input": "Files?",
                "tools": [SHELL],
                "tool_choice": "required",
            }
        )
    )
    events = _until(socket, "response.shell_call_command.done")
    first = events[0]["response"]["id"]

    socket.send(json.dumps({"type": "response.steer", "previous_response_id": first, "input": "Only texts."}))
    last = _until(socket, "response.steer.pending", "response.steer.failed")[-1]

    assert last["type"] == "response.steer.pending"
    [stub] = last["required_input"]
    assert stub["type"] == "shell_call_output"
    result = {**stub, "output": [{"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]}
    frame = {"type": "response.create", "model": GEMINI_3, "input": [result], "previous_response_id": first}
    socket.send(json.dumps(frame))
    assert _until(socket, *ENDS)[-1]["type"] == "response.completed"
    *_, body = emulator.bodies()
    assert kinds(body) == ["user", "model functionCall", "user functionResponse", "user"]


def _until(socket: ClientConnection, *wanted: str) -> list[Any]:
    events: list[Any] = []
    while not events or events[-1]["type"] not in wanted:
        events.append(json.loads(socket.recv(timeout=10)))
    return events
