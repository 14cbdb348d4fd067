"""Responses over a WebSocket: request frames, events, local responses of a connection, error frames."""

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
from tests.live_gateway import UNDER_UVICORN, LiveGateway, by_serve
from tests.responses import ENDS, RESPONSES, WEATHER, ask, content_texts, endpoint_records, response_text
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
    """Return the URL of the WebSocket."""
    return gateway.origin.replace("http", "ws") + RESPONSES


def send(socket: ClientConnection, **body: Any) -> None:
    """Send a `response.create` frame."""
    socket.send(json.dumps({"type": "response.create", "model": GEMINI_3, **body}))


def heard(socket: ClientConnection) -> list[dict[str, Any]]:
    """Return the events up to the last event or an error."""
    events: list[dict[str, Any]] = []
    while not events or events[-1]["type"] not in (*ENDS, "error"):
        events.append(json.loads(socket.recv(timeout=10)))
    return events


def asked(socket: ClientConnection, **body: Any) -> dict[str, Any]:
    """Return the response to one frame."""
    send(socket, **body)
    response: dict[str, Any] = heard(socket)[-1]["response"]
    return response


def test_a_frame_gets_the_events_of_a_stream(socket: ClientConnection, client: OpenAI) -> None:
    send(socket, input="Hello!")

    events = heard(socket)

    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert client.responses.retrieve(events[-1]["response"]["id"]).output_text == response_text(events[-1]["response"])


def test_an_edited_mapping_applies_to_the_next_frame(socket: ClientConnection) -> None:
    name = fresh("test-model")
    send(socket, model=name, input="Hello!")
    assert heard(socket)[-1]["error"]["code"] == "model_not_found"

    row = ModelMapping.objects.create(public_name=name, upstream_model=GEMINI_25, position=1)
    try:
        assert asked(socket, model=name, input="Hello!")["status"] == "completed"
    finally:
        row.delete()


@pytest.mark.filterwarnings(r"ignore:connect\(\) must be used:DeprecationWarning")  # a warning of the client itself
def test_openais_client_is_served(client: OpenAI) -> None:
    with client.responses.connect() as connection:
        connection.response.create(model=GEMINI_3, input="Hello!")
        types = []
        for event in connection:
            types.append(event.type)
            if event.type in ENDS:
                break

    assert types[0] == "response.created"
    assert types[-1] == "response.completed"


def test_a_connection_continues_its_unstored_responses(socket: ClientConnection, emulator: Emulator) -> None:
    first = asked(socket, input="What is the weather in Paris? Use the tool.", tools=[WEATHER], store=False)
    [call] = [item for item in first["output"] if item["type"] == "function_call"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "Paris: 21 degrees"}

    last = asked(socket, input=[result], previous_response_id=first["id"], tools=[WEATHER], store=False)

    assert "Paris: 21 degrees" in response_text(last)
    *_, body = emulator.bodies()
    [called] = [part for content in body["contents"] for part in content["parts"] if "functionCall" in part]
    assert called["thoughtSignature"]
    assert not StoredResponse.objects.filter(public_id__in=[first["id"], last["id"]]).exists()


def test_another_connection_cannot_continue_an_unstored_response(
    socket: ClientConnection, gateway: LiveGateway
) -> None:
    first = asked(socket, input="Hello!", store=False)

    with connect(address(gateway), proxy=None) as other:
        send(other, input="And?", previous_response_id=first["id"])
        [error] = heard(other)

    assert (error["status"], error["error"]["code"]) == (400, "previous_response_not_found")
    assert error["error"]["param"] == "previous_response_id"


def test_a_warm_up_stores_the_input_without_an_upstream_call(socket: ClientConnection, emulator: Emulator) -> None:
    warm = asked(socket, input="My name is Ada.", instructions="Be kind.", generate=False, store=False)

    assert (warm["status"], warm["output"]) == ("completed", [])
    assert emulator.received() == []
    asked(socket, input="Who am I?", previous_response_id=warm["id"], store=False)
    [body] = emulator.bodies()
    assert content_texts(body) == ["My name is Ada.Who am I?"]


def test_a_stored_warm_up_can_be_continued_on_another_connection(
    socket: ClientConnection, http: httpx2.Client, emulator: Emulator
) -> None:
    warm = asked(socket, input="My name is Ada.", generate=False)

    assert http.get(f"{RESPONSES}/{warm['id']}").json() == warm
    ask(http, input="Who am I?", previous_response_id=warm["id"])
    [body] = emulator.bodies()
    assert content_texts(body) == ["My name is Ada.Who am I?"]


def test_an_empty_warm_up_can_be_continued(socket: ClientConnection) -> None:
    warm = asked(socket, input=[], generate=False, store=False, previous_response_id=None, conversation=None)

    assert response_text(asked(socket, input="Hello!", previous_response_id=warm["id"]))


def test_frames_of_different_stream_ids_run_concurrently(socket: ClientConnection, emulator: Emulator) -> None:
    emulator.script({"match": {"contains": "slow"}, "hold": True})
    send(socket, input="slow", stream_id="a")
    send(socket, input="slow no more", stream_id="a")
    send(socket, input="quick", stream_id="b")

    ends: list[str] = []
    while len(ends) < 3:
        event = json.loads(socket.recv(timeout=10))
        if event["type"] in ENDS:
            ends.append(event["stream_id"])
            emulator.release()

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
def test_a_rejection_is_a_frame_and_the_connection_stays_open(
    socket: ClientConnection, frame: str, status: int, param: str | None
) -> None:
    socket.send(frame)
    [error] = heard(socket)

    assert (error["type"], error["status"], error["error"]["param"]) == ("error", status, param)
    assert error["error"]["message"]
    assert response_text(asked(socket, input="Hello!"))


def test_a_disconnect_stops_the_upstream_call_and_is_recorded(gateway: LiveGateway, emulator: Emulator) -> None:
    before = endpoint_records("responses")
    emulator.script({"hang_after": 1})
    with connect(address(gateway), proxy=None) as leaving:
        send(leaving, input="Hello!")
        leaving.recv(timeout=10)

    eventually(lambda: any(entry["cancelled"] for entry in emulator.received()))
    eventually(lambda: endpoint_records("responses") == before + 1)
    assert UsageRecord.objects.filter(endpoint="responses").latest("id").status == "client_closed"


@by_serve("uvicorn closes WebSockets at once")
def test_a_draining_server_lets_a_socket_response_finish(emulator: Emulator, emulator_url: str) -> None:
    with LiveGateway.start(upstream=emulator_url) as stopping, ExitStack() as stack:
        busy, idle = (stack.enter_context(connect(address(stopping), proxy=None)) for _ in range(2))
        emulator.script({"match": {"method": "streamGenerateContent"}, "hold_after": 1})
        send(busy, input="Tell me a story", store=False)
        busy.recv(timeout=10)

        stopping.terminate()
        stopping.wait_for("Stopping: waiting")
        send(busy, input="One more?")

        events = heard(busy)
        assert (events[-1]["type"], events[-1]["error"]["code"]) == ("error", "server_shutting_down")
        emulator.release()
        assert heard(busy)[-1]["type"] == "response.completed"
        for connection in (busy, idle):
            with pytest.raises(ConnectionClosed) as caught:
                connection.recv(timeout=10)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1012
        assert stopping.wait() == 0


def test_a_connection_continues_a_response_stored_by_another_one(
    socket: ClientConnection, gateway: LiveGateway
) -> None:
    first = asked(socket, input="Hello!")

    with connect(address(gateway), proxy=None) as again:
        send(again, input="And?", previous_response_id=first["id"])
        assert heard(again)[-1]["response"]["previous_response_id"] == first["id"]


@pytest.mark.parametrize("headers", HEADERS_FROM_AFAR, ids=str)
def test_a_possibly_remote_handshake_is_rejected(gateway: LiveGateway, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus) as caught:
        connect(address(gateway), additional_headers=headers, proxy=None)
    assert caught.value.response.status_code == 403


def test_other_paths_have_no_websocket(gateway: LiveGateway) -> None:
    with pytest.raises(InvalidStatus):
        connect(gateway.origin.replace("http", "ws") + "/v1/nothing", proxy=None)


def test_a_message_may_be_as_large_as_a_body(socket: ClientConnection, emulator: Emulator) -> None:
    text = "word " * (2 * 1024 * 1024)
    assert asked(socket, input=text)["status"] == "completed"

    [body] = emulator.bodies()
    assert body["contents"][-1]["parts"] == [{"text": text}]


def test_an_outgoing_frame_may_exceed_the_limit_for_incoming_ones(emulator: Emulator, emulator_url: str) -> None:
    text = "word " * 40_000
    content = {"role": "model", "parts": [{"text": text}]}
    emulator.script({"chunks": [{"candidates": [{"content": content, "finishReason": "STOP"}]}]})
    with (
        LiveGateway.start(upstream=emulator_url, settings={"MAX_BODY_BYTES": "50000"}) as small,
        connect(address(small), proxy=None, max_size=None) as socket,
    ):
        assert response_text(asked(socket, input="Hello!")) == text


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_too_large_message_closes_with_its_code(emulator_url: str, pieces: int) -> None:
    with LiveGateway.start(upstream=emulator_url, settings={"MAX_BODY_BYTES": "50000"}) as small:
        with connect(address(small), proxy=None) as socket:
            socket.send("x" * 60_000 if pieces == 1 else ["x" * 20_000] * pieces)
            assert close_code(socket) == 1009
        with connect(address(small), proxy=None) as socket:
            assert asked(socket, input="x" * 40_000)["status"] == "completed"


def close_code(socket: ClientConnection) -> int | None:
    """Return the close code of the server."""
    with pytest.raises(ConnectionClosed) as caught:
        socket.recv(timeout=20)
    return None if caught.value.rcvd is None else caught.value.rcvd.code


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x82\x00\x00\x00\x00\xff\xfe", 1007),  # text that is not UTF-8
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # a reserved opcode
        (b"\x81\x02{}", 1002),  # unmasked
        (b"\xf1\x80\x00\x00\x00\x00", 1002),  # reserved bits
        (b"\x80\x80\x00\x00\x00\x00", 1002),  # a continuation without a message
        (b"\x81\xff\x00\x00\x00\x00\x7f\xff\xff\xff\x00\x00\x00\x00", 1009),  # declares two gigabytes
    ],
    ids=["utf8", "opcode", "unmasked", "reserved", "continuation", "announced"],
)
def test_a_protocol_error_closes_the_connection_with_its_code(
    socket: ClientConnection, frame: bytes, code: int
) -> None:
    socket.socket.sendall(frame)
    assert close_code(socket) == code


@by_serve("uvicorn has no deadline for an unfinished message")
def test_an_unfinished_message_has_a_timeout(emulator_url: str) -> None:
    with LiveGateway.start(upstream=emulator_url, settings={"BODY_TIMEOUT": "1"}) as hasty:
        for started in (b"\x81\xfe\x10\x00\x00\x00\x00\x00abc", b"\x01\x83\x00\x00\x00\x00abc", b"\x81"):
            with connect(address(hasty), proxy=None) as socket:
                assert asked(socket, input="Hello!")["status"] == "completed"
                socket.socket.sendall(started)
                assert close_code(socket) == 1008
        with connect(address(hasty), proxy=None) as idle:
            with pytest.raises(TimeoutError):
                idle.recv(timeout=3)
            assert asked(idle, input="Hello!")["status"] == "completed"


def test_a_caller_has_a_limited_number_of_connections(emulator_url: str) -> None:
    with (
        LiveGateway.start(upstream=emulator_url, settings={"MAX_SOCKETS_PER_CALLER": "2"}) as few,
        ExitStack() as stack,
    ):
        first, second = (stack.enter_context(connect(address(few), proxy=None)) for _ in range(2))
        with pytest.raises(InvalidStatus) as caught:
            connect(address(few), proxy=None)
        assert caught.value.response.status_code == (403 if UNDER_UVICORN else 429)

        first.close()
        again = eventually(lambda: connected(few))
        stack.enter_context(again)
        for socket in (second, again):
            assert asked(socket, input="Hello!")["status"] == "completed"


def connected(gateway: LiveGateway) -> ClientConnection | None:
    """Return a connection if the gateway admits one."""
    try:
        return connect(address(gateway), proxy=None)
    except InvalidStatus:
        return None
