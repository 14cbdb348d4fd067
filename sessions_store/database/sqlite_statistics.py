"""Keeping SQLite's planner to the indexes.

`ANALYZE` notes how large the tables are, and nobody notes again that they have grown. After it was run on a young
database, "which of these keys are stored" is answered by reading all messages, at every commit, for ever. Without such
notes the planner takes a table to be large, which is what the statements here are written for. So the notes are dropped
by the commits of the next second.
"""

from contextlib import suppress
from time import monotonic
from typing import Any, Final

from django.db import DatabaseError, connection

from sessions_store.database.cursors import is_sqlite, read_rows

NOTES: Final = ("sqlite_stat1", "sqlite_stat4")
LOOK_SECONDS = 1.0


class PlannerNotes:
    """Watches for them through one thread's connection: they come with a new version of the schema."""

    def __init__(self) -> None:
        self._seen: Any = None
        self._look_at = 0.0

    def drop(self) -> None:
        """Drop them if there may be some, once a second. What fails here fails at the commit too."""
        if (now := monotonic()) < self._look_at or not is_sqlite():
            return
        self._look_at = now + LOOK_SECONDS
        with suppress(DatabaseError):
            if _schema_version() != self._seen:
                with connection.cursor() as cursor:
                    for name in NOTES:
                        cursor.execute(f"DROP TABLE IF EXISTS {name}")
                connection.close()  # it has read them; the next one, and all others, look anew
                self._seen = _schema_version()


def _schema_version() -> Any:
    return read_rows("PRAGMA schema_version", ())
