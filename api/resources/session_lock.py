"""What concurrent requests of one session share: its lock, and its public id while it is not stored.

Requests that name a session (`X-Session-Id`) or a conversation are served one after the other under its lock. Requests
of one `user` that name no session run side by side; the store puts them in the order in which they end.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

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


class NewSessionIds:
    """Public ids of sessions that are not stored. Requests that begin one session at the same time share one id, which
    is the one that is stored.
    """

    def __init__(self) -> None:
        self._ids: dict[Name, tuple[str, int]] = {}  # with the number of requests that use it

    def __bool__(self) -> bool:
        """Whether any id is in use."""
        return bool(self._ids)

    @contextmanager
    def share(self, name: Name, proposed: str) -> Iterator[str]:
        """Use the id of a session that begins, until the request is recorded: `proposed` unless others use one."""
        public_id, users = self._ids.get(name, (proposed, 0))
        self._ids[name] = public_id, users + 1
        try:
            yield public_id
        finally:
            _, users = self._ids[name]
            if users == 1:
                del self._ids[name]
            else:
                self._ids[name] = public_id, users - 1
