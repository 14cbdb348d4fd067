"""Session locks: acquired in order, released when a waiting request ends, and removed without users. The ids of new
sessions: shared while requests use them.
"""

import asyncio
import gc

import pytest

from api.resources.session_lock import NewSessionIds, SessionLocks

ANN = (1, "ann", "")
BOB = (1, "bob", "")


async def test_requests_of_one_session_run_in_their_order() -> None:
    locks, log = SessionLocks(), []

    async def response(name: str) -> None:
        async with locks.hold(ANN, timeout=10) as acquired:
            assert acquired
            log.append(f"{name} begins")
            await asyncio.sleep(0)
            log.append(f"{name} ends")

    await asyncio.gather(*map(response, "abc"))

    assert log == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]
    assert not locks


async def test_requests_of_other_sessions_do_not_wait() -> None:
    locks = SessionLocks()
    async with locks.hold(ANN, timeout=0) as first, locks.hold(BOB, timeout=0) as second:
        assert (first, second) == (True, True)
    assert not locks


async def test_a_request_continues_without_the_lock_after_the_timeout() -> None:
    locks = SessionLocks()
    async with locks.hold(ANN, timeout=0) as first:
        assert first
        async with locks.hold(ANN, timeout=0.01) as second:
            assert not second
        async with locks.hold(ANN, timeout=0.01) as third:  # a lock that was not acquired is not released
            assert not third
    assert not locks


async def test_a_lock_is_released_by_an_exception() -> None:
    locks = SessionLocks()
    with pytest.raises(ZeroDivisionError):
        async with locks.hold(ANN, timeout=0):
            raise ZeroDivisionError
    assert not locks


async def waiting(locks: SessionLocks) -> None:
    """Acquire Ann's lock."""
    async with locks.hold(ANN, timeout=10) as acquired:
        assert acquired


@pytest.mark.parametrize("released_first", [False, True])
async def test_a_request_cancelled_while_it_waits_does_not_get_the_lock(released_first: bool) -> None:
    locks = SessionLocks()
    async with locks.hold(ANN, timeout=0):
        cancelled, next_one = (asyncio.create_task(waiting(locks)) for _ in range(2))
        await asyncio.sleep(0)
        if not released_first:
            cancelled.cancel()
            await asyncio.wait([cancelled])
    cancelled.cancel()

    await next_one
    assert cancelled.cancelled()
    assert not locks


async def test_a_lock_is_not_released_by_garbage_collection() -> None:
    locks = SessionLocks()
    held = locks.hold(ANN, timeout=0)
    assert await held.__aenter__()
    gc.collect()
    async with locks.hold(ANN, timeout=0.01) as second:
        assert not second
    await held.__aexit__(None, None, None)
    assert not locks


def test_requests_that_begin_one_session_share_its_id_until_the_last_has_ended() -> None:
    ids = NewSessionIds()
    with ids.share(BOB, "sess_bob") as other:
        assert other == "sess_bob"
        first = ids.share(ANN, "sess_1")
        assert first.__enter__() == "sess_1"
        second = ids.share(ANN, "sess_2")
        assert second.__enter__() == "sess_1"
        first.__exit__(None, None, None)
        with ids.share(ANN, "sess_3") as third:
            assert third == "sess_1"
        second.__exit__(None, None, None)
        with ids.share(ANN, "sess_4") as later:
            assert later == "sess_4"
    assert not ids
