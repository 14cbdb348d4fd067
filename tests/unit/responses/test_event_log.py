"""The event log of a background response: unstored events, and waiting readers."""

import asyncio
from typing import Any

import orjson

from api.exchange.responses.event_log import EventLog


def numbered(*numbers: int) -> list[dict[str, Any]]:
    """Return events with these sequence numbers."""
    return [{"type": "response.output_text.delta", "sequence_number": number} for number in numbers]


def test_reading_unstored_events_does_not_change_the_log() -> None:
    log = EventLog()
    log.append(numbered(0, 1))

    first = log.unstored(numbered(2))

    assert first is not None
    assert (first.first, first.last) == (0, 2)
    assert [orjson.loads(line) for line in first.body.split("\n")] == numbered(0, 1, 2)
    assert log.unstored(numbered(2)) == first


def test_taken_events_count_as_stored() -> None:
    log = EventLog()
    log.append(numbered(0, 1))
    log.take_unstored()
    assert log.unstored() is log.take_unstored() is None

    log.append(numbered(2))
    rest = log.unstored(numbered(3))

    assert rest is not None
    assert (rest.first, rest.last) == (2, 3)


async def test_a_reader_waits_for_the_next_event_and_for_the_end() -> None:
    log = EventLog()
    log.append(numbered(0))
    assert await log.wait(0, 5) == numbered(0)
    assert await log.wait(1, 0) == []

    waiting = asyncio.ensure_future(log.wait(1, 5))
    await asyncio.sleep(0)
    log.end(numbered(1))

    assert await waiting == numbered(1)
    assert log.ended
    assert await log.wait(2, 5) == []
