"""The error of a call without a result names the client's own call id, also if an equal message is stored."""

import json
from typing import Any

import httpx2
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3, error_of, fresh
from tests.live_gateway import LiveGateway
from tests.responses import CONVERSATIONS, ENDS, RESPONSES, WEATHER, ask

pytestmark = pytest.mark.usefixtures("live_db")


def calls(*cities: str) -> dict[str, Any]:
    """Return the script step of a response with calls for the weather of these cities."""
    parts = [{"functionCall": {"name": "get_weather", "args": {"city": city}}} for city in cities]
    return {"body": {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}}


def ids_of(response: Any) -> list[str]:
    return [item["call_id"] for item in response["output"] if item["type"] == "function_call"]


def refusal(http: httpx2.Client, **body: Any) -> str:
    """Return the error message of a request."""
    rejected = http.post(RESPONSES, json={"model": GEMINI_3, "tools": [WEATHER], **body})
    assert rejected.status_code == 400, rejected.text
    message: str = error_of(rejected)["message"]
    return message


def output(call_id: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": "warm"}


def test_an_open_call_of_a_previous_response_is_named(http: httpx2.Client, emulator: Emulator) -> None:
    text = fresh("weather")
    emulator.script(calls("Paris"), calls("Paris"), calls("Paris"))
    made = [ask(http, input=text, tools=[WEATHER]) for _ in range(3)]
    assert len({ids_of(response)[0] for response in made}) == 3
    for response in made:
        [call_id] = ids_of(response)
        assert call_id in refusal(http, input="Well?", previous_response_id=response["id"])
        assert ask(http, input=[output(call_id)], previous_response_id=response["id"], tools=[WEATHER])


def test_an_open_call_beside_a_call_with_a_result_is_named(http: httpx2.Client, emulator: Emulator) -> None:
    text = fresh("weather")
    emulator.script(calls("Paris", "Rome"), calls("Paris", "Rome"))
    ask(http, input=text, tools=[WEATHER])
    response = ask(http, input=text, tools=[WEATHER])
    paris, rome = ids_of(response)
    assert rome in refusal(http, input=[output(paris)], previous_response_id=response["id"])
    assert paris in refusal(http, input=[output(rome)], previous_response_id=response["id"])
    assert ask(http, input=[output(rome), output(paris)], previous_response_id=response["id"], tools=[WEATHER])


def test_a_conversation_accepts_the_result_of_its_own_call_id(http: httpx2.Client, emulator: Emulator) -> None:
    text = fresh("weather")
    for _ in range(2):
        emulator.script(calls("Paris"))
        conversation = http.post(CONVERSATIONS, json={}).json()["id"]
        [call_id] = ids_of(ask(http, input=text, tools=[WEATHER], conversation=conversation))
        listed = http.get(f"{CONVERSATIONS}/{conversation}/items").json()["data"]
        assert call_id in [item.get("call_id") for item in listed]
        ask(http, input=[output(call_id)], tools=[WEATHER], conversation=conversation)
        *_, sent = emulator.bodies()
        assert sent["contents"][-1]["parts"][0]["functionResponse"]["response"] == {"output": "warm"}


def test_an_open_call_of_an_unstored_websocket_response_is_named(gateway: LiveGateway, emulator: Emulator) -> None:
    text = fresh("weather")
    emulator.script(calls("Paris"), calls("Paris"))
    with connect(gateway.origin.replace("http", "ws") + RESPONSES, proxy=None) as socket:
        made = [asked(socket, input=text, store=False)["response"] for _ in range(2)]
        for response in made:
            [call_id] = ids_of(response)
            rejected = asked(socket, input="Well?", previous_response_id=response["id"], store=False)
            assert call_id in rejected["error"]["message"]


def asked(socket: ClientConnection, **body: Any) -> Any:
    """Return the last event of the response to a frame."""
    socket.send(json.dumps({"type": "response.create", "model": GEMINI_3, "tools": [WEATHER], **body}))
    while True:
        event = json.loads(socket.recv(timeout=10))
        if event["type"] in (*ENDS, "error"):
            return event
