"""The events of a background response, from the start or from the client's last event on: from the log of a job in this
process, else from the database.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final

from django.conf import settings

from api.errors import InvalidRequestError, NotFoundError
from api.exchange.events import KEEP_ALIVE, Batch, Event
from api.exchange.responses.background import Jobs
from api.exchange.responses.event_log import EventLog, deleted_event
from api.exchange.responses.retrieval import find, retrieve
from api.services import Services
from sessions_store.state.responses import FoundResponse, last_event, read_events
from sessions_store.writing.state_records import ACTIVE

POLL_SECONDS: Final = 0.2
ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


async def resume(
    services: Services, jobs: Jobs, principal_id: int, public_id: str, after: int | None
) -> AsyncGenerator[Batch, None]:
    """Return the stream of a background response after the sequence number `after`.

    Raises NotFoundError, and InvalidRequestError for a response that did not run in the background.
    """
    found = await find(services, principal_id, public_id)
    if not found.background:
        raise InvalidRequestError(
            "Only the stream of a response created with 'background': true can be resumed.", param="stream"
        )
    seen = -1 if after is None else after
    job = jobs.find(public_id)
    return listen(job.log, seen) if job is not None else _stored(services, principal_id, found, seen)


async def listen(log: EventLog, seen: int) -> AsyncGenerator[Batch, None]:
    """Yield the events of a response that runs in this process, after sequence number `seen`."""
    timeout = _first_timeout()
    while True:
        events = await log.wait(seen + 1, timeout)
        timeout = settings.KEEP_ALIVE_INTERVAL
        if events:
            yield events
            seen = events[-1]["sequence_number"]
        elif log.ended:
            return
        else:
            yield KEEP_ALIVE


async def _stored(
    services: Services, principal_id: int, found: FoundResponse, seen: int
) -> AsyncGenerator[Batch, None]:
    """Yield the stored events, and further ones as they are stored."""
    last_sent, timeout = time.monotonic(), _first_timeout()
    while True:
        status, events = await services.store.read(read_events, found.id, seen)
        if events:
            yield events
            seen = events[-1]["sequence_number"]
            last_sent = time.monotonic()
            if events[-1]["type"] in ENDS:
                return
        elif status not in ACTIVE:
            if (ending := await _ending(services, principal_id, found, seen)) is not None:
                yield [ending]
            return
        else:
            await asyncio.sleep(POLL_SECONDS)
            with suppress(NotFoundError):
                await find(services, principal_id, found.public_id)  # marks it failed if its worker has died
            if time.monotonic() - last_sent >= timeout:
                yield KEEP_ALIVE
                last_sent, timeout = time.monotonic(), settings.KEEP_ALIVE_INTERVAL


async def _ending(services: Services, principal_id: int, found: FoundResponse, seen: int) -> Event | None:
    """Return the closing event of a response whose stored events have none: its worker has died, the response was
    deleted, or the events are purged.

    None if the client has received the closing event, or for a cancelled response: OpenAI has no event for that.
    """
    if not found.id or await services.store.read(last_event, found.id) in ENDS:
        return None
    try:
        response = await retrieve(services, principal_id, found.public_id)
    except NotFoundError:
        return deleted_event(seen + 1)
    kind = f"response.{response['status']}"
    if kind not in ENDS:
        return None
    return {"type": kind, "sequence_number": seen + 1, "response": response}


def _first_timeout() -> float:
    """Return the seconds until the first keep-alive of a stream."""
    interval: float = settings.KEEP_ALIVE_INTERVAL
    return min(settings.STREAM_OPEN_AFTER or interval, interval)
