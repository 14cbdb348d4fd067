"""The WebSocket of the Responses API while the database does not respond."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from channels.testing.websocket import WebsocketCommunicator

from api.exchange.responses.background import jobs_of
from api.gemini.client import GeminiClient, Upstream
from api.gemini.upstream_stream import Deadlines
from api.services import Services
from api.websocket.responses import ResponsesConsumer
from sessions_store.writing.store import Store, StoreUnavailableError
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3

pytestmark = pytest.mark.usefixtures("live_db")


@pytest.fixture
async def services(emulator: Emulator) -> AsyncIterator[Services]:
    """The shared parts of a process."""
    client = GeminiClient(Upstream(api_key="key", base_url=emulator.base_url), Deadlines())
    made = Services(client=client, store=Store())
    yield made
    await jobs_of(made).close()
    await made.client.aclose()
    await made.store.close()


@pytest.fixture
def socket(services: Services) -> Any:
    """A WebSocket that is not open yet."""
    made = WebsocketCommunicator(ResponsesConsumer.as_asgi(), "/v1/responses", [(b"host", b"localhost")])
    made.scope |= {"services": services, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}
    return made


async def unavailable() -> Any:
    raise StoreUnavailableError("The database does not respond.")


async def until(socket: Any, *kinds: str) -> Any:
    """Return the first event of one of these types."""
    while (event := await socket.receive_json_from(timeout=10))["type"] not in kinds:
        pass
    return event


async def test_a_handshake_without_a_database_is_refused_as_unavailable(
    services: Services, socket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.store, "catalogue", unavailable)
    assert await socket.connect() == (False, 4503)


async def test_a_steer_input_whose_successor_finds_no_database_is_given_back(
    services: Services, socket: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.script({"match": {"method": "streamGenerateContent"}, "gap": 0.2})
    assert await socket.connect() == (True, None)
    await socket.send_json_to({"type": "response.create", "model": GEMINI_3, "input": "Tell me a story"})
    created = await until(socket, "response.created")
    await until(socket, "response.output_text.delta")
    monkeypatch.setattr(services.store, "catalogue", unavailable)

    steer = {"type": "response.steer", "previous_response_id": created["response"]["id"], "input": "A fox."}
    await socket.send_json_to(steer)
    accepted = await until(socket, "response.steer.accepted")
    failed = await until(socket, "response.steer.failed", "error")

    assert (failed["type"], failed["steer"]["id"]) == ("response.steer.failed", accepted["steer"]["id"])
    assert failed["error"]["code"] == "successor_creation_failed"
    monkeypatch.undo()
    await socket.send_json_to({"type": "response.create", "model": GEMINI_3, "input": "Hello!"})
    assert (await until(socket, "response.completed", "error"))["type"] == "response.completed"
    await socket.disconnect()
