"""Buckets and slots in Redis: the same decisions as in the process, and what happens when Redis is lost (G25, G26)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from api.errors import LimiterUnavailableError, RequestLimitError, TokenLimitError
from api.limits.admission import Admission
from api.limits.buckets import Slots
from api.limits.limiter import Limiter
from api.limits.local_store import LocalStore
from api.limits.redis_store import PREFIX, RedisLostError, RedisStore, Take
from api.limits.stores import LimiterSettings
from sessions_store.accounts.access import Caller
from sessions_store.accounts.limits import Limits
from tests.redis_server import RedisServer, needs_redis_server
from tests.unit.limits.scripted import Clock, gateway_limits, requests, tokens

pytestmark = [needs_redis_server, pytest.mark.portable]

CALLER = Caller(principal_id=1, owner_id=1, project_id=1, project="proj_default")


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server of its own; a Unix socket needs a short path."""
    with TemporaryDirectory() as folder, RedisServer(Path(folder)) as running:
        yield running


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[RedisStore]:
    """The store of one worker."""
    opened = RedisStore(server.url)
    yield opened
    await opened.close()


async def admitted(limiter: Limiter, limits: Limits, amount: int = 0) -> Admission:
    """A request that was admitted with a reservation."""

    async def estimated() -> int:
        return amount

    admission = await limiter.enter(CALLER, limits)
    assert admission is not None
    try:
        await admission.reserve("gpt-4", estimated)
    except BaseException:
        admission.close()
        raise
    return admission


async def test_g26_a_limit_of_zero_is_no_failure_of_redis(store: RedisStore) -> None:
    forbidden = tokens(0)

    store.adjust(Take("", [(forbidden, 7)]))  # of a request that reserved nothing, such as one with max_tokens: 0
    read, charged = [await store.take(Take("next", [(forbidden, units)])) for units in (0, 1)]

    assert (read.fits, charged.fits) == (True, False)
    assert store.available


async def test_g25_redis_decides_as_the_process_does(store: RedisStore) -> None:
    """A day's bucket refills so slowly that the time between two calls does not matter."""
    random = Random(25)  # noqa: S311 - no secret
    local, bucket = LocalStore(Clock()), tokens(1000, daily=True)
    for _ in range(200):
        cost = random.randint(1, 200)
        taken = await store.take(Take("one", [(bucket, cost)]))
        expected = local.take([(bucket, cost)])
        assert taken.fits == expected.fits
        assert -(-taken.levels[0] // bucket.period) == -(-expected.levels[0] // bucket.period)
        settled = random.randint(-cost, 50) if taken.fits else 0
        local.adjust((bucket, settled))
        await store._run("force", Take("one", [(bucket, settled)]))


async def test_g25_all_buckets_and_slots_are_charged_or_none(store: RedisStore, server: RedisServer) -> None:
    wide, narrow, slot = requests(100, key="1"), tokens(10, key="2"), Slots("3", 1, "this gateway")

    assert (await store.take(Take("one", [(wide, 1), (narrow, 10)], [slot]))).fits
    assert not (await store.take(Take("two", [(wide, 1), (narrow, 0)], [slot]))).fits
    assert not (await store.take(Take("two", [(wide, 1), (narrow, 5)]))).fits

    (level,) = (await store.take(Take("two", [(wide, 0)]))).levels
    assert 0 < level <= wide.period
    assert server.client.zrange(PREFIX + "3", 0, -1) == [b"one"]
    store.adjust(Take("one", (), [slot]))
    await asyncio.gather(*store._tasks)
    assert (await store.take(Take("two", (), [slot]))).fits


async def test_g25_the_script_is_sent_again_after_a_flush(store: RedisStore, server: RedisServer) -> None:
    bucket = requests(10)
    for _ in range(2):
        assert (await store.take(Take("one", [(bucket, 1)]))).fits
        server.client.script_flush()
    assert store.available


async def test_g25_a_slot_that_is_not_renewed_expires(store: RedisStore, server: RedisServer) -> None:
    slot = Slots("1", 1, "this gateway")
    assert (await store.take(Take("of a worker that ended", (), [slot]))).fits
    score = server.client.zscore(PREFIX + "1", "of a worker that ended")
    assert score is not None
    server.client.zadd(PREFIX + "1", {"of a worker that ended": score - 61_000_000})

    assert (await store.take(Take("two", (), [slot]))).fits
    await store._run("renew", Take("two", (), [slot]))
    assert server.client.zrange(PREFIX + "1", 0, -1) == [b"two"]
    renewed = server.client.zscore(PREFIX + "1", "two")
    assert renewed is not None
    assert renewed >= score


async def test_g19_a_cancelled_request_leaves_nothing_in_redis(store: RedisStore, server: RedisServer) -> None:
    bucket, slot = tokens(1000), Slots("2", 10, "this gateway")
    for yields in range(12):
        call = asyncio.create_task(store.take(Take(f"request {yields}", [(bucket, 100)], [slot])))
        for _ in range(yields):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        while store._tasks:
            await asyncio.gather(*store._tasks, return_exceptions=True)
            await asyncio.sleep(0)
        if not call.cancelled():
            store.adjust(Take(f"request {yields}", [(bucket, -100)], [slot]))
            await asyncio.gather(*store._tasks)

    assert store.available
    assert server.client.zcard(PREFIX + "2") == 0
    assert server.client.get(PREFIX + bucket.key) is None


async def test_g26_a_frozen_redis_costs_one_wait_and_the_share_applies(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    limiter = Limiter(LimiterSettings(server.url))
    limits = gateway_limits(2, requests_per_day=4)
    (await admitted(limiter, limits)).close()
    server.freeze()
    with caplog.at_level(logging.WARNING, "api.limits.redis_store"):
        (await admitted(limiter, limits)).close()
        assert limiter.degraded
        for _ in range(3):
            with pytest.raises(RequestLimitError):
                await limiter.enter(CALLER, limits)
        server.thaw()
        assert limiter.stores.redis is not None
        async with asyncio.timeout(20):
            await asyncio.gather(*limiter.stores.redis._tasks)  # the probe
        assert not limiter.degraded

    assert [record.message for record in caplog.records] == [
        "Redis does not count the rate limits (TimeoutError)",
        "Redis counts the rate limits again",
    ]
    assert await limiter.enter(CALLER, limits)
    await limiter.close()


async def test_g26_requests_are_refused_while_redis_is_lost_if_so_configured(server: RedisServer) -> None:
    limiter = Limiter(LimiterSettings(server.url, on_redis_loss="refuse"))
    limits = gateway_limits(requests_per_day=100, concurrent_requests=1)
    server.kill()

    for _ in range(2):
        with pytest.raises(LimiterUnavailableError) as lost:
            await admitted(limiter, limits)
    assert (lost.value.status, lost.value.retry_after) == (503, 1)
    assert limiter.stores.local.held == 0
    await limiter.close()


async def test_g26_a_lost_call_raises(server: RedisServer) -> None:
    store = RedisStore(server.url)
    server.kill()
    with pytest.raises(RedisLostError):
        await store.take(Take("one", [(requests(1), 1)]))
    assert not store.available
    await store.close()


async def test_g25_workers_share_the_limits_and_settle_in_redis(server: RedisServer) -> None:
    workers = [Limiter(LimiterSettings(server.url)) for _ in range(2)]
    limits = gateway_limits(2, tokens_per_day=1000, concurrent_requests=3)
    open_requests = [await admitted(workers[number % 2], limits, 300) for number in range(3)]
    with pytest.raises(TokenLimitError) as refused:
        await admitted(workers[0], limits, 300)
    assert "Limit 1000, Used 900, Requested 300" in refused.value.message
    with pytest.raises(RequestLimitError):
        await admitted(workers[1], limits, 10)
    for admission in open_requests:
        admission.spend(50)
        admission.close()
    for worker in workers:
        assert worker.stores.redis is not None
        await asyncio.gather(*worker.stores.redis._tasks)

    last = await admitted(workers[1], limits, 850)
    assert dict(last.headers())["x-ratelimit-remaining-tokens"] == "0"
    last.close()
    for worker in workers:
        await worker.close()
