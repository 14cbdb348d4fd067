"""The session lock: requests that name one session, or one conversation, are served one after the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

# The principal, and what names the session (user and name) or the conversation ("" and its id).
Name = tuple[int, str, str]


class _SharedLock(asyncio.Lock):
    """A lock and the number of requests that hold it or wait for it."""

    users = 0


class SessionLocks:
    """The session locks of one event loop. A lock that nobody uses has no entry."""

    def __init__(self) -> None:
        self._locks: dict[Name, _SharedLock] = {}

    def __bool__(self) -> bool:
        """Whether any lock is in use."""
        return bool(self._locks)

    @asynccontextmanager
    async def hold(self, name: Name, *, timeout: float) -> AsyncIterator[bool]:  # noqa: ASYNC109 - what follows has none
        """Hold a session's lock; False means that it was not free within `timeout` seconds, and is not held.

        Going on without the lock is safe: the store puts the later record behind the earlier one.
        """
        lock = self._locks.setdefault(name, _SharedLock())
        lock.users += 1
        acquired = False
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    acquired = await lock.acquire()
            yield acquired
        finally:
            if acquired:
                lock.release()
            lock.users -= 1
            if not lock.users:
                del self._locks[name]
