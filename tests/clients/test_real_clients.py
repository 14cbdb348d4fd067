"""Real clients with the live gateway: a stream, a tool loop with parallel calls on a Gemini 3 model (the emulator
checks the signatures), structured output and a picture. The tests check the requests to Gemini too.
"""

import base64
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.clients.client_process import ClientProcess
from tests.clients.installed import (
    AGENT,
    AGENT_BY_TOOL,
    BY_ALL,
    BY_TOOL,
    CHAINED,
    CLIENT_TOOLS,
    CLIENTS,
    CONVERSATION,
    IMAGE,
    REPAIRED,
    SESSION,
    STREAM,
    STREAMED,
    STRUCTURED,
    TOOLS,
    Client,
)
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3, fresh
from tests.live_gateway import LiveGateway

MADE_BY_THE_EMULATOR = b"emulated-signature:"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
STEPS = 'What is the weather in Paris and what is the weather in London? Then save a note "umbrella".'
PERSON = "Ada is 36 years old."


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A started client and its gateway."""

    client: Client
    process: ClientProcess
    gateway: LiveGateway

    def does(self, task: str, prompt: str, *, image: str = "") -> dict[str, Any]:
        """Run a task with a new system prompt: no stored message of an earlier conversation matches."""
        ask = {
            "base_url": self.gateway.base_url,
            "model": GEMINI_3,
            "system": f"You are the desk {fresh('desk')}.",
            "prompt": prompt,
            "image": image,
        }
        return self.process.run(task, ask)


def by_clients(*tasks: str) -> pytest.MarkDecorator:
    """Run a test with each task of each client that supports the task."""
    pairs = [
        pytest.param(client, task, id=f"{client.name}-{task}")
        for client in CLIENTS
        for task in tasks
        if task in BY_ALL | client.also
    ]
    return pytest.mark.parametrize(("running", "task"), pairs, indirect=["running"], scope="module")


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest, gateway: LiveGateway) -> Iterator[Running]:
    """Each client; its program runs for all tests of the client."""
    client: Client = request.param
    client.skip_if_absent()
    with ClientProcess(client.command, cwd=client.cwd) as process:
        yield Running(client=client, process=process, gateway=gateway)


def sent(emulator: Emulator) -> list[Any]:
    """Return the bodies of the requests to Gemini, which were all accepted."""
    asked = [entry for entry in emulator.received() if entry["method"] == "POST"]
    assert {entry["status"] for entry in asked} == {200}
    return [entry["body"] for entry in asked]


def parts(body: Any, name: str) -> list[Any]:
    """Return all parts of a request's contents with the field `name`."""
    return [part for content in body["contents"] for part in content["parts"] if name in part]


def check_signatures(body: Any) -> None:
    """Check that the first call of each step has the emulator's signature."""
    for content in body["contents"]:
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls:
            assert base64.b64decode(calls[0]["thoughtSignature"]).startswith(MADE_BY_THE_EMULATOR)


def check_results(body: Any) -> None:
    """Check that each call has one result with its id and name."""
    calls = {part["functionCall"]["id"]: part["functionCall"] for part in parts(body, "functionCall")}
    results = {part["functionResponse"]["id"]: part["functionResponse"] for part in parts(body, "functionResponse")}
    assert calls.keys() == results.keys()
    for key, call in calls.items():
        [argument] = call["args"].values()
        assert results[key]["name"] == call["name"]
        assert argument in str(results[key]["response"])


def check_loop(bodies: list[Any], response: dict[str, Any]) -> None:
    """Check two parallel calls, one call and the text: the tools' calls, and Gemini's requests with the history."""
    weather, note = [["get_weather", "London"], ["get_weather", "Paris"]], ["save_note", "umbrella"]
    assert sorted(response["calls"][:2]) == weather
    assert response["calls"][2:] == [note]
    assert [len(parts(body, "functionCall")) for body in bodies] == [0, 2, 3]
    assert [part["functionCall"]["name"] for part in parts(bodies[-1], "functionCall")] == [
        "get_weather",
        "get_weather",
        "save_note",
    ]
    for body in bodies:
        check_signatures(body)
        check_results(body)


@by_clients(STREAM)
def test_a_client_reads_a_stream(running: Running, emulator: Emulator, task: str) -> None:
    if running.client.name == "instructor":  # Instructor streams structured output only
        assert running.does(task, PERSON)["values"][-1] == {"name": "Ada", "age": 36}
    else:
        chunks = running.does(task, "Tell me a story about a fox.")["pieces"]
        assert len(chunks) > 3
        assert "story about a fox" in "".join(chunks)
        assert "The end." in "".join(chunks)
    [entry] = emulator.received()
    assert entry["path"].endswith(":streamGenerateContent")


@by_clients(TOOLS, STREAMED)
def test_a_tool_loop_ends_with_text(running: Running, emulator: Emulator, task: str) -> None:
    response = running.does(task, STEPS)

    assert "Saved: umbrella" in response["text"]
    check_loop(sent(emulator), response)
    streamed = {entry["path"].endswith(":streamGenerateContent") for entry in emulator.received()}
    assert streamed == {task == STREAMED}


@by_clients(CLIENT_TOOLS)
def test_tools_of_the_client_are_run(running: Running, emulator: Emulator, task: str) -> None:
    response = running.does(task, "List the files.")

    assert [name for name, _ in response["calls"]] == [
        name for name in ("shell", "local_shell", "apply_patch") for _ in ("plain", "streamed")
    ]
    assert all(command for _, command in response["calls"])
    assert len([text for text in response["texts"] if text]) == len(response["calls"])
    bodies = sent(emulator)
    assert [len(parts(body, "functionResponse")) for body in bodies] == [0, 1] * len(response["calls"])
    for body in bodies:
        check_signatures(body)


@by_clients(CHAINED, CONVERSATION, SESSION)
def test_the_server_stores_the_history(running: Running, emulator: Emulator, task: str) -> None:
    response = running.does(task, STEPS)

    assert "Saved: umbrella" in response["text"]
    assert response["after"]
    *loop, last = sent(emulator)
    check_loop(loop, response)
    said = [part["text"] for part in parts(last, "text")]
    assert said == [STEPS, response["text"], "Thank you. What now?"]
    assert len(parts(last, "functionCall")) == 3
    check_signatures(last)
    check_results(last)
    if task == SESSION:
        kinds = Counter(response["items"])
        assert (kinds["message"], kinds["function_call"], kinds["function_call_output"]) == (4, 3, 3)


@by_clients(STRUCTURED, BY_TOOL)
def test_a_client_gets_structured_output(running: Running, emulator: Emulator, task: str) -> None:
    assert running.does(task, PERSON)["value"] == {"name": "Ada", "age": 36}
    [body] = sent(emulator)
    if task == BY_TOOL:
        assert body["toolConfig"]["functionCallingConfig"]["mode"] == "ANY"
    else:
        assert body["generationConfig"]["responseMimeType"] == "application/json"


@by_clients(AGENT, AGENT_BY_TOOL)
def test_a_client_gets_tools_and_structured_output_together(running: Running, emulator: Emulator, task: str) -> None:
    response = running.does(task, "What is the weather in Paris? Then describe the person Ada, who is 36 years old.")

    assert response["calls"] == [["get_weather", "Paris"]]
    assert response["value"].keys() == {"name", "age"}
    assert response["value"]["age"] == 36
    bodies = sent(emulator)
    check_signatures(bodies[-1])
    check_results(bodies[-1])


@by_clients(REPAIRED)
def test_an_invalid_response_is_repaired(running: Running, emulator: Emulator, task: str) -> None:
    assert running.does(task, PERSON) == {"value": {"name": "Ada", "age": 36}, "refusals": ["Ada"]}
    _, again = sent(emulator)
    check_signatures(again)
    [result] = parts(again, "functionResponse")
    assert "look again" in str(result["functionResponse"]["response"])


@by_clients(IMAGE)
def test_a_client_sends_an_image(running: Running, emulator: Emulator, task: str) -> None:
    response = running.does(task, "What is in this picture?", image=f"data:image/png;base64,{PIXEL}")

    assert "I see 1 attachment: image/png." in response["text"]
    [body] = sent(emulator)
    [part] = parts(body, "inlineData")
    assert part["inlineData"] == {"mimeType": "image/png", "data": PIXEL}
