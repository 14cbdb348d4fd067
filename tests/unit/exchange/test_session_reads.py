"""The number of reader-thread calls per session lookup; inline reads and reader threads return the same session."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
from django.db import connection

from api.exchange.ids import completion_id
from api.exchange.planning.plan import RequestOrigin, open_exchange, plan_chat
from api.exchange.running.run import complete
from api.gemini.client import GeminiClient, Upstream
from api.gemini.upstream_stream import Deadlines
from api.openai.chat.request import parse_chat_completion
from api.services import Services
from sessions_store.database.inline_reads import InlineReads
from sessions_store.models import ChatSession, User
from sessions_store.writing.store import Store
from tests.callers import local_caller
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_25, chat_message, fresh

pytestmark = pytest.mark.usefixtures("live_db")


class CountedStore(Store):
    """A store that counts the calls of its reader threads."""

    visits = 0

    async def read(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        self.visits += 1
        return await super().read(function, *args, **kwargs)


@pytest.fixture(params=["near", "far"])
async def services(
    request: pytest.FixtureRequest, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Services]:
    """The services of a process, with and without lookups on the event loop."""
    if request.param == "near" and connection.vendor != "sqlite":
        pytest.skip("on PostgreSQL nothing is near")
    if request.param == "far":
        monkeypatch.setattr(InlineReads, "look_up", lambda *_, **__: None)
    client = GeminiClient(Upstream(api_key="key", base_url=emulator.base_url), Deadlines())
    store = CountedStore()
    yield Services(client=client, store=store)
    await client.aclose()
    await store.close()


async def ask(services: Services, user: str, *messages: Any) -> tuple[str, int]:
    """Return the response's text and the number of reader-thread calls."""
    store = services.store
    assert isinstance(store, CountedStore)
    principal = await store.read(lambda: User.objects.get(username="local").pk)
    store.visits = 0
    request = parse_chat_completion(orjson.dumps({"model": GEMINI_25, "messages": messages, "user": user}))
    origin = RequestOrigin(completion_id(), local_caller(principal), await services.store.catalogue())
    async with open_exchange(services, request, origin, "chat.completions") as exchange:
        response = await complete(exchange, await plan_chat(exchange, request, origin))
    return response["choices"][0]["message"]["content"], store.visits


async def test_a_session_lookup_takes_one_thread_call_at_most(
    services: Services, request: pytest.FixtureRequest
) -> None:
    near = "near" in request.node.name
    user = fresh("user")
    first = f"My name is Ada, I am {user}."  # a message that no other test sends
    response, visits = await ask(services, user, chat_message(first))
    assert visits == (0 if near else 1)  # no session exists yet, so no further read is necessary

    history = [chat_message(first), chat_message(response, "assistant"), chat_message("My cat is called Tom.")]
    own, visits = await ask(services, user, *history)
    assert visits == 1

    remembered, visits = await ask(services, user, chat_message("What is my name?"))
    assert "Ada" in remembered
    assert visits == 1

    def turns() -> list[str]:
        session = ChatSession.objects.get(user=user)
        texts, node = [], session.head
        while node is not None:
            texts.append(orjson.loads(node.openai)["content"])
            node = node.parent
        return texts[::-1]

    sent = [message["content"] for message in history]
    assert await services.store.read(turns) == [*sent, own, "What is my name?", remembered]
