"""A lock for `migrate`: one process at a time; the end of a process releases its lock.

On PostgreSQL the lock is an advisory lock on a connection of its own, on SQLite a lock on a file beside the database.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

# Arbitrary, the same in every version: https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
LOCK_KEY: Final = 0x6765_6D69_6E69
TIMEOUT_SECONDS: Final = 10.0
_PAUSE: Final = 0.2


class AlreadyMigratingError(Exception):
    """Another process is migrating this database and did not end within TIMEOUT_SECONDS."""


@contextmanager
def migration_lock(connection: BaseDatabaseWrapper, *, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock while the block runs; `waiting` is called once if another process holds the lock.

    Raises AlreadyMigratingError if another process holds the lock for longer than TIMEOUT_SECONDS.
    """
    acquired, release = _attempts(connection)
    try:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        if not acquired():
            waiting()
            while not acquired():
                if time.monotonic() > deadline:
                    raise AlreadyMigratingError
                time.sleep(_PAUSE)
        yield
    finally:
        release()


def _attempts(connection: BaseDatabaseWrapper) -> tuple[Callable[[], bool], Callable[[], None]]:
    """Return the function that tries to acquire the lock, and the function that releases it."""
    if connection.vendor == "postgresql":
        return _on_postgresql(connection)
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite" or ":memory:" in name or "mode=memory" in name:
        return (lambda: True), (lambda: None)
    return _beside(name)


def _on_postgresql(connection: BaseDatabaseWrapper) -> tuple[Callable[[], bool], Callable[[], None]]:
    own = connection.copy()

    def acquired() -> bool:
        with own.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY])
            row: Any = cursor.fetchone()
            return bool(row[0])

    return acquired, own.close


def _beside(name: str) -> tuple[Callable[[], bool], Callable[[], None]]:
    """Lock a file beside the database. The lock on the file counts, not the file's existence."""
    try:
        import fcntl
    except ImportError:  # Windows has no flock
        return (lambda: True), (lambda: None)
    path = Path(f"{name}.migrating")
    held: list[int] = []

    def acquired() -> bool:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:  # a read-only folder: the migration itself fails with a better message
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(file), path.stat()):  # removed by the process that held it
                raise OSError
        except OSError:
            os.close(file)
            return False
        held.append(file)
        return True

    def release() -> None:
        for file in held:
            path.unlink(missing_ok=True)
            os.close(file)

    return acquired, release
