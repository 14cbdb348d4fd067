"""A long chain of `previous_response_id`: each step stores as many rows and runs as many statements as the previous
step; only the conversation of a step grows, by one message pair.

CHAIN_STEPS sets the length (1000 for a long run, which prints the statements per step).
"""

import os
import time
from collections.abc import AsyncIterator, Callable
from statistics import median
from typing import Any, Final

import orjson
import pytest
from django.db import connection

from api.exchange.ids import completion_id
from api.exchange.planning.plan import RequestOrigin, open_exchange
from api.exchange.responses.plan import plan_response
from api.exchange.running.run import complete
from api.gemini.client import GeminiClient, Upstream
from api.gemini.upstream_stream import Deadlines
from api.openai.responses.request import parse_responses
from api.services import Services
from sessions_store.models import Message, StoredItem, StoredResponse, ToolCall, UpstreamRequest, UsageRecord, User
from sessions_store.writing.store import Store
from tests.callers import local_caller
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_25, fresh

STEPS: Final = int(os.environ.get("CHAIN_STEPS", "40"))
TABLES: Final = (Message, StoredItem, StoredResponse, UsageRecord, ToolCall, UpstreamRequest)

pytestmark = pytest.mark.usefixtures("live_db")


@pytest.fixture
async def services(emulator: Emulator) -> AsyncIterator[Services]:
    """The services of a process, with one reader thread."""
    client = GeminiClient(Upstream(api_key="key", base_url=emulator.base_url), Deadlines())
    store = Store(readers=1)
    yield Services(client=client, store=store)
    await client.aclose()
    await store.close()


class Statements:
    """The number of statements that the store's threads have run, on SQLite only."""

    def __init__(self) -> None:
        self.count = 0

    def watch(self) -> None:
        """Count the statements of this thread's connection."""
        connection.ensure_connection()
        if connection.vendor == "sqlite":
            connection.connection.set_trace_callback(self._seen)

    def taken(self) -> int:
        """Return the number of statements since the last call."""
        count, self.count = self.count, 0
        return count

    def _seen(self, statement: str) -> None:
        self.count += 1


async def step(services: Services, text: str, previous: str | None) -> Any:
    """Create a response that continues another one."""
    principal = await services.store.read(lambda: User.objects.get(username="local").pk)
    body = {"model": GEMINI_25, "input": text, "previous_response_id": previous, "max_output_tokens": 16}
    origin = RequestOrigin(completion_id(), local_caller(principal), await services.store.catalogue())
    request = parse_responses(orjson.dumps(body))
    async with open_exchange(services, request, origin, "responses") as exchange:
        planned = await plan_response(exchange, request)
        return await complete(exchange, planned.generation)


def sizes() -> list[int]:
    """Return the number of rows in each table that an exchange writes."""
    return [table.objects.count() for table in TABLES]


async def test_a_step_costs_no_more_than_its_length(services: Services) -> None:
    word = fresh("chain")
    statements = Statements()
    look: Callable[[], list[int]] = sizes
    previous, seconds = None, []
    rows: list[list[int]] = []
    asked: list[int] = []
    for number in range(STEPS):
        before = await services.store.read(look)
        await services.store.read(statements.watch)
        await services.store.write(statements.watch)
        statements.taken()
        began = time.perf_counter()
        previous = (await step(services, f"{word} {number}", previous))["id"]
        seconds.append(time.perf_counter() - began)
        asked.append(statements.taken())
        after = await services.store.read(look)
        rows.append([now - then for now, then in zip(after, before, strict=True)])

    if "CHAIN_STEPS" in os.environ:
        for place in range(0, STEPS, max(STEPS // 10, 1)):
            print(f"steps from {place}: {median(seconds[place : place + 20]) * 1000:.1f} ms")  # noqa: T201
    assert rows[1:] == [[2, 3, 1, 1, 0, 0]] * (STEPS - 1)
    # The catalogue is reloaded every few seconds, in addition to the statements of a step.
    assert median(asked[2 : STEPS // 2]) == median(asked[STEPS // 2 :]) >= max(asked) - 4, asked
    stored = await services.store.read(
        lambda: [
            len(row.body) + len(row.settings) + len(row.input_items) + len(row.output_items)
            for row in StoredResponse.objects.order_by("-id")[:STEPS]
        ]
    )
    assert max(stored) - min(stored) < 64  # the id of the previous response, digits of counts
    uses = await services.store.read(
        lambda: list(StoredItem.objects.filter(body__contains=f"{word} ").values_list("uses", flat=True))
    )
    assert set(uses) == {1}
