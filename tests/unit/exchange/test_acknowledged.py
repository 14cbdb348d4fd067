"""Acknowledged means recorded: when the last byte of an answer is ready to leave, its record is committed."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from api.authentication import Caller
from api.errors import InternalError
from api.exchange.events import ErrorBatch, LastBatch
from api.exchange.exchange import Exchange
from api.exchange.identity import completion_id
from api.exchange.plan import Asker, plan_chat
from api.exchange.run import complete, stream
from api.gemini.client import Deadlines, GeminiClient, Upstream
from api.openai.chat_request import parse_chat_completion
from api.runtime import Runtime
from api.translate.chat.answer import ChatAnswer
from sessions_store.catalogue import current
from sessions_store.models import ChatSession, UsageRecord, User
from sessions_store.recording import Store
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_25, fresh, said

pytestmark = pytest.mark.usefixtures("live_db")


@pytest.fixture
async def runtime(emulator: Emulator) -> AsyncIterator[Runtime]:
    """The shared parts of a process."""
    client = GeminiClient(Upstream(api_key="key", base_url=emulator.base_url), Deadlines())
    store = Store()
    await current()
    yield Runtime(client=client, store=store)
    await client.aclose()
    await store.close()


async def planned(runtime: Runtime, user: str, **parameters: Any) -> Exchange:
    """A chat request of a user, ready to be carried out."""
    principal = await runtime.store.read(lambda: User.objects.get(username="local").pk)
    body = {"model": GEMINI_25, "messages": [said("Hello!")], "user": user, **parameters}
    return await plan_chat(
        runtime, parse_chat_completion(orjson.dumps(body)), Asker(completion_id(), Caller(principal, memory=True))
    )


async def recorded(runtime: Runtime, exchange: Exchange) -> tuple[list[str], int]:
    """How the exchange stands in the database: its status, and how many messages its user's session holds."""

    def look() -> tuple[list[str], int]:
        statuses = UsageRecord.objects.filter(request_id=exchange.request_id).values_list("status", flat=True)
        return list(statuses), sum(
            ChatSession.objects.filter(user=exchange.user).values_list("message_count", flat=True)
        )

    found: tuple[list[str], int] = await runtime.store.read(look)
    return found


async def test_a_stream_ends_after_its_record(runtime: Runtime) -> None:
    exchange = await planned(runtime, fresh("user"), stream=True)
    *_, last = [(event, await recorded(runtime, exchange)) async for event in await stream(runtime, exchange)]

    assert type(last[0]) is LastBatch
    assert last[1] == (["ok"], 2)


async def test_a_broken_stream_ends_after_its_record(runtime: Runtime, emulator: Emulator) -> None:
    emulator.script({"no_finish": True})
    exchange = await planned(runtime, fresh("user"), stream=True)
    *_, last = [(event, await recorded(runtime, exchange)) async for event in await stream(runtime, exchange)]

    assert type(last[0]) is ErrorBatch
    assert [event["error"]["code"] for event in last[0]] == ["upstream_truncated"]
    assert last[1] == (["truncated"], 0)


async def test_a_plain_answer_comes_after_its_record(runtime: Runtime) -> None:
    exchange = await planned(runtime, fresh("user"))
    await complete(runtime, exchange)

    assert await recorded(runtime, exchange) == (["ok"], 2)


async def test_a_stream_that_nobody_reads_to_its_end_is_recorded_and_lets_go(runtime: Runtime) -> None:
    exchange = await planned(runtime, fresh("user"), stream=True)
    events = await stream(runtime, exchange)
    await anext(aiter(events))
    await events.aclose()

    assert (await recorded(runtime, exchange))[0] == ["client_closed"]
    assert runtime.in_flight == 0
    assert not runtime.session_turns


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_that_cannot_be_put_into_a_record_is_paid_for_all_the_same(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, streamed: bool
) -> None:
    def broken(_answer: Any) -> Any:
        raise ZeroDivisionError

    exchange = await planned(runtime, fresh("user"), stream=streamed)
    monkeypatch.setattr(ChatAnswer, "messages", property(broken))
    if streamed:
        *_, last = [batch async for batch in await stream(runtime, exchange)]
        assert type(last) is ErrorBatch
        assert "could not be recorded" in last[0]["error"]["message"]
    else:
        with pytest.raises(InternalError, match="could not be recorded"):
            await complete(runtime, exchange)

    [row] = await runtime.store.read(lambda: list(UsageRecord.objects.filter(request_id=exchange.request_id)))
    assert (row.status, row.http_status, row.attempts, row.estimated) == ("internal_error", 500, 1, True)
    assert row.prompt_tokens > 0
    assert row.cost_nano > 0
    assert runtime.in_flight == 0
    monkeypatch.undo()
    await complete(runtime, await planned(runtime, exchange.user))  # the session's turn was given back
