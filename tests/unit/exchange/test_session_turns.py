"""Session locks: held in order, released whatever becomes of those that wait, and gone when nobody uses them."""

import asyncio
import gc

import pytest

from api.session_turns import SessionLocks

ANN = (1, "ann", "")
BOB = (1, "bob", "")


async def test_requests_of_one_session_run_one_after_the_other_in_their_order() -> None:
    locks, log = SessionLocks(), []

    async def answer(name: str) -> None:
        async with locks.hold(ANN, timeout=10) as acquired:
            assert acquired
            log.append(f"{name} begins")
            await asyncio.sleep(0)
            log.append(f"{name} ends")

    await asyncio.gather(*map(answer, "abc"))

    assert log == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]
    assert not locks


async def test_requests_of_other_sessions_do_not_wait() -> None:
    locks = SessionLocks()
    async with locks.hold(ANN, timeout=0) as first, locks.hold(BOB, timeout=0) as second:
        assert (first, second) == (True, True)
    assert not locks


async def test_a_request_whose_timeout_expires_goes_on_without_the_lock() -> None:
    locks = SessionLocks()
    async with locks.hold(ANN, timeout=0) as first:
        assert first
        async with locks.hold(ANN, timeout=0.01) as second:
            assert not second
        async with locks.hold(ANN, timeout=0.01) as third:  # what is not held is not released
            assert not third
    assert not locks


async def test_a_lock_is_released_by_an_exception() -> None:
    locks = SessionLocks()
    with pytest.raises(ZeroDivisionError):
        async with locks.hold(ANN, timeout=0):
            raise ZeroDivisionError
    assert not locks


async def waiting(locks: SessionLocks) -> None:
    """Hold Ann's lock once it is free."""
    async with locks.hold(ANN, timeout=10) as acquired:
        assert acquired


@pytest.mark.parametrize("released_first", [False, True])
async def test_a_request_that_is_cancelled_while_it_waits_is_passed_over(released_first: bool) -> None:
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
