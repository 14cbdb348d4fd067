"""Several workers without Redis: each enforces its share, counted by heartbeats (G24)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx2
import pytest

from sessions_store.models import Worker
from tests.api.governance.limits.conftest import AddLimit
from tests.exchanges import CHAT, chat_body
from tests.live_gateway import LiveGateway, by_serve
from tests.waiting import eventually

pytestmark = [pytest.mark.portable, pytest.mark.usefixtures("live_db", "emulator")]


@pytest.fixture(scope="module")
def three(own_database: str, gateway: LiveGateway, emulator_url: str) -> Iterator[list[LiveGateway]]:
    """The workers of one database."""
    settings = {"DATABASE_URL": own_database, "REDIS_URL": ""}
    with ExitStack() as stack:
        more = [stack.enter_context(LiveGateway.start(upstream=emulator_url, settings=settings)) for _ in range(2)]
        yield [gateway, *more]


def test_g24_three_workers_admit_no_more_than_the_limit(three: list[LiveGateway], add_limit: AddLimit) -> None:
    eventually(lambda: Worker.objects.count() == 3)
    add_limit(requests_per_day=100)

    with ThreadPoolExecutor(24) as pool, httpx2.Client(trust_env=False, timeout=60) as http:

        def status(number: int) -> int:
            return http.post(three[number % 3].origin + CHAT, json=chat_body()).status_code

        statuses = list(pool.map(status, range(1000)))

    assert set(statuses) == {200, 429}
    assert 90 <= statuses.count(200) <= 100 + 3


@by_serve("uvicorn's lifespan ends after its own signal")
def test_g24_a_worker_that_stops_gives_its_share_back(
    own_database: str, gateway: LiveGateway, emulator_url: str, add_limit: AddLimit
) -> None:
    before = eventually(lambda: set(Worker.objects.values_list("name", flat=True)))
    add_limit(requests_per_day=100)
    settings = {"DATABASE_URL": own_database, "REDIS_URL": ""}
    with LiveGateway.start(upstream=emulator_url, settings=settings):
        started = eventually(lambda: set(Worker.objects.values_list("name", flat=True)) - before)
        assert len(started) == 1
        assert not started & before

    assert set(Worker.objects.values_list("name", flat=True)) == before
