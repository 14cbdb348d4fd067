"""Acknowledged means recorded: the record is committed before the last byte of a response is sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from api.errors import InternalError
from api.exchange.accounting import Accounting, Attempt
from api.exchange.events import ErrorBatch, LastBatch
from api.exchange.exchange import Exchange
from api.exchange.generation import Generation
from api.exchange.ids import completion_id
from api.exchange.outcome import SUCCESS
from api.exchange.planning.plan import RequestOrigin, open_exchange, plan_chat
from api.exchange.running.run import complete, stream
from api.gemini.client import GeminiClient, Upstream
from api.gemini.upstream_stream import Deadlines
from api.notes import Note
from api.openai.chat.request import parse_chat_completion
from api.services import Services
from api.translate.candidates.usage_report import UsageReport
from api.translate.chat.accumulator import ChatAccumulator
from api.views.responding import respond
from sessions_store.models import ChatSession, UsageRecord, User
from sessions_store.writing.store import Store
from tests.callers import local_caller
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_25, chat_message, fresh
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("live_db")


@pytest.fixture
async def services(emulator: Emulator) -> AsyncIterator[Services]:
    """The services of a process."""
    client = GeminiClient(Upstream(api_key="key", base_url=emulator.base_url), Deadlines())
    store = Store()
    yield Services(client=client, store=store)
    await client.aclose()
    await store.close()


@asynccontextmanager
async def planned(services: Services, user: str, **parameters: Any) -> AsyncIterator[tuple[Exchange, Generation]]:
    """Open an exchange for a chat request with a user and a session id."""
    principal = await services.store.read(lambda: User.objects.get(username="local").pk)
    body = {"model": GEMINI_25, "messages": [chat_message("Hello!")], "user": user, **parameters}
    request = parse_chat_completion(orjson.dumps(body))
    origin = RequestOrigin(
        completion_id(), local_caller(principal), await services.store.catalogue(), session_name="work"
    )
    async with open_exchange(services, request, origin, "chat.completions", stream=request.stream) as exchange:
        yield exchange, await plan_chat(exchange, request, origin)


async def recorded(services: Services, accounting: Accounting) -> tuple[list[str], int]:
    """Return the recorded status of the exchange, and the number of messages in the user's session."""

    def look() -> tuple[list[str], int]:
        statuses = UsageRecord.objects.filter(request_id=accounting.request_id).values_list("status", flat=True)
        return list(statuses), sum(
            ChatSession.objects.filter(user=accounting.user).values_list("message_count", flat=True)
        )

    found: tuple[list[str], int] = await services.store.read(look)
    return found


def taken(services: Services) -> tuple[int, bool]:
    """Return the number of admitted exchanges, and whether a session is locked."""
    return services.in_flight, bool(services.session_locks)


async def test_a_stream_ends_after_its_record(services: Services) -> None:
    async with planned(services, fresh("user"), stream=True) as (exchange, generation):
        events = await stream(exchange, generation)
        *_, last = [(event, await recorded(services, exchange.accounting)) async for event in events]

    assert type(last[0]) is LastBatch
    assert last[1] == (["ok"], 2)


async def test_a_broken_stream_ends_after_its_record(services: Services, emulator: Emulator) -> None:
    emulator.script({"no_finish": True})
    async with planned(services, fresh("user"), stream=True) as (exchange, generation):
        events = await stream(exchange, generation)
        *_, last = [(event, await recorded(services, exchange.accounting)) async for event in events]

    assert type(last[0]) is ErrorBatch
    assert [event["error"]["code"] for event in last[0]] == ["upstream_truncated"]
    assert last[1] == (["truncated"], 0)


async def test_a_plain_response_is_sent_after_its_record(services: Services) -> None:
    async with planned(services, fresh("user")) as (exchange, generation):
        await complete(exchange, generation)
        assert await recorded(services, exchange.accounting) == (["ok"], 2)


async def test_a_stream_outlives_the_view_and_releases_when_it_is_closed(services: Services) -> None:
    async with planned(services, fresh("user"), stream=True) as (exchange, generation):
        events = await stream(exchange, generation)
    await anext(aiter(events))
    assert taken(services) == (1, True)
    await events.aclose()
    await events.aclose()

    assert (await recorded(services, exchange.accounting))[0] == ["client_closed"]
    assert taken(services) == (0, False)


async def test_a_stream_that_is_never_read_is_recorded_and_released(services: Services) -> None:
    async with planned(services, fresh("user"), stream=True) as (exchange, generation):
        events = await stream(exchange, generation)
    await events.aclose()

    assert (await recorded(services, exchange.accounting))[0] == ["client_closed"]
    assert taken(services) == (0, False)


@pytest.mark.parametrize(("error", "status"), [(asyncio.CancelledError, "client_closed"), (KeyError, "internal_error")])
@pytest.mark.parametrize("admitted", [False, True])
async def test_an_exchange_with_an_exception_is_recorded_and_released(
    services: Services, error: type[BaseException], status: str, admitted: bool
) -> None:
    accountings = []

    async def left() -> None:
        async with planned(services, fresh("user")) as (exchange, _):
            accountings.append(exchange.accounting)
            if admitted:
                exchange.admit()
                exchange.admit()
            assert taken(services) == (int(admitted), True)
            raise error

    with pytest.raises(error):
        await left()
    [accounting] = accountings
    assert (await recorded(services, accounting))[0] == [status]
    assert taken(services) == (0, False)


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_response_without_a_valid_record_is_billed(
    services: Services, monkeypatch: pytest.MonkeyPatch, streamed: bool
) -> None:
    def broken(_answer: Any) -> Any:
        raise ZeroDivisionError

    user = fresh("user")
    monkeypatch.setattr(ChatAccumulator, "report", broken)
    if streamed:
        async with planned(services, user, stream=True) as (exchange, generation):
            *_, last = [batch async for batch in await stream(exchange, generation)]
        assert type(last) is ErrorBatch
        assert "could not be recorded" in last[0]["error"]["message"]
    else:
        with pytest.raises(InternalError, match="could not be recorded"):
            async with planned(services, user) as (exchange, generation):
                await complete(exchange, generation)

    request_id = exchange.accounting.request_id
    [row] = await services.store.read(lambda: list(UsageRecord.objects.filter(request_id=request_id)))
    assert (row.status, row.http_status, row.attempts, row.estimated) == ("internal_error", 500, 1, True)
    assert row.prompt_tokens > 0
    assert row.cost_nano > 0
    assert taken(services) == (0, False)
    monkeypatch.undo()
    async with planned(services, user) as (exchange, generation):
        await complete(exchange, generation)


async def test_an_exchange_without_a_conversation_is_recorded_completely(services: Services) -> None:
    principal = await services.store.read(lambda: User.objects.get(username="local").pk)
    accounting = Accounting(
        request_id=completion_id(),
        caller=local_caller(principal),
        endpoint="embeddings",
        public_model="text-embedding-3-small",
        user=fresh("user"),
        metadata={"run": "1"},
        notes=[Note("dropped", "dimensions", "a test")],
        upstream_model=GEMINI_25,
    )
    metadata = {"promptTokenCount": 1_000_000}
    async with Exchange(services, accounting, await services.store.catalogue()) as exchange:
        exchange.admit()
        accounting.attempts.append(Attempt("gemini:12345678"))
        accounting.first_byte = accounting.started + 0.25
        usage = {"prompt_tokens": 1_000_000, "total_tokens": 1_000_000}
        accounting.usage = UsageReport(usage=usage, usage_metadata=[metadata])
        await exchange.record(SUCCESS)

    row = await services.store.read(lambda: UsageRecord.objects.get(request_id=accounting.request_id))
    assert (row.status, row.http_status, row.endpoint, row.user) == ("ok", 200, "embeddings", accounting.user)
    assert (row.public_model, row.upstream_model, row.attempts) == ("text-embedding-3-small", GEMINI_25, 1)
    assert (row.prompt_tokens, row.completion_tokens, row.total_tokens) == (1_000_000, 0, 1_000_000)
    assert (row.usage_metadata, row.estimated, row.first_byte_ms) == ([metadata], False, 250)
    assert row.cost_nano > 0
    assert (row.metadata, row.notes) == ({"run": "1"}, [["dropped", "dimensions", "a test"]])
    assert (row.message_id, row.answer_id, row.session_id, row.upstream_request_id) == (None, None, None, None)
    assert taken(services) == (0, False)


async def test_a_stream_whose_headers_fail_is_recorded_and_released(
    services: Services, monkeypatch: pytest.MonkeyPatch, emulator: Emulator
) -> None:
    def broken(_exchange: Exchange) -> Any:
        raise ZeroDivisionError

    emulator.script({"hang_after": 1})
    monkeypatch.setattr(Exchange, "headers", broken)
    accountings = []

    async def left() -> None:
        async with planned(services, fresh("user"), stream=True) as (exchange, generation):
            accountings.append(exchange.accounting)
            await respond(exchange, generation)

    with pytest.raises(ZeroDivisionError):
        await left()
    [accounting] = accountings
    assert (await recorded(services, accounting))[0] == ["internal_error"]
    assert taken(services) == (0, False)
    await asyncio.to_thread(eventually, lambda: emulator.received()[-1]["cancelled"])
