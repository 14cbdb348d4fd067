"""Workers with one Redis: they share the limits, and serve on while it is frozen or gone (G25, G26)."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import pytest

from api.limits.redis_store import PREFIX
from tests.api.governance.limits.conftest import AddLimit
from tests.exchanges import CHAT, chat_body
from tests.live_gateway import LiveGateway
from tests.redis_server import RedisServer, needs_redis_server
from tests.waiting import eventually

pytestmark = [needs_redis_server, pytest.mark.portable, pytest.mark.usefixtures("live_db", "emulator")]

LOST = "Redis does not count the rate limits"
BACK = "Redis counts the rate limits again"


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    """A server on a socket, whose path must be short."""
    with TemporaryDirectory() as folder, RedisServer(Path(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def workers(own_database: str, emulator_url: str, redis_server: RedisServer) -> Iterator[list[LiveGateway]]:
    """Two gateways with one Redis."""
    settings = {"DATABASE_URL": own_database, "REDIS_URL": redis_server.url}
    with ExitStack() as stack:
        yield [stack.enter_context(LiveGateway.start(upstream=emulator_url, settings=settings)) for _ in range(2)]


def statuses(workers: list[LiveGateway], count: int) -> list[int]:
    """The statuses of some requests, to each worker in turn."""
    with httpx2.Client(trust_env=False, timeout=60) as http:
        return [http.post(workers[n % len(workers)].origin + CHAT, json=chat_body()).status_code for n in range(count)]


def test_g25_workers_share_a_limit_exactly(workers: list[LiveGateway], add_limit: AddLimit) -> None:
    add_limit(requests_per_day=7)

    assert statuses(workers[:1], 5) + statuses(workers[1:], 5) == [200] * 7 + [429] * 3


def test_g25_malformed_requests_count_in_redis_too(
    workers: list[LiveGateway], redis_server: RedisServer, add_limit: AddLimit
) -> None:
    row = add_limit(requests_per_day=3)
    key = f"{PREFIX}{row.pk}:requests_per_day"
    with httpx2.Client(trust_env=False, timeout=60) as http:
        for _ in range(2):
            assert http.post(workers[0].origin + CHAT, json={}).status_code == 400

    eventually(lambda: redis_server.client.pttl(key) > 15 * 3_600_000)  # a request is refilled in eight hours
    assert statuses(workers[1:], 2) == [200, 429]


def test_g26_a_frozen_redis_is_left_alone_until_it_is_back(
    workers: list[LiveGateway], redis_server: RedisServer, add_limit: AddLimit
) -> None:
    add_limit(requests_per_day=1000)
    before = workers[0].log.count(LOST)
    redis_server.freeze()
    try:
        assert statuses(workers[:1], 20) == [200] * 20
        ready = httpx2.get(f"{workers[0].origin}/readyz", trust_env=False)
        assert ready.json() == {"status": "ready", "limiter": "degraded"}
        eventually(lambda: workers[0].log.count(LOST) > before)
        assert workers[0].log.count(LOST) == before + 1
    finally:
        redis_server.thaw()

    eventually(lambda: httpx2.get(f"{workers[0].origin}/readyz", trust_env=False).json() == {"status": "ready"})
    eventually(lambda: BACK in workers[0].log)


def test_g26_without_redis_each_worker_enforces_its_share_at_once(
    workers: list[LiveGateway], redis_server: RedisServer, add_limit: AddLimit
) -> None:
    add_limit(requests_per_day=40)
    redis_server.kill()
    try:
        found = statuses(workers, 100)
    finally:
        redis_server.start()

    # Other tests of the run may have left workers on the database: the share may be smaller than a half.
    assert 2 <= found.count(200) <= 40
