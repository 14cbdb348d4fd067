"""The running work of each key, ended when an operator revokes the key at once (`cut_at`).

A worker compares its work with the snapshot of the keys every half a second, because a stream sends no new request that
would read the snapshot. A process without requests of keys compares nothing.
"""

import asyncio
import logging
from typing import Final, Protocol

from api.errors import KeyRevokedError
from api.services import Services
from sessions_store.writing.store import StoreError

logger = logging.getLogger(__name__)

CHECK_SECONDS: Final = 0.5


class Work(Protocol):
    """A request, a connection or a background response of one key."""

    def cut_off(self, error: KeyRevokedError) -> None:
        """End with that error."""


class RunningWork:
    """The running work of one process by key."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._by_key: dict[int, set[Work]] = {}
        self._watch: asyncio.Task[None] | None = None
        services.finish_on_drain(self)

    def enter(self, key_id: int, work: Work) -> None:
        """Add work that a revocation ends."""
        self._by_key.setdefault(key_id, set()).add(work)
        if self._watch is None:
            self._watch = asyncio.create_task(self._compare_regularly())

    def leave(self, key_id: int, work: Work) -> None:
        """Remove work that has ended."""
        running = self._by_key.get(key_id)
        if running is not None:
            running.discard(work)
            if not running:
                del self._by_key[key_id]

    async def finished(self) -> None:
        """See Background: the work itself is waited for elsewhere."""

    async def close(self) -> None:
        """Stop comparing."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    async def _compare_regularly(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            if not self._by_key:
                continue
            try:
                access = (await self._services.store.catalogue()).access
            except StoreError as error:
                logger.warning("The keys cannot be read: a revocation waits (%s)", type(error).__name__)
                continue
            for key_id in access.cut & self._by_key.keys():
                for work in self._by_key.pop(key_id):
                    work.cut_off(KeyRevokedError())


def running_work(services: Services) -> RunningWork:
    """Return the running work of this process."""
    return services.shared(RunningWork, services)
