"""Batches of events as server-sent events: one chunk per batch, and the end of a stream."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from api.exchange.events import KEEP_ALIVE, Batch, ErrorBatch, LastBatch
from api.openai.shared.sse import DONE, NAMED, UNNAMED, Spelling, event, named_event
from api.views.event_stream import ServerSentEvents

ONE: dict[str, Any] = {"type": "one"}
TWO: dict[str, Any] = {"type": "two"}


async def source(*batches: Batch) -> AsyncGenerator[Batch, None]:
    """Return a stream of batches."""
    for batch in batches:
        yield batch


async def chunks_of(spelling: Spelling, *batches: Batch) -> list[tuple[bytes, bool]]:
    """Return the chunks of a body, each with the flag `ended`."""
    body = ServerSentEvents(source(*batches), spelling)
    return [(chunk, body.ended) async for chunk in body]


async def test_a_batch_is_one_chunk() -> None:
    assert await chunks_of(UNNAMED, [ONE, TWO], KEEP_ALIVE, LastBatch([ONE])) == [
        (event(ONE) + event(TWO), False),
        (b": keep-alive\n\n", False),
        (event(ONE) + DONE, True),
    ]


async def test_a_stream_that_fails_has_no_done() -> None:
    assert await chunks_of(UNNAMED, ErrorBatch([ONE])) == [(event(ONE), True)]


@pytest.mark.parametrize("last", [LastBatch, ErrorBatch])
async def test_the_last_event_of_a_response_is_the_last_chunk(last: type[LastBatch]) -> None:
    assert await chunks_of(NAMED, [ONE], last([TWO])) == [(named_event(ONE), False), (named_event(TWO), True)]


async def test_an_unread_body_closes_its_source() -> None:
    batches = source([ONE])
    await ServerSentEvents(batches, UNNAMED).aclose()

    assert [batch async for batch in batches] == []
