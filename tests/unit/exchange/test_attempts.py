"""The Gemini account of each upstream call: a message is recorded under the account that wrote it."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from api.exchange.ids import completion_id
from api.exchange.planning.plan import RequestOrigin, open_exchange, plan_chat
from api.exchange.running.run import complete, stream
from api.gemini.client import GeminiClient, Upstream
from api.gemini.upstream_stream import Deadlines
from api.gemini.wire import GenerateContentResponse
from api.openai.chat.request import parse_chat_completion
from api.services import Services
from sessions_store.models import Message, User
from sessions_store.writing.store import Store
from tests.callers import local_caller
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_25, chat_message, fresh

pytestmark = pytest.mark.usefixtures("live_db")


class AccountPerCall(GeminiClient):
    """A client that changes to another account after each upstream call."""

    calls = 0

    async def generate(self, *call: Any, **options: Any) -> GenerateContentResponse:
        self._next_account()
        return await super().generate(*call, **options)

    async def stream(self, *call: Any, **options: Any) -> Any:
        self._next_account()
        return await super().stream(*call, **options)

    def _next_account(self) -> None:
        self.calls += 1
        self.account = f"after {self.calls}"


@pytest.fixture
async def services(emulator: Emulator) -> AsyncIterator[Services]:
    """The shared parts of a process."""
    upstream = Upstream(api_key="key", base_url=emulator.base_url, account="first")
    client, store = AccountPerCall(upstream, Deadlines()), Store()
    yield Services(client=client, store=store)
    await client.aclose()
    await store.close()


def candidate(text: str, index: int = 0) -> dict[str, Any]:
    return {"index": index, "content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}


async def accounts(services: Services, **parameters: Any) -> dict[str, str]:
    """Complete a chat request; return the recorded account of each assistant message: content → account."""
    principal = await services.store.read(lambda: User.objects.get(username="local").pk)
    question = fresh("Hello!")
    body = {"model": GEMINI_25, "messages": [chat_message(question)], **parameters}
    request = parse_chat_completion(orjson.dumps(body))
    origin = RequestOrigin(completion_id(), local_caller(principal), await services.store.catalogue())
    async with open_exchange(services, request, origin, "chat.completions", stream=request.stream) as exchange:
        generation = await plan_chat(exchange, request, origin)
        if request.stream:
            assert [batch async for batch in await stream(exchange, generation)]
        else:
            await complete(exchange, generation)

    def look() -> dict[str, str]:
        answers = Message.objects.filter(role="assistant", parent__openai__contains=question)
        return {orjson.loads(answer.openai)["content"]: answer.account for answer in answers}

    found: dict[str, str] = await services.store.read(look)
    return found


async def test_a_message_has_the_account_of_its_upstream_call(services: Services) -> None:
    assert list((await accounts(services)).values()) == ["first"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_message_of_a_repeated_call_has_the_account_of_the_last_call(
    services: Services, emulator: Emulator, streamed: bool
) -> None:
    bodies = [{"candidates": [candidate("")]}, {"candidates": [candidate("Four.")]}]
    emulator.script(*({"chunks": [body]} if streamed else {"body": body} for body in bodies))
    assert await accounts(services, stream=streamed) == {"Four.": "after 1"}


async def test_a_choice_that_a_repeated_call_leaves_alone_keeps_its_account(
    services: Services, emulator: Emulator
) -> None:
    emulator.script(
        {"body": {"candidates": [candidate("One."), candidate("", 1)]}},
        {"body": {"candidates": [candidate("Another one."), candidate("Two.", 1)]}},
    )
    assert await accounts(services, n=2) == {"One.": "first", "Two.": "after 1"}
