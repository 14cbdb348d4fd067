"""The heartbeat of this worker in the database, from its start to its stop."""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime

from api.services import Services
from sessions_store.accounts.limits import HEARTBEAT_SECONDS
from sessions_store.state.workers import beat, remove_worker
from sessions_store.writing.store import StoreError

logger = logging.getLogger(__name__)


class Heartbeat:
    """The task that writes the heartbeat of a worker. The store reports an unavailable database itself."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin the task: its first heartbeat makes the other workers count this one."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End the task and delete the worker's row."""
        if self._task is None:
            return
        self._task.cancel()
        with suppress(StoreError):
            await self._services.store.write(remove_worker, self._services.worker)

    async def _run(self) -> None:
        while True:
            await self._beat()
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _beat(self) -> None:
        store = self._services.store
        if store.outage is not None:
            return
        try:
            await store.write(beat, self._services.worker, datetime.now(UTC))
        except StoreError:
            logger.warning("The heartbeat of this worker could not be written")
