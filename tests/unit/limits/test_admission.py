"""The admission of a request: tasks that are cancelled anywhere leave no reservation and no slot (G19)."""

import asyncio
from random import Random

import pytest

from api.errors import RateLimitError, RequestLimitError, TokenLimitError
from api.limits.limiter import Limiter
from api.limits.local_store import LocalStore
from api.limits.recent_outputs import LEAST, MOST, UNKNOWN, RecentOutputs
from api.limits.stores import LimiterSettings
from sessions_store.accounts.access import Caller
from sessions_store.accounts.limits import Limits
from tests.unit.limits.scripted import Clock, gateway_limits, tokens

CALLER = Caller(principal_id=1, owner_id=1, project_id=1, project="proj_default")


async def nothing() -> int:
    """No tokens."""
    return 0


def limiter(clock: Clock | None = None, **settings: float) -> Limiter:
    """A limiter without Redis."""
    configured = LimiterSettings(queue_seconds=settings.get("queue_seconds", 0.0))
    return Limiter(configured, local=LocalStore(clock or Clock()))


async def test_g101_without_limits_there_is_no_admission() -> None:
    assert await limiter().enter(CALLER, Limits()) is None
    assert await limiter().enter(CALLER, Limits(by_subject={("key", 7): ()})) is None


async def test_g19_tasks_cancelled_at_random_points_settle_to_what_they_spent() -> None:
    """The clock stands still, so nothing is refilled: the level of the bucket is exactly what was charged."""
    random = Random(19)  # noqa: S311 - no secret
    subject, limits = limiter(), gateway_limits(tokens_per_minute=10**9, concurrent_requests=10**6)
    spent = 0

    async def one() -> None:
        nonlocal spent
        admission = await subject.enter(CALLER, limits)
        assert admission is not None

        async def estimated() -> int:
            await asyncio.sleep(0)
            return random.randint(1, 5000)

        with admission:
            for _ in range(random.randint(0, 3)):
                await asyncio.sleep(0)
            await admission.reserve("gpt-4", estimated)
            await asyncio.sleep(0)
            used = random.randint(0, 9000)
            spent += used
            admission.spend(used)
            await asyncio.sleep(0)

    tasks = []
    for _ in range(500):
        tasks.append(asyncio.create_task(one()))
        await asyncio.sleep(0)
        random.choice(tasks).cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert any(task.cancelled() for task in tasks)
    assert spent
    bucket = tokens(10**9, key="1:tokens_per_minute")
    assert subject.stores.local.take([(bucket, 0)]).levels == [spent * bucket.period]
    assert subject.stores.local.held == 0


async def test_g19_a_record_after_the_end_is_charged() -> None:
    subject, limits = limiter(), gateway_limits(tokens_per_minute=100)
    admission = await subject.enter(CALLER, limits)
    assert admission is not None
    admission.close()
    admission.spend(40)
    admission.close()

    bucket = tokens(100, key="1:tokens_per_minute")
    assert subject.stores.local.take([(bucket, 0)]).levels == [40 * bucket.period]


async def test_g18_a_refusal_of_tokens_returns_the_request_and_the_slot() -> None:
    subject = limiter()
    limits = gateway_limits(requests_per_minute=2, tokens_per_minute=100, concurrent_requests=1)

    async def hundred() -> int:
        return 101

    for _ in range(5):
        admission = await subject.enter(CALLER, limits)
        assert admission is not None
        with admission, pytest.raises(TokenLimitError):
            await admission.reserve("gpt-4", hundred)
        assert dict(admission.headers())["x-ratelimit-remaining-requests"] == "2"
    assert subject.stores.local.held == 0


async def test_g22_a_request_waits_in_the_queue_for_a_slot() -> None:
    subject, limits = limiter(queue_seconds=30), gateway_limits(concurrent_requests=1)
    first = await subject.enter(CALLER, limits)
    waiting = asyncio.create_task(subject.enter(CALLER, limits))
    await asyncio.sleep(0)
    assert first is not None
    assert not waiting.done()

    first.close()

    second = await waiting
    assert second is not None
    with pytest.raises(RequestLimitError):
        await limiter(queue_seconds=0).enter(CALLER, gateway_limits(concurrent_requests=0))
    second.close()
    assert subject.stores.local.held == 0


async def test_g22_the_queue_ends_after_its_seconds() -> None:
    subject, limits = limiter(queue_seconds=0.01), gateway_limits(concurrent_requests=1)
    first = await subject.enter(CALLER, limits)
    with pytest.raises(RateLimitError) as refused:
        await subject.enter(CALLER, limits)
    assert first is not None
    assert (refused.value.type, refused.value.code) == ("requests", "rate_limit_exceeded")


async def test_g24_a_new_worker_changes_the_share_of_the_next_request() -> None:
    subject = limiter()
    for workers in (1, 2):
        admission = await subject.enter(CALLER, gateway_limits(workers, requests_per_minute=4))
        assert admission is not None
        assert dict(admission.headers())["x-ratelimit-limit-requests"] == "4"
    with pytest.raises(RequestLimitError):
        await subject.enter(CALLER, gateway_limits(2, requests_per_minute=4))


def test_g19_the_expected_output_is_the_90th_percentile_within_its_bounds() -> None:
    outputs = RecentOutputs()
    assert outputs.expected("gpt-4") == UNKNOWN
    for tokens_of_one in range(1, 1001, 10):
        outputs.add("gpt-4", tokens_of_one)
    assert outputs.expected("gpt-4") in range(840, 942)
    outputs.add("short", 3)
    assert outputs.expected("short") == LEAST
    outputs.add("long", 60_000)
    assert outputs.expected("long") == MOST
