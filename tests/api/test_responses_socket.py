"""Responses over a WebSocket: frames in, events out, a connection that remembers its own, errors as frames."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest
from openai import OpenAI
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from sessions_store.models import ModelMapping, StoredResponse, UsageRecord
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3, GEMINI_25, fresh
from tests.live_gateway import LiveGateway, by_serve
from tests.responses import ENDS, RESPONSES, WEATHER, ask, endpoint_records, text_of, turns
from tests.waiting import eventually

HEADERS_FROM_AFAR = [
    {"x-forwarded-for": "203.0.113.9"},
    {"x-forwarded-anything": "1"},
    {"fly-client-ip": "203.0.113.9"},
    {"cf-ray": "1"},
    {"origin": "https://evil.example"},
]

pytestmark = pytest.mark.usefixtures("live_db", "emulator")


@pytest.fixture
def socket(gateway: LiveGateway) -> Iterator[ClientConnection]:
    """A connection to the live gateway."""
    with connect(address(gateway), proxy=None) as connected:
        yield connected


def address(gateway: LiveGateway) -> str:
    """Where the WebSocket is."""
    return gateway.origin.replace("http", "ws") + RESPONSES


def send(socket: ClientConnection, **body: Any) -> None:
    """Ask for a response."""
    socket.send(json.dumps({"type": "response.create", "model": GEMINI_3, **body}))


def heard(socket: ClientConnection) -> list[dict[str, Any]]:
    """The events up to an end or an error."""
    events: list[dict[str, Any]] = []
    while not events or events[-1]["type"] not in (*ENDS, "error"):
        events.append(json.loads(socket.recv(timeout=10)))
    return events


def asked(socket: ClientConnection, **body: Any) -> dict[str, Any]:
    """The response to one frame."""
    send(socket, **body)
    response: dict[str, Any] = heard(socket)[-1]["response"]
    return response


def test_a_frame_is_answered_with_the_events_of_a_stream(socket: ClientConnection, client: OpenAI) -> None:
    send(socket, input="Hello!")

    events = heard(socket)

    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert client.responses.retrieve(events[-1]["response"]["id"]).output_text == text_of(events[-1]["response"])


def test_an_edit_of_the_mappings_holds_for_the_next_frame(socket: ClientConnection) -> None:
    name = fresh("test-model")
    send(socket, model=name, input="Hello!")
    assert heard(socket)[-1]["error"]["code"] == "model_not_found"

    row = ModelMapping.objects.create(public_name=name, upstream_model=GEMINI_25, position=1)
    try:
        assert asked(socket, model=name, input="Hello!")["status"] == "completed"
    finally:
        row.delete()


@pytest.mark.filterwarnings(r"ignore:connect\(\) must be used:DeprecationWarning")  # the client's own affair
def test_openais_client(client: OpenAI) -> None:
    with client.responses.connect() as connection:
        connection.response.create(model=GEMINI_3, input="Hello!")
        types = []
        for event in connection:
            types.append(event.type)
            if event.type in ENDS:
                break

    assert types[0] == "response.created"
    assert types[-1] == "response.completed"


def test_a_connection_remembers_what_is_not_stored(socket: ClientConnection, emulator: Emulator) -> None:
    first = asked(socket, input="What is the weather in Paris? Use the tool.", tools=[WEATHER], store=False)
    [call] = [item for item in first["output"] if item["type"] == "function_call"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "Paris: 21 degrees"}

    last = asked(socket, input=[result], previous_response_id=first["id"], tools=[WEATHER], store=False)

    assert "Paris: 21 degrees" in text_of(last)
    *_, body = emulator.bodies()
    [called] = [part for content in body["contents"] for part in content["parts"] if "functionCall" in part]
    assert called["thoughtSignature"]
    assert not StoredResponse.objects.filter(public_id__in=[first["id"], last["id"]]).exists()


def test_another_connection_does_not(socket: ClientConnection, gateway: LiveGateway) -> None:
    first = asked(socket, input="Hello!", store=False)

    with connect(address(gateway), proxy=None) as other:
        send(other, input="And?", previous_response_id=first["id"])
        [error] = heard(other)

    assert (error["status"], error["error"]["code"]) == (400, "previous_response_not_found")
    assert error["error"]["param"] == "previous_response_id"


def test_a_warm_up_takes_the_input_and_asks_nobody(socket: ClientConnection, emulator: Emulator) -> None:
    warm = asked(socket, input="My name is Ada.", instructions="Be kind.", generate=False, store=False)

    assert (warm["status"], warm["output"]) == ("completed", [])
    assert emulator.received() == []
    asked(socket, input="Who am I?", previous_response_id=warm["id"], store=False)
    [body] = emulator.bodies()
    assert turns(body) == ["My name is Ada.Who am I?"]


def test_a_warm_up_that_is_stored_is_good_elsewhere(
    socket: ClientConnection, http: httpx2.Client, emulator: Emulator
) -> None:
    warm = asked(socket, input="My name is Ada.", generate=False)

    assert http.get(f"{RESPONSES}/{warm['id']}").json() == warm
    ask(http, input="Who am I?", previous_response_id=warm["id"])
    [body] = emulator.bodies()
    assert turns(body) == ["My name is Ada.Who am I?"]


def test_an_empty_warm_up_is_something_to_go_on_from(socket: ClientConnection) -> None:
    warm = asked(socket, input=[], generate=False, store=False, previous_response_id=None, conversation=None)

    assert text_of(asked(socket, input="Hello!", previous_response_id=warm["id"]))


def test_lanes_run_beside_each_other(socket: ClientConnection, emulator: Emulator) -> None:
    emulator.script({"match": {"contains": "slow"}, "delay": 0.8})
    send(socket, input="slow", stream_id="a")
    send(socket, input="slow no more", stream_id="a")
    send(socket, input="quick", stream_id="b")

    ends: list[str] = []
    while len(ends) < 3:
        event = json.loads(socket.recv(timeout=10))
        if event["type"] in ENDS:
            ends.append(event["stream_id"])

    assert ends == ["b", "a", "a"]


@pytest.mark.parametrize(
    ("frame", "status", "param"),
    [
        ("nonsense", 400, None),
        ("[]", 400, None),
        ('{"type": "response.cancel"}', 400, "type"),
        ('{"type": "response.steer"}', 400, "previous_response_id"),
        ('{"type": "response.steer", "previous_response_id": "resp_1"}', 400, "input"),
        ('{"type": "response.create", "model": "gemini-3.8-flash", "input": 1}', 400, "input"),
        ('{"type": "response.create", "model": "no-such-model", "input": "x"}', 404, "model"),
        (
            '{"type": "response.create", "model": "gemini-3.8-flash", "input": "x", "background": true}',
            400,
            "background",
        ),
    ],
)
def test_a_refusal_is_a_frame_and_the_connection_goes_on(
    socket: ClientConnection, frame: str, status: int, param: str | None
) -> None:
    socket.send(frame)
    [error] = heard(socket)

    assert (error["type"], error["status"], error["error"]["param"]) == ("error", status, param)
    assert error["error"]["message"]
    assert text_of(asked(socket, input="Hello!"))


def test_leaving_stops_gemini_and_is_recorded(gateway: LiveGateway, emulator: Emulator) -> None:
    before = endpoint_records("responses")
    emulator.script({"hang_after": 1})
    with connect(address(gateway), proxy=None) as leaving:
        send(leaving, input="Hello!")
        leaving.recv(timeout=10)

    eventually(lambda: any(entry["cancelled"] for entry in emulator.received()))
    eventually(lambda: endpoint_records("responses") == before + 1)
    assert UsageRecord.objects.filter(endpoint="responses").latest("id").status == "client_closed"


@by_serve("uvicorn closes WebSockets at once")
def test_a_server_that_stops_lets_it_finish(emulator: Emulator, emulator_url: str) -> None:
    with LiveGateway.start(upstream=emulator_url) as stopping, ExitStack() as stack:
        busy, idle = (stack.enter_context(connect(address(stopping), proxy=None)) for _ in range(2))
        emulator.script({"match": {"method": "streamGenerateContent"}, "gap": 0.15})
        send(busy, input="Tell me a story", store=False)
        busy.recv(timeout=10)

        stopping.terminate()
        stopping.wait_for("Draining")
        send(busy, input="One more?")

        events = heard(busy)
        assert (events[-1]["type"], events[-1]["error"]["code"]) == ("error", "server_shutting_down")
        assert heard(busy)[-1]["type"] == "response.completed"
        for connection in (busy, idle):
            with pytest.raises(ConnectionClosed) as caught:
                connection.recv(timeout=10)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1012
        assert stopping.wait() == 0


def test_a_connection_goes_on_from_what_another_one_stored(socket: ClientConnection, gateway: LiveGateway) -> None:
    first = asked(socket, input="Hello!")

    with connect(address(gateway), proxy=None) as again:
        send(again, input="And?", previous_response_id=first["id"])
        assert heard(again)[-1]["response"]["previous_response_id"] == first["id"]


@pytest.mark.parametrize("headers", HEADERS_FROM_AFAR, ids=str)
def test_what_may_come_from_afar_is_refused(gateway: LiveGateway, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus) as caught:
        connect(address(gateway), additional_headers=headers, proxy=None)
    assert caught.value.response.status_code == 403


def test_other_paths_have_no_socket(gateway: LiveGateway) -> None:
    with pytest.raises(InvalidStatus):
        connect(gateway.origin.replace("http", "ws") + "/v1/nothing", proxy=None)
