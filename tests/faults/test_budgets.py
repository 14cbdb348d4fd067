"""Budgets under parallel requests of three workers, with workers that are killed at random (governance G30 and G35)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx2
import pytest

from sessions_store.models import Budget, BudgetAlert, BudgetLease, BudgetWindow, ModelPrice, UsageRecord
from tests.emulator_control import Emulator, text_chunks
from tests.exchanges import CHAT, GEMINI_3, fresh
from tests.issued_keys import Issued
from tests.live_gateway import LiveGateway
from tests.waiting import eventually

pytestmark = pytest.mark.store

REQUESTS = 500
MOST_OUTPUT = 50
DEAR = {"promptTokenCount": 400, "candidatesTokenCount": 400, "totalTokenCount": 800}


@pytest.fixture
def workers(django_db_setup: None, emulator_url: str) -> Iterator[list[LiveGateway]]:
    """Three servers on the same database, whose leases lapse after two seconds."""
    with ExitStack() as servers:
        settings = {"BUDGET_LEASE_SECONDS": "2", "MAX_IN_FLIGHT": "1000"}
        yield [servers.enter_context(LiveGateway.start(upstream=emulator_url, settings=settings)) for _ in range(3)]


def body_of(text: str) -> dict[str, Any]:
    """Return the body of a request of fifty tokens at most."""
    return {"model": GEMINI_3, "messages": [{"role": "user", "content": text}], "max_tokens": MOST_OUTPUT}


async def send_all(workers: Sequence[LiveGateway], key: str, texts: Sequence[str]) -> AsyncIterator[int]:
    """Send all requests at once, spread over the workers; yield each status, 0 for a broken connection."""
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(timeout=120, trust_env=False, limits=limits) as client:

        async def send(number: int, text: str) -> int:
            headers = {"Authorization": f"Bearer {key}"}
            try:
                response = await client.post(
                    f"{workers[number % len(workers)].origin}{CHAT}", json=body_of(text), headers=headers
                )
            except httpx2.TransportError:
                return 0
            return response.status_code

        for status in asyncio.as_completed([send(number, text) for number, text in enumerate(texts)]):
            yield await status


async def statuses_with_kills(
    workers: Sequence[LiveGateway], key: str, texts: Sequence[str], kills: dict[int, LiveGateway]
) -> Counter[int]:
    """Return how often each status came; `kills` names the workers to kill after so many responses."""
    found: Counter[int] = Counter()
    async for status in send_all(workers, key, texts):
        found[status] += 1
        if (victim := kills.get(found.total())) is not None:
            victim.process.kill()
    return found


def output_price() -> int:
    """Return the price of a token of output in nano-USD."""
    prices = ModelPrice.objects.filter(model__name=GEMINI_3, tier="standard", valid_from__lte=datetime.now(UTC).date())
    return int(prices.latest("valid_from").output * 1000)


def costs(project_id: int, **conditions: Any) -> list[int]:
    """Return the costs of a project's usage records."""
    records = UsageRecord.objects.filter(project_id=project_id, cost_nano__gt=0, **conditions)
    return list(records.values_list("cost_nano", flat=True))


@pytest.mark.parametrize("seed", [1, 2])
def test_g30_five_hundred_requests_and_killed_workers_leave_a_budget_exact(
    workers: list[LiveGateway], issued: Issued, emulator: Emulator, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - which worker is killed when, repeatable
    project = issued.project()
    key = issued.client_key(project)
    budgets = [
        Budget.objects.create(scope="project", project=project, amount_nano=amount, period=period, name=fresh("budget"))
        for amount, period in ((30_000_000, "total"), (40_000_000, "day"))
    ]
    dear = text_chunks("One")[0] | {"usageMetadata": DEAR}
    emulator.script(*({"match": {"contains": "dear"}, "body": dear} for _ in range(3)))
    texts = [f"dear {number}" if number % 150 == 0 else f"Request {number}" for number in range(REQUESTS)]
    first, second = random.sample(workers, 2)
    kills = {random.randrange(10, 60): first, random.randrange(70, 130): second}

    statuses = asyncio.run(statuses_with_kills(workers, key, texts, kills))

    assert statuses.total() == REQUESTS
    assert statuses[200] > 0
    assert statuses[429] > 0
    assert statuses.keys() <= {0, 200, 429}
    survivor = next(worker for worker in workers if worker.process.poll() is None)
    windows = BudgetWindow.objects.filter(budget__in=budgets)
    eventually(lambda: not any(windows.values_list("reserved_nano", flat=True)), timeout=20)
    eventually(lambda: not BudgetLease.objects.filter(window__in=windows).exists(), timeout=20)
    # Each request reserves its prompt and fifty tokens of output: only the dear ones cost more, and are the overshoot.
    reserved = MOST_OUTPUT * output_price()
    overshoot = sum(max(0, cost - reserved) for cost in costs(project.pk))
    assert overshoot < budgets[0].amount_nano // 5
    for window in windows:
        assert window.spent_nano == sum(costs(project.pk))
    assert windows.get(budget=budgets[0]).spent_nano <= budgets[0].amount_nano + overshoot

    # Nothing leaks: what is left can be spent to the last request that the budget can pay for.
    while httpx2.post(
        f"{survivor.origin}{CHAT}", json=body_of("Hi"), headers={"Authorization": f"Bearer {key}"}, trust_env=False
    ).is_success:
        pass
    assert windows.get(budget=budgets[0]).spent_nano > budgets[0].amount_nano - 300_000


def test_g35_three_workers_fire_one_alert(workers: list[LiveGateway], issued: Issued, emulator: Emulator) -> None:
    project = issued.project()
    key = issued.client_key(project)
    budget = Budget.objects.create(
        scope="project",
        project=project,
        amount_nano=2_000_000,
        period="total",
        enforcement="soft",
        name=fresh("budget"),
    )

    statuses = asyncio.run(statuses_with_kills(workers, key, [f"Request {number}" for number in range(60)], {}))

    assert statuses == {200: 60}
    assert BudgetWindow.objects.get(budget=budget).spent_nano == sum(costs(project.pk))
    assert list(BudgetAlert.objects.filter(window__budget=budget).values_list("threshold", flat=True)) == [100, 80, 50]

    def lines() -> list[str]:
        return [line for worker in workers for line in worker.log.splitlines() if budget.name in line]

    eventually(lambda: len(lines()) >= 3)
    assert len(lines()) == 3
