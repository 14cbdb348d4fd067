"""Responses that run in the background: tasks of this process that survive their client.

Whoever runs a response says so in the database every few seconds (`heartbeat_at`). A response without a fresh
heartbeat has lost its process: whoever looks at it next, or the next heartbeat of any process, marks it failed.
Cancelling goes through the database as well, so it works from every worker.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import orjson
from django.conf import settings

from api.errors import GatewayError, ShuttingDownError
from api.exchange.encoding import failed_events
from api.exchange.responses.plan import PlannedResponse
from api.exchange.responses.run import stream_response
from api.runtime import Runtime
from api.unforeseen import gateway_error
from sessions_store.lost_responses import fail_lost
from sessions_store.recording import StoreError
from sessions_store.responses import (
    add_events,
    beat,
    begin_response,
    end_response,
    forget_deleted,
    purge_events,
    start_response,
)
from sessions_store.state_records import Stretch

logger = logging.getLogger(__name__)

FLUSH_SECONDS: Final = 0.2
ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


class JobEncoding:
    """Keeps the events of a background response instead of sending them."""

    def __init__(self, job: "Job") -> None:
        self._job = job
        self._last: Sequence[Any] = ()

    def chunk(self, chunk: Any) -> bytes:
        """Keep one event."""
        self._job.add([chunk])
        return b"."

    def closing(self, chunks: Sequence[Any]) -> bytes:
        """Keep the last events."""
        self._last = chunks
        self._job.add(chunks)
        return b"."

    def failure(self, answer: Any, error: GatewayError) -> bytes:
        """Keep the events of a failure."""
        events = failed_events(answer, error, self._last)
        if self._last:  # those are kept already; the end among them, which nobody has seen, is not true
            self._job.drop_end()
            events = events[-1:]
        self._job.add(events)
        return b"."


class Job:
    """One background response on its way. `events` are JSON texts, each at the place of its sequence number.

    Events that end the response are shown only once it is recorded.
    """

    def __init__(self, runtime: Runtime, planned: PlannedResponse, worker: str) -> None:
        self.public_id = planned.answer.id
        self.worker = worker
        self.ended = False
        self.events: list[bytes] = []
        self._shown = 0
        self._flushed = 0
        self._changed = asyncio.Event()
        self._runtime = runtime
        self._planned = planned
        self._task: asyncio.Task[None] | None = None
        self._hold = planned.exchange.hold
        planned.keeper.job = self
        planned.exchange.encoding = JobEncoding(self)

    def start(self) -> "asyncio.Task[None]":
        """Run it from now on."""
        if self._hold is not None:
            self._hold.share()
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._let_go)  # also of one that is cancelled before it has begun
        return self._task

    def cancel(self) -> None:
        """Stop it; the response has been ended in the database."""
        if self._task is not None:
            self._task.cancel()

    def stop(self) -> None:
        """Stop it because the server stops: it has failed."""
        self._planned.exchange.fault = ShuttingDownError("The server stopped before this response was complete.")
        self.cancel()

    def add(self, events: Sequence[Any]) -> None:
        """Keep events and show them to who listens."""
        for event in events:
            self.events.append(orjson.dumps(event))
            if event["type"] not in ENDS:
                self._show(len(self.events))

    def drop_end(self) -> None:
        """Take back what has not been shown."""
        del self.events[self._shown :]

    def take_events(self) -> Stretch | None:
        """See keeper.Running."""
        first, last = self._flushed, len(self.events)
        if first == last:
            return None
        self._flushed = last
        return Stretch(first, last - 1, b"\n".join(self.events[first:last]).decode())

    async def wait(self, seen: int, seconds: float) -> list[bytes]:
        """Return the events from number `seen` on as soon as there are any; [] at the end or after `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._shown <= seen and not self.ended:
                    await self._changed.wait()
        return self.events[seen : self._shown]

    async def _run(self) -> None:
        planned, runtime = self._planned, self._runtime
        flusher = asyncio.create_task(self._flush())
        try:
            self.add(planned.answer.created(queued=True))
            await runtime.store.write(start_response, self.public_id)
            events = await stream_response(runtime, planned)
            try:
                async for _ in events:
                    pass
            finally:
                await events.aclose()
        except Exception as error:  # noqa: BLE001 - a task's edge: the exchange is recorded as failed, the response too
            self.add(planned.answer.failed(gateway_error(error)))
        finally:
            flusher.cancel()
            await asyncio.shield(self._close())
            self.ended = True
            self._show(len(self.events))

    def _let_go(self, _ended: object) -> None:
        if self._hold is not None:
            self._hold.release()

    async def _close(self) -> None:
        """Keep the last events where the record did not take them; of a response that was deleted keep nothing."""
        left = self.take_events()
        exchange = self._planned.exchange
        request_id, principal_id = exchange.request_id, exchange.caller.principal_id
        problem = {"error": {"code": "server_error", "message": "The response could not be recorded."}}
        try:
            if left is not None:
                await self._runtime.store.write(add_events, self.public_id, left)
            # Does nothing where the record has ended it.
            await self._runtime.store.write(
                end_response, principal_id, self.public_id, "failed", problem, datetime.now(UTC)
            )
            await self._runtime.store.write(forget_deleted, self.public_id, request_id)
        except StoreError:
            logger.exception("The final state of a background response could not be stored")

    async def _flush(self) -> None:
        """Store the events of a running response in stretches, for listeners of other workers."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            if self._runtime.store.outage is not None:
                continue
            stretch = self.take_events() if self._shown == len(self.events) else None
            if stretch is None:
                continue
            try:
                await self._runtime.store.write(add_events, self.public_id, stretch)
            except StoreError:
                logger.exception("Events of a background response could not be stored")

    def _show(self, count: int) -> None:
        self._shown = count
        self._changed.set()
        self._changed = asyncio.Event()


class Jobs:
    """The background responses of one process, and its heartbeat."""

    def __init__(self, runtime: Runtime) -> None:
        self.worker = uuid4().hex
        self._runtime = runtime
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._heart: asyncio.Task[None] | None = None

    async def start(self, planned: PlannedResponse) -> tuple[Job, dict[str, Any]]:
        """Store the response as queued and begin to run it; return it as it is now.

        Raises RateLimitError when the gateway is full, StorageUnavailableError when nothing can be recorded.
        """
        try:
            self._runtime.enter()
            self._runtime.leave()
            job = Job(self._runtime, planned, self.worker)
            state = planned.keeper.beginning(planned.exchange, self.worker)
            await self._runtime.store.write(begin_response, state)
        except BaseException:
            planned.exchange.release()
            raise
        self._jobs[job.public_id] = job
        task = self._tasks[job.public_id] = job.start()
        task.add_done_callback(lambda _: self._forget(job.public_id))
        if self._heart is None:
            self._heart = asyncio.create_task(self._beat())
        return job, {**orjson.loads(state.body), "output": []}

    def find(self, public_id: str) -> Job | None:
        """Return the job of a response that runs here."""
        return self._jobs.get(public_id)

    def cancel(self, public_id: str) -> None:
        """Stop a response that runs here."""
        job = self._jobs.get(public_id)
        if job is not None:
            job.cancel()

    async def finished(self) -> None:
        """Wait until nothing runs here any more."""
        while self._tasks:
            logger.info("Waiting for background responses: %d", len(self._tasks))
            await asyncio.wait(list(self._tasks.values()))

    async def close(self) -> None:
        """Stop what still runs: each response is recorded as failed."""
        if self._heart is not None:
            self._heart.cancel()
        for job in list(self._jobs.values()):
            job.stop()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _forget(self, public_id: str) -> None:
        self._jobs.pop(public_id, None)
        self._tasks.pop(public_id, None)

    async def _beat(self) -> None:
        lease = timedelta(seconds=settings.BACKGROUND_LEASE_SECONDS)
        while True:
            await asyncio.sleep(settings.BACKGROUND_LEASE_SECONDS / 4)
            if self._runtime.store.outage is not None:
                continue
            now = datetime.now(UTC)
            mine = set(self._jobs)
            try:
                running = await self._runtime.store.write(beat, mine, now)
                await self._runtime.store.write(fail_lost, now, lease)
                await self._runtime.store.write(purge_events, now - timedelta(seconds=settings.RESPONSE_EVENTS_SECONDS))
            except StoreError:
                logger.exception("The heartbeat of background responses could not be stored")
                continue
            for public_id in mine - running:
                self.cancel(public_id)


def jobs_of(runtime: Runtime) -> Jobs:
    """Return the background responses of this process."""
    if runtime.jobs is None:
        runtime.jobs = Jobs(runtime)
    return runtime.jobs
