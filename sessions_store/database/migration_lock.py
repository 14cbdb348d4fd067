"""One `migrate` at a time: a lock that ends with the process that holds it.

On PostgreSQL it is an advisory lock on a connection of its own; on SQLite a lock on a file beside the database.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

# Any number, the same in every version: https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
LOCK_KEY: Final = 0x6765_6D69_6E69
PATIENCE_SECONDS: Final = 10.0
_PAUSE: Final = 0.2


class AlreadyMigratingError(Exception):
    """Another process migrates this database, and has not ended within PATIENCE_SECONDS."""


@contextmanager
def migration_lock(connection: BaseDatabaseWrapper, *, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock while the block runs; `waiting` is called once if another process holds it.

    Raises AlreadyMigratingError if that one still holds it after PATIENCE_SECONDS.
    """
    taken, release = _attempts(connection)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        if not taken():
            waiting()
            while not taken():
                if time.monotonic() > deadline:
                    raise AlreadyMigratingError
                time.sleep(_PAUSE)
        yield
    finally:
        release()


def _attempts(connection: BaseDatabaseWrapper) -> tuple[Callable[[], bool], Callable[[], None]]:
    """Return what tries to take the lock, and what gives it back."""
    if connection.vendor == "postgresql":
        return _on_postgresql(connection)
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite" or ":memory:" in name or "mode=memory" in name:
        return (lambda: True), (lambda: None)
    return _beside(name)


def _on_postgresql(connection: BaseDatabaseWrapper) -> tuple[Callable[[], bool], Callable[[], None]]:
    own = connection.copy()

    def taken() -> bool:
        with own.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY])
            row: Any = cursor.fetchone()
            return bool(row[0])

    return taken, own.close


def _beside(name: str) -> tuple[Callable[[], bool], Callable[[], None]]:
    """A file that is there while the lock is held; what counts is the lock on it, not the file."""
    try:
        import fcntl
    except ImportError:  # a system without this kind of lock
        return (lambda: True), (lambda: None)
    path = Path(f"{name}.migrating")
    held: list[int] = []

    def taken() -> bool:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:  # nothing can be written here, which the database itself reports
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(file), path.stat()):  # its holder has removed it meanwhile
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

    return taken, release
