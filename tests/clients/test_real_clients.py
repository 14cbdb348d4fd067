"""Real clients at the live gateway: each does a stream, a tool loop with parallel calls on a Gemini 3 model (whose
signatures the emulator checks), a structured answer and a picture. What left the gateway is looked at too.
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
    """A started client and the gateway it is pointed to."""

    client: Client
    process: ClientProcess
    gateway: LiveGateway

    def does(self, task: str, prompt: str, *, image: str = "") -> dict[str, Any]:
        """Let the client do a task, each time with a system prompt that is new: nothing that was stored for an earlier
        conversation can help.
        """
        ask = {
            "base_url": self.gateway.base_url,
            "model": GEMINI_3,
            "system": f"You are the desk {fresh('desk')}.",
            "prompt": prompt,
            "image": image,
        }
        return self.process.run(task, ask)


def by_clients(*tasks: str) -> pytest.MarkDecorator:
    """Runs a test with each of the tasks by each client that knows it."""
    pairs = [
        pytest.param(client, task, id=f"{client.name}-{task}")
        for client in CLIENTS
        for task in tasks
        if task in BY_ALL | client.also
    ]
    return pytest.mark.parametrize(("running", "task"), pairs, indirect=["running"], scope="module")


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest, gateway: LiveGateway) -> Iterator[Running]:
    """Each client in turn; its program stays for all of its tests."""
    client: Client = request.param
    client.skip_if_absent()
    with ClientProcess(client.command, cwd=client.cwd) as process:
        yield Running(client=client, process=process, gateway=gateway)


def sent(emulator: Emulator) -> list[Any]:
    """The bodies that reached Gemini, none of which it refused."""
    asked = [entry for entry in emulator.received() if entry["method"] == "POST"]
    assert {entry["status"] for entry in asked} == {200}
    return [entry["body"] for entry in asked]


def parts(body: Any, name: str) -> list[Any]:
    """All parts of a request's contents that have `name`."""
    return [part for content in body["contents"] for part in content["parts"] if name in part]


def check_signatures(body: Any) -> None:
    """The first call of each step has the signature that the emulator gave it."""
    for content in body["contents"]:
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls:
            assert base64.b64decode(calls[0]["thoughtSignature"]).startswith(MADE_BY_THE_EMULATOR)


def check_results(body: Any) -> None:
    """Each call has one result, found by its id and under its name, that answers it."""
    calls = {part["functionCall"]["id"]: part["functionCall"] for part in parts(body, "functionCall")}
    results = {part["functionResponse"]["id"]: part["functionResponse"] for part in parts(body, "functionResponse")}
    assert calls.keys() == results.keys()
    for key, call in calls.items():
        [argument] = call["args"].values()
        assert results[key]["name"] == call["name"]
        assert argument in str(results[key]["response"])


def check_loop(bodies: list[Any], response: dict[str, Any]) -> None:
    """Two calls at once, then one, then the answer: the tools were called with these and Gemini saw it all again."""
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
def test_stream(running: Running, emulator: Emulator, task: str) -> None:
    if running.client.name == "instructor":  # its streams are of structured answers
        assert running.does(task, PERSON)["values"][-1] == {"name": "Ada", "age": 36}
    else:
        chunks = running.does(task, "Tell me a story about a fox.")["pieces"]
        assert len(chunks) > 3
        assert "story about a fox" in "".join(chunks)
        assert "The end." in "".join(chunks)
    [entry] = emulator.received()
    assert entry["path"].endswith(":streamGenerateContent")


@by_clients(TOOLS, STREAMED)
def test_tool_loop(running: Running, emulator: Emulator, task: str) -> None:
    response = running.does(task, STEPS)

    assert "Saved: umbrella" in response["text"]
    check_loop(sent(emulator), response)
    streamed = {entry["path"].endswith(":streamGenerateContent") for entry in emulator.received()}
    assert streamed == {task == STREAMED}


@by_clients(CLIENT_TOOLS)
def test_tools_that_the_client_runs(running: Running, emulator: Emulator, task: str) -> None:
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
def test_the_server_keeps_the_thread(running: Running, emulator: Emulator, task: str) -> None:
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
def test_structured_answer(running: Running, emulator: Emulator, task: str) -> None:
    assert running.does(task, PERSON)["value"] == {"name": "Ada", "age": 36}
    [body] = sent(emulator)
    if task == BY_TOOL:
        assert body["toolConfig"]["functionCallingConfig"]["mode"] == "ANY"
    else:
        assert body["generationConfig"]["responseMimeType"] == "application/json"


@by_clients(AGENT, AGENT_BY_TOOL)
def test_tools_and_a_structured_answer_together(running: Running, emulator: Emulator, task: str) -> None:
    response = running.does(task, "What is the weather in Paris? Then describe the person Ada, who is 36 years old.")

    assert response["calls"] == [["get_weather", "Paris"]]
    assert response["value"].keys() == {"name", "age"}
    assert response["value"]["age"] == 36
    bodies = sent(emulator)
    check_signatures(bodies[-1])
    check_results(bodies[-1])


@by_clients(REPAIRED)
def test_a_refused_answer_is_repaired(running: Running, emulator: Emulator, task: str) -> None:
    assert running.does(task, PERSON) == {"value": {"name": "Ada", "age": 36}, "refusals": ["Ada"]}
    _, again = sent(emulator)
    check_signatures(again)
    [result] = parts(again, "functionResponse")
    assert "look again" in str(result["functionResponse"]["response"])


@by_clients(IMAGE)
def test_image(running: Running, emulator: Emulator, task: str) -> None:
    response = running.does(task, "What is in this picture?", image=f"data:image/png;base64,{PIXEL}")

    assert "I see 1 attachment: image/png." in response["text"]
    [body] = sent(emulator)
    [part] = parts(body, "inlineData")
    assert part["inlineData"] == {"mimeType": "image/png", "data": PIXEL}
