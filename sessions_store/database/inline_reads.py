"""Reads of single rows on the event loop, on SQLite: a read from the page cache costs less than a visit to a reading
thread.

Only lookups by an index belong here. In WAL mode a reader never waits for a writer, and each statement sees everything
committed before it by any thread or process (https://www.sqlite.org/wal.html). After an error (a lock, a missing
file) or a wait for the disk, reads go to the threads for PAUSE_SECONDS: a slow disk stalls the loop once, not at each
request.
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
# A lookup is slow if it took SLOW_SECONDS and read from the disk; without a disk read, the core was busy. A lookup of
# STALLED_SECONDS is always slow: not every file system counts its reads.
SLOW_SECONDS: Final = 0.005
STALLED_SECONDS: Final = 0.1


class InlineReads:
    """A read-only connection of the event loop, opened by the first lookup. For one thread."""

    def __init__(self) -> None:
        self._file = database_file()
        self._connection: sqlite3.Connection | None = None
        self._not_before = 0.0
        self._disk_reads = 0

    def look_up(
        self, find: Callable[Concatenate[ReadRows, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> tuple[T] | None:
        """Return (found,), or None if the read must go through a reading thread.

        `find` gets the function that runs a query, then `args` and `kwargs`; its own exceptions propagate.
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
        """Send the reads to the threads for PAUSE_SECONDS; the next lookup after that opens a new connection."""
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
    """Return the number of blocks that this thread has read from the disk; 0 on Windows, which has no such count."""
    if sys.platform == "win32":
        return 0
    whose = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)  # macOS counts per process
    return resource.getrusage(whose).ru_inblock


def _opened(file: Path) -> sqlite3.Connection:
    """Open the database read-only and without waiting: no lock timeout, and WAL mode, without which a reader waits for
    writers.

    Raises sqlite3.Error if the database is not in WAL mode.
    """
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
    """Run one query and fetch all its rows, so that no snapshot stays open."""
    return connection.execute(question_marks(statement), parameters).fetchall()
