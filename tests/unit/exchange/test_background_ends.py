"""Background responses that are cancelled, or whose events cannot be stored, have an end and all their events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from pytest_django import Settings

from api.exchange.ids import completion_id
from api.exchange.planning.plan import RequestOrigin, open_exchange
from api.exchange.responses.auto_compaction import plan_managed
from api.exchange.responses.background import Job, jobs_of
from api.exchange.responses.resume import listen
from api.gemini.client import GeminiClient, Upstream
from api.gemini.upstream_stream import Deadlines
from api.openai.responses.request import parse_responses
from api.services import Services
from sessions_store.models import StoredResponse, User
from sessions_store.state.responses import add_events, end_response, read_events
from sessions_store.writing.store import Store, StoreError
from tests.callers import local_caller
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_25

pytestmark = pytest.mark.usefixtures("live_db")


@pytest.fixture
async def services(emulator: Emulator) -> AsyncIterator[Services]:
    """Services that call the emulator."""
    client = GeminiClient(Upstream(api_key="key", base_url=emulator.base_url), Deadlines())
    made = Services(client=client, store=Store())
    yield made
    await jobs_of(made).close()
    await made.client.aclose()
    await made.store.close()


async def begin(services: Services) -> Job:
    """Start a background response."""
    principal = await services.store.read(lambda: User.objects.get(username="local").pk)
    body = {"model": GEMINI_25, "input": "Hello!", "background": True, "stream": True}
    request = parse_responses(orjson.dumps(body))
    origin = RequestOrigin(completion_id(), local_caller(principal), await services.store.catalogue())
    async with open_exchange(services, request, origin, "responses", stream=True) as exchange:
        job, _ = await jobs_of(services).start(await plan_managed(exchange, request))
    return job


async def followed(job: Job) -> list[Any]:
    """Return all events that a client of this process receives."""
    async with asyncio.timeout(20):
        return [event async for batch in listen(job.log, -1) for event in batch]


async def stored(services: Services, job: Job) -> list[int]:
    """Return the numbers of the stored events."""

    def read() -> list[int]:
        key = StoredResponse.objects.get(public_id=job.public_id).pk
        return [event["sequence_number"] for event in read_events(key, -1)[1]]

    return await services.store.read(read)


async def test_a_response_cancelled_twice_while_it_ends_has_an_end(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = services.store.write

    async def cancelling(function: Any, *arguments: Any, **more: Any) -> Any:
        if function is end_response:
            job.cancel()
            await asyncio.sleep(0.05)
            job.cancel()
            await asyncio.sleep(0.05)
        return await write(function, *arguments, **more)

    monkeypatch.setattr(services.store, "write", cancelling)
    job = await begin(services)
    assert (await followed(job))[-1]["type"] == "response.completed"


async def test_a_response_whose_record_the_database_rejects_has_an_end(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rejecting(*_: Any, **__: Any) -> None:
        raise StoreError("rejected")

    monkeypatch.setattr(services.store, "commit", rejecting)
    job = await begin(services)
    assert (await followed(job))[-1]["type"] == "response.failed"


async def test_events_that_could_not_be_stored_at_first_are_stored_later(
    services: Services, monkeypatch: pytest.MonkeyPatch, emulator: Emulator
) -> None:
    emulator.script({"gap": 0.3})
    write = services.store.write
    failed: list[Any] = []

    async def flaky(function: Any, *arguments: Any, **more: Any) -> Any:
        if function is add_events and not failed:
            failed.append(arguments)
            raise StoreError("locked")
        return await write(function, *arguments, **more)

    monkeypatch.setattr(services.store, "write", flaky)
    job = await begin(services)
    live = [event["sequence_number"] for event in await followed(job)]
    assert failed
    assert await stored(services, job) == live == list(range(len(live)))


async def test_the_heartbeat_continues_after_one_failure(
    services: Services, monkeypatch: pytest.MonkeyPatch, settings: Settings, emulator: Emulator
) -> None:
    settings.BACKGROUND_LEASE_SECONDS = 0.2
    emulator.script({"gap": 0.3})
    write = services.store.write
    calls: list[Any] = []

    async def odd(function: Any, *arguments: Any, **more: Any) -> Any:
        if function.__name__ == "fail_lost":
            calls.append(arguments)
            if len(calls) == 1:
                raise KeyError("an odd row")
        return await write(function, *arguments, **more)

    monkeypatch.setattr(services.store, "write", odd)
    await followed(await begin(services))
    assert len(calls) > 1
