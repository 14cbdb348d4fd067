"""The session lock, and the public id of a session that is not stored yet: the state that concurrent requests of one
session share.

Requests that name a session (`X-Session-Id`) or a conversation are served one after the other under its lock. Requests
of one `user` without a session name run concurrently; the store orders them by their end.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

# The principal, and the session (user and name) or the conversation ("" and its id).
Name = tuple[int, str, str]


class _SharedLock(asyncio.Lock):
    """A lock and the number of requests that hold it or wait for it."""

    users = 0


class SessionLocks:
    """The session locks of one event loop. An unused lock has no entry."""

    def __init__(self) -> None:
        self._locks: dict[Name, _SharedLock] = {}

    def __bool__(self) -> bool:
        """Whether any lock is in use."""
        return bool(self._locks)

    @asynccontextmanager
    async def hold(self, name: Name, *, timeout: float) -> AsyncIterator[bool]:  # noqa: ASYNC109 - the body of the caller's `async with` has no timeout
        """Hold a session's lock; yields False if it was not free within `timeout` seconds, and then does not hold it.

        To continue without the lock is safe: the store appends the later record after the earlier one.
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
    """Public ids of sessions that are not stored yet. Requests that create one session concurrently share the id that
    will be stored.
    """

    def __init__(self) -> None:
        self._ids: dict[Name, tuple[str, int]] = {}  # with the number of requests that use it

    def __bool__(self) -> bool:
        """Whether any id is in use."""
        return bool(self._ids)

    @contextmanager
    def share(self, name: Name, proposed: str) -> Iterator[str]:
        """Use the id of a new session until the request is recorded: `proposed`, unless other requests use one."""
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
