"""The escrow of several workers on one database: slices, all or none, lapsed leases (governance G30, G32)."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from asgiref.sync import sync_to_async

from sessions_store.budgets.alerts import usd
from sessions_store.budgets.escrow import Escrow
from sessions_store.budgets.leases import take_back_lapsed
from sessions_store.budgets.reservations import BudgetExceededError, Claim
from sessions_store.budgets.rules import BudgetRule, rule_of
from sessions_store.database.cursors import hot_cursor
from sessions_store.models import Budget, BudgetLease, BudgetWindow
from sessions_store.writing.store import Store, StoreUnavailableError
from tests.exchanges import fresh

AMOUNT = 100_000


@pytest.fixture(autouse=True)
def _removed(live_db: None) -> Iterator[None]:
    """Remove the budgets afterwards: those of the gateway apply to every other test."""
    yield
    Budget.objects.all().delete()


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    """The store of this event loop."""
    opened = Store()
    yield opened
    await opened.close()


async def new_rule(amount: int = AMOUNT, **columns: object) -> BudgetRule:
    """Create a budget of the gateway for a model that no request names."""

    def create() -> BudgetRule:
        return rule_of(
            Budget.objects.create(
                scope="gateway", model_pattern=fresh("model"), amount_nano=amount, period="total", **columns
            )
        )

    return await sync_to_async(create)()


def claim(rule: BudgetRule, amount: int, *, least: int | None = None, most: int | None = None) -> Claim:
    """Return the claim of a request."""
    window = rule.window(datetime.now(UTC))
    assert window is not None
    return Claim(rule, window, window.key, amount if least is None else least, amount, amount if most is None else most)


async def reserved(rule: BudgetRule) -> int:
    """Return what the window of a budget holds in reserve."""
    window = await BudgetWindow.objects.aget(budget_id=rule.id)
    return window.reserved_nano


async def leased(rule: BudgetRule) -> int:
    """Return the sum of the leases of a budget."""
    amounts = [lease.amount_nano async for lease in BudgetLease.objects.filter(window__budget_id=rule.id)]
    return sum(amounts)


async def test_g30_a_request_is_charged_without_a_query_once_its_worker_holds_a_slice(store: Store) -> None:
    rule, escrow = await new_rule(), Escrow(store, 30)
    await escrow.reserve([claim(rule, 100)])
    held = await reserved(rule)

    more = [await escrow.reserve([claim(rule, 100)]) for _ in range(5)]

    assert held == 100 + (AMOUNT - 100) // 100
    assert await reserved(rule) == held == await leased(rule)
    for reservation in more:
        escrow.close(reservation, recorded=False)
    await escrow.stop()
    assert await reserved(rule) == 100


async def test_g30_near_its_amount_a_budget_gives_no_slices(store: Store) -> None:
    rule, escrow = await new_rule(), Escrow(store, 30)

    await escrow.reserve([claim(rule, AMOUNT * 95 // 100)])
    await escrow.reserve([claim(rule, 10)])

    assert await reserved(rule) == AMOUNT * 95 // 100 + 10


async def test_g30_parallel_requests_of_three_workers_never_reserve_more_than_the_amount(store: Store) -> None:
    rule = await new_rule()
    workers = [Escrow(store, 30) for _ in range(3)]

    outcomes = await asyncio.gather(
        *(workers[number % 3].reserve([claim(rule, 700)]) for number in range(500)), return_exceptions=True
    )

    granted = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert all(isinstance(outcome, BudgetExceededError) for outcome in outcomes if isinstance(outcome, BaseException))
    assert AMOUNT - 3 * 1_000 - 700 < 700 * len(granted) <= AMOUNT
    assert await reserved(rule) <= AMOUNT
    for reservation in granted:
        worker = next(each for each in workers if each._holder is reservation.holder)
        worker.close(reservation, recorded=False)
    for worker in workers:
        await worker.stop()
    assert await reserved(rule) == await leased(rule) == 0


async def test_g30_all_budgets_of_a_request_pay_or_none(store: Store) -> None:
    large, small = await new_rule(), await new_rule(100)
    escrow = Escrow(store, 30)

    with pytest.raises(BudgetExceededError) as refused:
        await escrow.reserve([claim(large, 500), claim(small, 500)])

    assert refused.value.claim.rule is small
    assert refused.value.left == 100
    await escrow.stop()
    assert await reserved(large) == 0


async def test_g30_a_cancelled_request_leaves_nothing_reserved(store: Store) -> None:
    rule, escrow = await new_rule(), Escrow(store, 30)
    task = asyncio.create_task(escrow.reserve([claim(rule, 60_000)]))
    await asyncio.sleep(0)

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    await escrow.reserve([claim(rule, 60_000)])
    assert await leased(rule) == await reserved(rule) < AMOUNT


class CancellingStore:
    """A store that cancels the request for which it has just reserved."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.request: asyncio.Task[Any] | None = None

    async def write(self, function: Any, *args: Any) -> Any:
        """Commit, and cancel the request before its next step."""
        value = await self._store.write(function, *args)
        if self.request is not None:
            asyncio.get_running_loop().call_soon(self.request.cancel)
        return value


async def test_g30_a_request_cancelled_with_its_reservation_leaves_nothing_reserved(store: Store) -> None:
    rule, cancelling = await new_rule(), CancellingStore(store)
    escrow = Escrow(cast("Store", cancelling), 30)
    cancelling.request = asyncio.create_task(escrow.reserve([claim(rule, 95_000)]))

    with pytest.raises(asyncio.CancelledError):
        await cancelling.request

    cancelling.request = None
    await escrow.stop()
    assert await reserved(rule) == await leased(rule) == 0


async def test_g30_what_a_dead_worker_held_is_taken_back(store: Store) -> None:
    rule = await new_rule()
    dead, alive = Escrow(store, 30), Escrow(store, 30)
    await dead.reserve([claim(rule, 30_000)])
    await alive.reserve([claim(rule, 20_000)])
    both = await reserved(rule)

    def lapse(after: float) -> None:
        leases = BudgetLease.objects.filter(window__budget_id=rule.id, worker=dead._holder.worker)
        leases.update(expires_at=datetime.now(UTC) - timedelta(seconds=after))
        with hot_cursor() as cursor:
            take_back_lapsed(cursor, datetime.now(UTC), 30)

    await store.write(lapse, 1)
    assert await reserved(rule) == both - 30_000 - (AMOUNT - 30_000) // 100
    await store.write(lapse, 91)

    assert await leased(rule) == await reserved(rule)


async def test_g30_a_worker_without_a_heartbeat_relies_on_no_slice(store: Store) -> None:
    rule, escrow = await new_rule(), Escrow(store, 30)
    late = await escrow.reserve([claim(rule, 100)])
    escrow._holder.valid_until = 0

    renewed = await escrow.reserve([claim(rule, 100)])

    assert renewed.holder is not late.holder


async def test_g30_a_request_whose_record_the_store_rejected_returns_its_reservation(store: Store) -> None:
    rule, escrow = await new_rule(), Escrow(store, 30)
    reservation = await escrow.reserve([claim(rule, 95_000)])

    escrow.close(reservation, recorded=True)
    await escrow.stop()

    assert reservation.ended
    assert await reserved(rule) == await leased(rule) == 0


class BreakingStore:
    """A store that commits, and then loses the connection."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.broken = True

    async def write(self, function: Any, *args: Any) -> Any:
        """Commit, and raise while the store is `broken`."""
        value = await self._store.write(function, *args)
        if self.broken:
            raise StoreUnavailableError("The connection broke.")
        return value


async def test_g30_an_uncertain_commit_reserves_until_its_lease_lapses(store: Store) -> None:
    rule, breaking = await new_rule(), BreakingStore(store)
    escrow = Escrow(cast("Store", breaking), 30)
    with pytest.raises(StoreUnavailableError):
        await escrow.reserve([claim(rule, 50_000)])
    uncertain = await reserved(rule)

    breaking.broken = False
    await escrow.reserve([claim(rule, 100)])
    assert await reserved(rule) > uncertain >= 50_000

    def lapse() -> None:
        former = BudgetLease.objects.filter(window__budget_id=rule.id).exclude(worker=escrow._holder.worker)
        former.update(expires_at=datetime.now(UTC) - timedelta(seconds=100))
        with hot_cursor() as cursor:
            take_back_lapsed(cursor, datetime.now(UTC), 30)

    await store.write(lapse)
    await escrow.stop()
    assert await reserved(rule) == await leased(rule) == 100


async def test_g32_a_strict_budget_grants_what_is_left(store: Store) -> None:
    rule, escrow = await new_rule(1_000, enforcement="strict"), Escrow(store, 30)

    reservation = await escrow.reserve([claim(rule, 5_000, least=100, most=9_000)])

    assert [amount for _, amount in reservation.amounts] == [1_000]


@pytest.mark.portable
@pytest.mark.parametrize(
    ("nano", "text"), [(0, "0.00"), (10**9, "1.00"), (1_500_000_000, "1.50"), (123, "0.000000123")]
)
def test_g33_an_amount_is_stated_exactly(nano: int, text: str) -> None:
    assert usd(nano) == text
