"""Single rows read on the event loop itself, on SQLite: from the page cache they take less than the way to a reading
thread and back.

Only what is found by an index belongs here. In WAL mode a reader waits for no writer, and each statement sees all that
is committed by then, by whichever thread or process. What fails (a lock, a file that is not there) or waits for the
disk sends the reads back to the threads for a while, so that a slow disk stalls the loop once, not at each request.
"""

import sqlite3
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sessions_store.database.cursors import Parameters, ReadRows, database_file, question_marks

if sys.platform != "win32":
    import resource

P = ParamSpec("P")
T = TypeVar("T")

PAUSE_SECONDS: Final = 60.0
# Slow is a look-up that took so long and read from the disk: without that, it waited for its turn on a busy core. One
# that took STALLED_SECONDS is slow in any case, since not every file system is accounted for.
SLOW_SECONDS: Final = 0.005
STALLED_SECONDS: Final = 0.1


class NearReads:
    """The event loop's own connection, which can only read; opened by the first look-up. For one thread."""

    def __init__(self) -> None:
        self._file = database_file()
        self._connection: sqlite3.Connection | None = None
        self._not_before = 0.0
        self._disk_reads = 0

    def look_up(
        self, find: Callable[Concatenate[ReadRows, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> tuple[T] | None:
        """Return what the function found, in a tuple of one; None where a thread must be asked.

        The function is given what it reads with.
        """
        began = monotonic()
        if self._file is None or began < self._not_before:
            return None
        try:
            if self._connection is None:
                self._connection = _opened(self._file)
                self._disk_reads = disk_reads()
            found = find(partial(_rows, self._connection), *args, **kwargs)
        except sqlite3.Error:
            self.pause()
            return None
        if (took := monotonic() - began) > SLOW_SECONDS and self._was_slow(took):
            self.pause()
        return (found,)

    def pause(self) -> None:
        """Leave the reads to the threads for a while; after that a new connection is opened."""
        self.close()
        self._not_before = monotonic() + PAUSE_SECONDS

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _was_slow(self, seconds: float) -> bool:
        before, self._disk_reads = self._disk_reads, disk_reads()
        return self._disk_reads > before or seconds > STALLED_SECONDS


def disk_reads() -> int:
    """Return how many blocks this thread has had to read from the disk; 0 where nobody counts them."""
    if sys.platform == "win32":
        return 0
    whose = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)  # macOS knows only the whole process
    return resource.getrusage(whose).ru_inblock


def _opened(file: Path) -> sqlite3.Connection:
    """Open the database so that nothing is ever waited for: no lock, and no writer, as it would be without WAL."""
    connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=0, isolation_level=None)
    try:
        connection.execute("PRAGMA query_only = ON")
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            raise sqlite3.OperationalError("The database is not in WAL mode.")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _rows(connection: sqlite3.Connection, statement: str, parameters: Parameters) -> list[tuple[Any, ...]]:
    """Run one query; all its rows are fetched, so that no snapshot stays open."""
    return connection.execute(question_marks(statement), parameters).fetchall()
