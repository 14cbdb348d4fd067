"""Turns in a session: in order, given on whatever becomes of those that wait, and gone when nobody is left."""

import asyncio

from api.session_turns import SessionTurn, SessionTurns

ANN = (1, "ann", "")
BOB = (1, "bob", "")
Waiting = asyncio.Task[SessionTurn | None]


async def queue(turns: SessionTurns) -> tuple[SessionTurn, Waiting, Waiting]:
    """A turn of Ann's that is taken, and two requests that wait for it in this order."""
    first = await turns.take(ANN, patience=0)
    assert first is not None
    second, third = (asyncio.create_task(turns.take(ANN, patience=10)) for _ in range(2))
    await asyncio.sleep(0)
    return first, second, third


async def test_requests_of_a_session_go_one_after_the_other_in_their_order() -> None:
    turns, log = SessionTurns(), []

    async def answer(name: str) -> None:
        turn = await turns.take(ANN, patience=10)
        assert turn is not None
        log.append(f"{name} begins")
        await asyncio.sleep(0)
        log.append(f"{name} ends")
        turn.end()

    await asyncio.gather(*map(answer, "abc"))

    assert log == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]
    assert not turns


async def test_other_sessions_do_not_wait() -> None:
    turns = SessionTurns()
    assert await turns.take(ANN, patience=0) is not None
    assert await turns.take(BOB, patience=0) is not None


async def test_who_has_waited_long_enough_goes_on_without_a_turn() -> None:
    turns = SessionTurns()
    first = await turns.take(ANN, patience=0)

    assert await turns.take(ANN, patience=0.01) is None
    assert first is not None
    first.end()
    assert not turns


async def test_a_turn_that_somebody_loses_is_given_on() -> None:
    turns = SessionTurns()
    first = await turns.take(ANN, patience=0)
    next_one = asyncio.create_task(turns.take(ANN, patience=10))
    await asyncio.sleep(0)
    assert first is not None
    del first

    last = await next_one
    assert last is not None
    last.end()
    last.end()  # and no harm is done twice
    assert not turns


async def test_a_request_that_is_called_off_while_it_waits_is_passed_over() -> None:
    turns = SessionTurns()
    first, gone, next_one = await queue(turns)
    gone.cancel()
    await asyncio.wait([gone])
    first.end()

    last = await next_one
    assert last is not None
    last.end()
    assert not turns


async def test_a_turn_that_is_given_to_a_request_just_called_off_goes_to_the_next() -> None:
    turns = SessionTurns()
    first, gone, next_one = await queue(turns)
    first.end()
    gone.cancel()

    last = await next_one
    assert gone.cancelled()
    assert last is not None
    last.end()
    assert not turns
