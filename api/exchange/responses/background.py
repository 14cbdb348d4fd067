"""Background responses: tasks of this process that continue without their client.

The worker that runs a response updates its heartbeat (`heartbeat_at`) in the database. A response with an expired
heartbeat has lost its worker: the next read of it, or the next heartbeat of any worker, marks it failed. A cancellation
is written to the database, so any worker can cancel a response.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import orjson
from django.conf import settings

from api.errors import ShuttingDownError
from api.exchange.events import LastBatch
from api.exchange.responses.plan import PlannedResponse
from api.exchange.responses.run import stream_response
from api.failures import to_gateway_error
from api.services import Services
from sessions_store.state.orphaned_responses import fail_lost
from sessions_store.state.responses import (
    add_events,
    begin_response,
    end_response,
    erase_deleted,
    heartbeat,
    purge_events,
    start_response,
)
from sessions_store.writing.store import StoreError

if TYPE_CHECKING:
    from sessions_store.writing.state_records import EventBatch

logger = logging.getLogger(__name__)

FLUSH_SECONDS: Final = 0.2


class Job:
    """One running background response; `log` has its events."""

    def __init__(self, services: Services, planned: PlannedResponse) -> None:
        assert planned.state_builder.log is not None  # noqa: S101 - plan_response gives a background response a log
        self.public_id = planned.accumulator.id
        self.log = planned.state_builder.log
        self._services = services
        self._planned = planned
        self._task: asyncio.Task[None] | None = None
        self._hold = planned.exchange.hold
        self._ending = False
        self._unsent: EventBatch | None = None

    def start(self) -> "asyncio.Task[None]":
        """Start the task."""
        if self._hold is not None:
            self._hold.share()
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._release_hold)
        return self._task

    def cancel(self) -> None:
        """Cancel the task; the response has ended in the database already."""
        if self._task is not None:
            # After the task's first step: a task cancelled before it would leave the exchange open.
            asyncio.get_running_loop().call_soon(self._cancel, self._task)

    def _cancel(self, task: "asyncio.Task[None]") -> None:
        if not self._ending:  # once: a second cancellation would interrupt `_close`
            self._ending = True
            task.cancel()

    def stop(self) -> None:
        """Cancel the task because the server stops: the response has failed."""
        self._planned.exchange.fault = ShuttingDownError("The server stopped before this response was complete.")
        self.cancel()

    async def _run(self) -> None:
        planned, services = self._planned, self._services
        flusher = asyncio.create_task(self._flush())
        try:
            self.log.append(planned.accumulator.created(queued=True))
            await services.store.write(start_response, self.public_id)
            events = await stream_response(planned)
            try:
                async for batch in events:
                    if not isinstance(batch, LastBatch):
                        self.log.append(batch)
            finally:
                await events.aclose()
        except Exception as error:  # noqa: BLE001 - the task's edge: the exchange and the response are recorded as failed
            planned.accumulator.failed(to_gateway_error(error))
            await planned.exchange.fail(error)
        finally:
            self._ending = True
            flusher.cancel()
            try:
                await asyncio.shield(self._close())
            finally:
                self.log.end(planned.accumulator.ending)

    def _release_hold(self, _ended: object) -> None:
        if self._hold is not None:
            self._hold.release()

    async def _close(self) -> None:
        """Store the last events and the end, unless the record has them; store nothing of a deleted response."""
        exchange = self._planned.exchange
        # Without a record until here, the response was cancelled.
        await exchange.end(asyncio.CancelledError())
        left = None if exchange.committed else self.log.unstored(self._planned.accumulator.ending)
        request_id, principal_id = exchange.accounting.request_id, exchange.accounting.caller.owner_id
        problem = {"error": {"code": "server_error", "message": "The response could not be recorded."}}
        try:
            for batch in (self._unsent, left):
                if batch is not None:
                    await self._services.store.write(add_events, self.public_id, batch)
            # Does nothing if the record has ended the response.
            await self._services.store.write(
                end_response, principal_id, self.public_id, "failed", problem, datetime.now(UTC)
            )
            await self._services.store.write(erase_deleted, self.public_id, request_id)
        except StoreError:
            logger.exception("The final state of a background response could not be stored")

    async def _flush(self) -> None:
        """Store the new events of a running response regularly, for readers in other workers, until the exchange is
        recorded.
        """
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            if self._planned.exchange.recorded:
                return
            if self._services.store.outage is not None:
                continue
            self._unsent = self._unsent or self.log.take_unstored()
            if self._unsent is None:
                continue
            try:
                await self._services.store.write(add_events, self.public_id, self._unsent)
                self._unsent = None
            except StoreError:
                logger.exception("Events of a background response could not be stored")


class Jobs:
    """The background responses of one process, and their heartbeat."""

    def __init__(self, services: Services) -> None:
        self.worker = uuid4().hex
        self._services = services
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._heartbeat: asyncio.Task[None] | None = None
        services.finish_on_drain(self)

    async def start(self, planned: PlannedResponse) -> tuple[Job, dict[str, Any]]:
        """Store the response as queued and start its task; return the job and the queued response. The job ends the
        exchange.

        Raises RateLimitError if MAX_IN_FLIGHT exchanges are open or a rate limit is reached, StorageUnavailableError
        if the database takes no records.
        """
        planned.exchange.admit()
        await planned.exchange.reserve()
        job = Job(self._services, planned)
        state = planned.state_builder.beginning(planned.exchange.accounting, self.worker)
        await self._services.store.write(begin_response, state)
        planned.exchange.keep_open()
        self._jobs[job.public_id] = job
        task = self._tasks[job.public_id] = job.start()
        task.add_done_callback(lambda _: self._remove(job.public_id))
        if self._heartbeat is None:
            self._heartbeat = asyncio.create_task(self._send_heartbeats())
        return job, {**orjson.loads(state.body), "output": []}

    def find(self, public_id: str) -> Job | None:
        """Return the job of a response that runs in this process, None for any other."""
        return self._jobs.get(public_id)

    def cancel(self, public_id: str) -> None:
        """Cancel a response if it runs in this process."""
        job = self._jobs.get(public_id)
        if job is not None:
            job.cancel()

    async def finished(self) -> None:
        """Wait until no response runs in this process."""
        while self._tasks:
            logger.info("Waiting for background responses: %d", len(self._tasks))
            await asyncio.wait(list(self._tasks.values()))

    async def close(self) -> None:
        """Cancel the running responses: each is recorded as failed."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        for job in list(self._jobs.values()):
            job.stop()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _remove(self, public_id: str) -> None:
        self._jobs.pop(public_id, None)
        self._tasks.pop(public_id, None)

    async def _send_heartbeats(self) -> None:
        lease = timedelta(seconds=settings.BACKGROUND_LEASE_SECONDS)
        while True:
            await asyncio.sleep(settings.BACKGROUND_LEASE_SECONDS / 4)
            if self._services.store.outage is not None:
                continue
            now = datetime.now(UTC)
            mine = set(self._jobs)
            try:
                running = await self._services.store.write(heartbeat, mine, now)
                await self._services.store.write(fail_lost, now, lease)
                await self._services.store.write(
                    purge_events, now - timedelta(seconds=settings.RESPONSE_EVENTS_SECONDS)
                )
            except Exception:  # whatever fails once: without a heartbeat all running responses would lose their lease
                logger.exception("The heartbeat of background responses could not be stored")
                continue
            for public_id in mine - running:
                self.cancel(public_id)


def jobs_of(services: Services) -> Jobs:
    """Return the background responses of this process."""
    return services.shared(Jobs, services)
