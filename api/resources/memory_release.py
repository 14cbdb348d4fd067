"""Releasing memory to the system after large requests: SQLite's page cache, and the free heap of the C library.

Otherwise a server that has processed some images keeps its peak size for as long as it runs.
"""

import asyncio
import ctypes
from contextlib import suppress

from api.resources.byte_budget import ByteBudget
from sessions_store.database.cursors import release_memory
from sessions_store.writing.store import Store, StoreError

QUIET_SECONDS = 1.0


class MemoryRelease:
    """Releases memory QUIET_SECONDS after the budget's requests have released `RETURN_AFTER` bytes."""

    def __init__(self, budget: ByteBudget, store: Store) -> None:
        self._loop = asyncio.get_running_loop()
        self._store = store
        self._task: asyncio.Task[None] | None = None
        self._due = False
        budget.on_released = self.schedule

    def schedule(self) -> None:
        """Release memory soon; once more if a release is running."""
        self._due = True
        if self._task is None or self._task.done():
            self._task = self._loop.create_task(self._return())

    async def _return(self) -> None:
        while self._due:
            await asyncio.sleep(QUIET_SECONDS)
            self._due = False
            with suppress(StoreError):
                await self._store.write(release_memory)
            await asyncio.to_thread(_trim_heap)

    async def stop(self) -> None:
        """Cancel the scheduled release."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


def _trim_heap() -> None:
    """Release the free pages of glibc's heap; other C libraries do that by themselves."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
