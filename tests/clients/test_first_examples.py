"""The introductory examples of the clients' documentation with the gateway and its emulator, without a key."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.client_process import ClientProcess
from tests.clients.installed import PROGRAMS, Home, has_package, python_of, skip_unless_asked
from tests.exchanges import GEMINI_3, fresh
from tests.live_gateway import LiveGateway
from tests.server_process import ROOT

PACKAGES: dict[str, tuple[Home, str]] = {
    "langchain": ("openai3", "langchain-openai"),
    "openai_agents": ("openai3", "openai-agents"),
    "pydantic_ai": ("openai3", "pydantic-ai-slim"),
    "openai": ("openai3", "openai"),
    "instructor": ("openai2", "instructor"),
    "llama_index": ("openai2", "llama-index-llms-openai-like"),
}
EVENT = {"name": "science fair", "date": "Friday", "participants": ["Alice", "Bob"]}
TWO = [{"name": "Jason", "age": 10}, {"name": "John", "age": 30}]


@pytest.fixture(scope="module")
def processes(gateway: LiveGateway) -> Iterator[dict[Home, ClientProcess]]:
    """One program for each installed environment."""
    skip_unless_asked()
    homes: set[Home] = {home for home, package in PACKAGES.values() if has_package(home, package)}
    started = {
        home: ClientProcess([str(python_of(home)), "-m", f"{PROGRAMS}.first_examples"], cwd=ROOT) for home in homes
    }
    yield started
    for process in started.values():
        process.__exit__(None, None, None)


def run(task: str, processes: dict[Home, ClientProcess], gateway: LiveGateway) -> dict[str, Any]:
    """Return the results of a client's examples."""
    home, package = PACKAGES[task]
    if not has_package(home, package):
        pytest.skip(f"{package} is not installed: make test-clients does it")
    system = f"You are the assistant {fresh('first')}."
    ask = {"base_url": gateway.base_url, "model": GEMINI_3, "system": system, "prompt": "", "image": ""}
    return processes[home].run(task, ask)


def test_the_examples_of_langchain_end_with_results(processes: dict[Home, ClientProcess], gateway: LiveGateway) -> None:
    found = run("langchain", processes, gateway)

    assert found["calls"] == [["multiply", {"a": 3, "b": 12}], ["add", {"a": 11, "b": 49}]]
    assert "multiply returned 20" in found["text"]
    assert found["weather"] == [{"city": "San Francisco, CA", "temperature": 72, "condition": "sunny"}] * 2
    assert found["user"] == [{"name": "Erick", "age": 27}] * 2
    points = ["Great product: 5 out of 5 stars", "Fast shipping", "expensive"]
    assert found["review"] == [{"rating": 5, "sentiment": "positive", "key_points": points}] * 2
    assert found["capital"] == {"city": "Paris", "country": "France"}


def test_the_examples_of_openai_agents_end_with_results(
    processes: dict[Home, ClientProcess], gateway: LiveGateway
) -> None:
    found = run("openai_agents", processes, gateway)

    assert "always sunny in Tokyo" in found["weather"]
    assert "always sunny in Tokyo" in found["required"]
    assert (found["tutor"], "x = 3." in found["solved"]) == ("Math Tutor", True)
    assert found["event"] == EVENT


def test_the_examples_of_pydantic_ai_end_with_results(
    processes: dict[Home, ClientProcess], gateway: LiveGateway
) -> None:
    found = run("pydantic_ai", processes, gateway)

    assert "roll_dice returned 4" in found["game"]
    assert "Anne" in found["game"]
    assert found["city"] == {"city": "Rome", "country": "Italy"}
    assert found["weather"] == {"city": "Paris", "temperature": 72, "condition": "sunny"}
    assert isinstance(found["asked"], str)
    assert found["box"] == {"width": 10, "height": 20, "depth": 30, "units": "cm"}
    assert found["colours"] == ["red square", "blue circle", "green triangle"]


def test_the_examples_of_instructor_end_with_results(
    processes: dict[Home, ClientProcess], gateway: LiveGateway
) -> None:
    found = run("instructor", processes, gateway)

    assert found["user"] == [{"name": "Jason", "age": 25}] * 2
    assert found["name"] == [{"first_name": "John", "last_name": "Smith"}] * 2
    assert found["iterable"] == [TWO] * 2
    assert found["list"] == [TWO] * 2
    assert found["label"] == [{"label": "spam"}] * 2


def test_the_examples_of_llama_index_end_with_results(
    processes: dict[Home, ClientProcess], gateway: LiveGateway
) -> None:
    found = run("llama_index", processes, gateway)

    assert "add returned 28" in found["texts"][0]
    assert "multiply returned 5635678" in found["texts"][1]
    assert found["user"] == {"name": "Erick", "age": 27}


def test_the_examples_of_openai_end_with_results(processes: dict[Home, ClientProcess], gateway: LiveGateway) -> None:
    found = run("openai", processes, gateway)

    assert [json.loads(arguments) for arguments in found["chat"]] == [{"location": "Paris"}]
    assert [json.loads(arguments) for arguments in found["responses"]] == [{"location": "Paris"}]
    assert found["event"] == EVENT
