"""A gateway at its request limit: the error of the next request, the record, and the recovery."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.emulator_control import Emulator
from tests.exchanges import CHAT, chat_body, error_of, fresh, usage_of
from tests.live_gateway import LiveGateway
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("live_db")


@pytest.fixture(scope="module")
def narrow(django_db_setup: None, emulator_url: str) -> Iterator[LiveGateway]:
    """A gateway for one request at a time."""
    with LiveGateway.start(upstream=emulator_url, settings={"MAX_IN_FLIGHT": "1"}) as server:
        yield server


@pytest.mark.parametrize("first", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("second", [False, True], ids=["then plain", "then streamed"])
def test_a_request_beyond_the_limit_is_a_429_without_an_upstream_call(
    narrow: LiveGateway, emulator: Emulator, first: bool, second: bool
) -> None:
    user = fresh("user")
    emulator.script({"hold": True})
    with (
        ThreadPoolExecutor(1) as pool,
        httpx2.Client(base_url=narrow.origin, trust_env=False, timeout=30) as http,
        httpx2.Client(base_url=narrow.origin, trust_env=False, timeout=30) as other,
    ):
        slow = pool.submit(http.post, CHAT, json=chat_body(stream=first))
        eventually(emulator.received)
        rejected = other.post(CHAT, json=chat_body(stream=second, user=user))
        assert not slow.done()
        emulator.release()
        assert slow.result().status_code == 200
        after = other.post(CHAT, json=chat_body(stream=second, user=user))

    error = error_of(rejected)
    assert (rejected.status_code, error["type"], error["code"]) == (429, "rate_limit_error", "rate_limit_exceeded")
    assert rejected.headers["retry-after"] == "1"
    record = usage_of(rejected.headers)
    assert (record.status, record.http_status, record.attempts, record.total_tokens) == ("rate_limited", 429, 0, 0)
    assert (after.status_code, after.headers["x-session-messages"]) == (200, "0")
    assert len(emulator.received()) == 2
