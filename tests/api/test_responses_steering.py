"""`response.steer` over the WebSocket: accepted, used by a successor, waiting for results, or returned."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from openai import OpenAI
from openai.types.responses import ResponsesServerEvent
from pydantic import TypeAdapter
from websockets.sync.client import ClientConnection, connect

from sessions_store.models import StoredResponse, UsageRecord
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3
from tests.live_gateway import LiveGateway
from tests.responses import ENDS, RESPONSES, WEATHER, content_texts, response_text

pytestmark = pytest.mark.usefixtures("live_db", "emulator")

ONE: Final = "What is the weather in Paris? Use the tool."
EVENT: Final[TypeAdapter[Any]] = TypeAdapter(ResponsesServerEvent)


@pytest.fixture
def socket(gateway: LiveGateway) -> Iterator[ClientConnection]:
    """A WebSocket connection."""
    with connect(gateway.origin.replace("http", "ws") + RESPONSES, proxy=None) as connected:
        yield connected


def send(socket: ClientConnection, kind: str = "response.create", **frame: Any) -> None:
    """Send a frame."""
    own = {"model": GEMINI_3} if kind == "response.create" else {}
    socket.send(json.dumps({"type": kind, **own, **frame}))


def until(socket: ClientConnection, wanted: Callable[[Any], bool]) -> list[Any]:
    """Return the events up to the first wanted one, validated by the SDK's types except for returned invalid input."""
    events: list[Any] = []
    while not events or not wanted(events[-1]):
        events.append(json.loads(socket.recv(timeout=10)))
        if events[-1].get("error", {}).get("code") != "invalid_input":
            EVENT.validate_python(events[-1])
    return events


def kind(*kinds: str) -> Callable[[Any], bool]:
    """Return whether an event has one of these types."""
    return lambda event: event["type"] in kinds


def begin(socket: ClientConnection, emulator: Emulator, **frame: Any) -> tuple[str, list[Any]]:
    """Start a slow response; return its id and its first events."""
    emulator.script({"match": {"method": "streamGenerateContent"}, "gap": 0.2})
    send(socket, **{"input": "Tell me a story", **frame})
    events = until(socket, kind("response.output_text.delta"))
    return events[0]["response"]["id"], events


@pytest.mark.parametrize("lane", [None, "a"])
def test_a_steered_response_ends_and_its_successor_has_the_input(
    socket: ClientConnection, emulator: Emulator, lane: str | None
) -> None:
    named = {} if lane is None else {"stream_id": lane}
    first, events = begin(socket, emulator, instructions="Be kind.", **named)

    send(socket, "response.steer", previous_response_id=first, input="Make it about a fox.")
    events += until(socket, kind("response.incomplete"))
    successor = until(socket, kind(*ENDS))

    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    [accepted] = [event for event in events if event["type"] == "response.steer.accepted"]
    assert accepted["steer"]["previous_response_id"] == first
    cut = events[-1]["response"]
    assert cut["incomplete_details"] == {"reason": "steered"}
    assert cut["output"][-1]["status"] == "incomplete"
    assert all(event.get("stream_id") == lane for event in (*events, *successor))
    created, ended = successor[0]["response"], successor[-1]["response"]
    assert (created["previous_response_id"], created["instructions"]) == (first, "Be kind.")
    assert ended["status"] == "completed"
    *_, body = emulator.bodies()
    assert content_texts(body) == ["Tell me a story", response_text(cut), "Make it about a fox."]
    assert StoredResponse.objects.get(public_id=first).status == "incomplete"
    record = UsageRecord.objects.get(request_id=StoredResponse.objects.get(public_id=first).request_id)
    assert (record.status, record.estimated) == ("ok", True)


def test_steer_input_with_half_an_emoji_is_accepted_with_a_note(socket: ClientConnection, emulator: Emulator) -> None:
    first, _ = begin(socket, emulator)

    send(socket, "response.steer", previous_response_id=first, input="About a \ud83d\0fox.")
    until(socket, kind("response.incomplete"))
    ended = until(socket, kind(*ENDS))[-1]["response"]

    *_, body = emulator.bodies()
    assert content_texts(body)[-1] == "About a \ufffd\ufffdfox."
    notes = UsageRecord.objects.get(request_id=StoredResponse.objects.get(public_id=ended["id"]).request_id).notes
    assert [param for _, param, _ in notes if param == "body"] == ["body"]


def test_an_unstored_response_is_steered(socket: ClientConnection, emulator: Emulator) -> None:
    first, _ = begin(socket, emulator, store=False)

    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Shorter."}]}
    send(socket, "response.steer", previous_response_id=first, input=[message])
    send(socket, "response.steer", previous_response_id=first, input="And funny.")
    until(socket, kind("response.incomplete"))
    until(socket, kind("response.completed"))

    *_, body = emulator.bodies()
    assert content_texts(body)[-1] == "Shorter.And funny."


def test_steer_input_waits_for_the_results_of_calls(socket: ClientConnection, emulator: Emulator) -> None:
    emulator.script({"match": {"method": "streamGenerateContent"}, "gap": 0.3})
    send(socket, input=ONE, tools=[WEATHER])
    events = until(socket, kind("response.function_call_arguments.done"))
    first = events[0]["response"]["id"]

    send(socket, "response.steer", previous_response_id=first, input="In Fahrenheit.")
    events = until(socket, kind("response.steer.pending"))

    pending, ended = events[-1], next(event for event in events if event["type"] == "response.completed")
    [call] = [item for item in ended["response"]["output"] if item["type"] == "function_call"]
    stub = {"type": "function_call_output", "call_id": call["call_id"], "name": "get_weather"}
    assert pending["required_input"] == [stub]
    send(socket, previous_response_id=first, input=[{**stub, "output": "21 degrees"}], tools=[WEATHER])
    last = until(socket, kind(*ENDS))[-1]
    assert last["type"] == "response.completed"
    *_, body = emulator.bodies()
    assert content_texts(body)[-1] == "In Fahrenheit."
    assert "21 degrees" in json.dumps(body)


NO_STEERING: Final[list[tuple[dict[str, Any], str]]] = [
    ({"previous_response_id": "resp_unknown", "input": "x"}, "response_not_found"),
    ({"input": []}, "invalid_input"),
    ({"input": "x", "stream_id": "a"}, "invalid_input"),
    ({"input": [{"type": "message", "role": "system", "content": "x"}]}, "invalid_input"),
    ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "invalid_input"),
    ({"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "invalid_input"),
]


def test_an_invalid_steer_input_is_returned(socket: ClientConnection, emulator: Emulator) -> None:
    first, _ = begin(socket, emulator)
    for frame, code in NO_STEERING:
        sent = {"previous_response_id": first, **frame}
        send(socket, "response.steer", **sent)
        failed = until(socket, kind("response.steer.failed"))[-1]

        assert failed["error"]["code"] == code, frame
        assert failed["steer"] == {"input": sent["input"], "previous_response_id": sent["previous_response_id"]}

    assert until(socket, kind(*ENDS))[-1]["type"] == "response.completed"


def test_a_completed_response_is_not_steered(socket: ClientConnection) -> None:
    send(socket, input="Hello!")
    ended = until(socket, kind(*ENDS))[-1]["response"]

    send(socket, "response.steer", previous_response_id=ended["id"], input="x")

    [failed] = until(socket, kind("response.steer.failed"))
    assert failed["error"]["code"] == "response_already_completed"


def test_a_response_of_a_conversation_is_not_steered(
    socket: ClientConnection, emulator: Emulator, client: OpenAI
) -> None:
    first, _ = begin(socket, emulator, conversation=client.conversations.create().id)

    send(socket, "response.steer", previous_response_id=first, input="x")

    failed = until(socket, kind("response.steer.failed"))[-1]
    assert failed["error"]["code"] == "steering_not_supported"


def test_a_steer_input_beyond_the_limit_is_returned(socket: ClientConnection, emulator: Emulator) -> None:
    emulator.script({"match": {"method": "streamGenerateContent"}, "gap": 1})
    send(socket, input=ONE, tools=[WEATHER])
    first = until(socket, kind("response.function_call_arguments.done"))[0]["response"]["id"]

    for number in range(17):
        send(socket, "response.steer", previous_response_id=first, input=str(number))

    failed = until(socket, kind("response.steer.failed"))[-1]
    assert (failed["error"]["code"], failed["steer"]["input"]) == ("too_many_pending_steers", "16")


def test_the_steer_input_of_a_failed_successor_is_returned(socket: ClientConnection, emulator: Emulator) -> None:
    first, _ = begin(socket, emulator)
    emulator.script({"match": {"contains": "refuse me"}, "status": 429, "body": REFUSAL})

    send(socket, "response.steer", previous_response_id=first, input="refuse me")
    failed = until(socket, kind("response.steer.failed"))[-1]

    assert failed["error"]["code"] == "successor_creation_failed"
    assert failed["steer"]["id"].startswith("steer_")
    send(socket, input="Hello!", previous_response_id=first)
    assert until(socket, kind(*ENDS))[-1]["type"] == "response.completed"


@pytest.mark.filterwarnings(r"ignore:connect\(\) must be used:DeprecationWarning")  # a warning of the client itself
def test_openais_client_is_served(client: OpenAI, emulator: Emulator) -> None:
    emulator.script({"match": {"method": "streamGenerateContent"}, "gap": 0.2})
    types: list[str] = []
    identifier = ""
    with client.responses.connect() as connection:
        connection.response.create(model=GEMINI_3, input="Tell me a story")
        for event in connection:
            types.append(event.type)
            if event.type == "response.output_text.delta" and "response.steer.accepted" not in types:
                connection.response.steer(input="Stop.", previous_response_id=identifier)
            elif event.type == "response.created":
                identifier = event.response.id
            elif event.type == "response.completed":
                break

    assert "response.steer.accepted" in types
    assert types.count("response.created") == 2


REFUSAL: Final = {"error": {"code": 429, "message": "x", "status": "RESOURCE_EXHAUSTED"}}
