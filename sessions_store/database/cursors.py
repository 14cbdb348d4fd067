"""Cursors of the database drivers themselves, for the hot path: inside Django's transactions, without its wrappers.

Django translates placeholders and wraps errors at each statement; here both happen once. PostgreSQL gets prepared
statements, and statements that need no answer travel together in one pipeline. Statements are written with `%s`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from psycopg.adapt import Loader
from psycopg.types.numeric import Int8Dumper

Parameters = Sequence[Any]
ReadRows = Callable[[str, Parameters], list[tuple[Any, ...]]]  # runs one query and returns all its rows


class Cursor(Protocol):
    """What the writer needs of a cursor."""

    def execute(self, statement: str, parameters: Parameters) -> None:
        """Run one statement; rows that it returns are dropped."""

    def executemany(self, statement: str, rows: Sequence[Parameters]) -> None:
        """Run one statement for each row of parameters."""

    def rows(self, statement: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows."""


class SqliteCursor:
    """sqlite3's own cursor."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def execute(self, statement: str, parameters: Parameters) -> None:
        """Run one statement; rows that it returns are dropped."""
        self._raw.execute(question_marks(statement), parameters)

    def executemany(self, statement: str, rows: Sequence[Parameters]) -> None:
        """Run one statement for each row of parameters."""
        self._raw.executemany(question_marks(statement), rows)

    def rows(self, statement: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows."""
        found: list[tuple[Any, ...]] = self._raw.execute(question_marks(statement), parameters).fetchall()
        return found


class HexLoader(Loader):
    """Loads a UUID as its hexadecimal digits, which is how SQLite holds it."""

    def load(self, data: Any) -> str:
        """Return the 32 digits of a UUID in PostgreSQL's text form."""
        return bytes(data).replace(b"-", b"").decode()


class PostgresCursor:
    """psycopg's cursors with prepared statements: one for all statements without rows, a new one for each with rows.

    In a pipeline a cursor takes whatever result comes first as that of its latest statement. The results of earlier
    statements arrive late when they overflow the server's buffer of 8 KiB, so that a cursor used twice returns the
    rows of another statement.
    """

    def __init__(self, raw: "psycopg.Connection[Any]") -> None:
        self._connection = raw
        self._raw = _psycopg_cursor(raw)

    def execute(self, statement: str, parameters: Parameters) -> None:
        """Run one statement; rows that it returns are dropped."""
        self._raw.execute(statement.encode(), parameters, prepare=True)

    def executemany(self, statement: str, rows: Sequence[Parameters]) -> None:
        """Run one statement for each row of parameters."""
        for row in rows:
            self._raw.execute(statement.encode(), row, prepare=True)

    def rows(self, statement: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows."""
        own = _psycopg_cursor(self._connection)
        return own.execute(statement.encode(), parameters, prepare=True).fetchall()


def _psycopg_cursor(raw: "psycopg.Connection[Any]") -> "psycopg.Cursor[tuple[Any, ...]]":
    cursor = psycopg.Cursor(raw)
    # All integers as bigint: psycopg else chooses by size, and every mix of sizes would be prepared anew.
    cursor.adapters.register_dumper(int, Int8Dumper)
    cursor.adapters.register_loader("uuid", HexLoader)
    return cursor


@cache
def is_sqlite() -> bool:
    """Whether this process works on SQLite (the alternative is PostgreSQL)."""
    return connection.vendor == "sqlite"


def database_file() -> Path | None:
    """Return the file of an SQLite database; None for one in memory, and on PostgreSQL."""
    database: Any = connection
    if not is_sqlite() or database.is_in_memory_db():
        return None
    return Path(database.settings_dict["NAME"]).absolute()


@contextmanager
def hot_cursor(*, pipeline: bool = False) -> Iterator[Cursor]:
    """Yield a cursor on this thread's connection; the driver's errors leave as Django's.

    With `pipeline` nothing waits for PostgreSQL but `rows` and the end of the block.
    """
    connection.ensure_connection()
    raw: Any = connection.connection
    with connection.wrap_database_errors:
        if is_sqlite():
            yield SqliteCursor(raw.cursor())
        elif pipeline:
            with raw.pipeline():
                yield PostgresCursor(raw)
        else:
            yield PostgresCursor(raw)


@contextmanager
def hot_transaction() -> Iterator[Cursor]:
    """Yield a cursor in a transaction of its own, committed at the end of the block and rolled back when that raises.

    On SQLite this is without Django's bookkeeping for savepoints and callbacks, which takes as long as a dozen
    statements: only the cursor may be used in the block.
    """
    own = connections[DEFAULT_DB_ALIAS]
    if not is_sqlite() or own.in_atomic_block:
        with transaction.atomic(durable=True), hot_cursor(pipeline=True) as cursor:
            yield cursor
        return
    own.ensure_connection()
    raw = own.connection
    with own.wrap_database_errors:
        raw.execute("BEGIN IMMEDIATE")
        try:
            yield SqliteCursor(raw.cursor())
            raw.execute("COMMIT")
        except BaseException:
            raw.rollback()
            raise


def read_rows(statement: str, parameters: Parameters) -> list[tuple[Any, ...]]:
    """Run one query on this thread's connection and return all its rows."""
    if is_sqlite():
        own = connections[DEFAULT_DB_ALIAS]
        own.ensure_connection()
        with own.wrap_database_errors:
            found: list[tuple[Any, ...]] = own.connection.execute(question_marks(statement), parameters).fetchall()
            return found
    with hot_cursor() as cursor:
        return cursor.rows(statement, parameters)


def release_memory() -> None:
    """Close this thread's connection behind the present transaction; the next statement opens it anew.

    SQLite keeps pages of up to 16 MB, and each prepared statement the values that it was last run with: a message with
    a picture stays until the next message is written. libpq keeps a buffer as large as the largest statement.
    """
    transaction.on_commit(connection.close)


@cache
def question_marks(statement: str) -> str:
    """Return a statement with SQLite's placeholders."""
    return statement.replace("%s", "?")
