"""Cursors of the database drivers for the hot path, inside Django's transactions but without its wrappers.

Django translates placeholders and wraps errors at each statement; here both happen once. On PostgreSQL, statements are
prepared, and statements without result rows share one pipeline. Statements are written with `%s`.
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
ReadRows = Callable[[str, Parameters], list[tuple[Any, ...]]]  # (statement, parameters) -> all rows


class Cursor(Protocol):
    """The cursor methods that the writer uses."""

    def execute(self, statement: str, parameters: Parameters) -> None:
        """Run one statement and drop its result rows."""

    def executemany(self, statement: str, rows: Sequence[Parameters]) -> None:
        """Run one statement for each row of parameters."""

    def rows(self, statement: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows."""


class SqliteCursor:
    """A cursor of sqlite3."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def execute(self, statement: str, parameters: Parameters) -> None:
        """Run one statement and drop its result rows."""
        self._raw.execute(question_marks(statement), parameters)

    def executemany(self, statement: str, rows: Sequence[Parameters]) -> None:
        """Run one statement for each row of parameters."""
        self._raw.executemany(question_marks(statement), rows)

    def rows(self, statement: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows."""
        found: list[tuple[Any, ...]] = self._raw.execute(question_marks(statement), parameters).fetchall()
        return found


class HexLoader(Loader):
    """Loads a UUID as 32 hexadecimal digits, the form in SQLite."""

    def load(self, data: Any) -> str:
        """Return the 32 digits of a UUID in PostgreSQL's text form."""
        return bytes(data).replace(b"-", b"").decode()


class PostgresCursor:
    """psycopg's cursors with prepared statements: one for all statements without rows, a new one for each with rows.

    In a pipeline, a cursor takes the first result that arrives as the result of its latest statement. Results of
    earlier statements arrive late when they overflow the server's buffer of 8 KiB: a reused cursor would return the
    rows of another statement.
    """

    def __init__(self, raw: "psycopg.Connection[Any]") -> None:
        self._connection = raw
        self._raw = _psycopg_cursor(raw)

    def execute(self, statement: str, parameters: Parameters) -> None:
        """Run one statement and drop its result rows."""
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
    # All integers as bigint: psycopg chooses the type by size otherwise, and each mix of types is prepared separately.
    cursor.adapters.register_dumper(int, Int8Dumper)
    cursor.adapters.register_loader("uuid", HexLoader)
    return cursor


@cache
def is_sqlite() -> bool:
    """Whether the database is SQLite (else PostgreSQL)."""
    return connection.vendor == "sqlite"


def database_file() -> Path | None:
    """Return the file of an SQLite database; None for a database in memory or on PostgreSQL."""
    database: Any = connection
    if not is_sqlite() or database.is_in_memory_db():
        return None
    return Path(database.settings_dict["NAME"]).absolute()


@contextmanager
def hot_cursor(*, pipeline: bool = False) -> Iterator[Cursor]:
    """Yield a cursor on this thread's connection; raises Django's classes of database errors.

    With `pipeline`, only `rows` and the end of the block wait for PostgreSQL.
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
    """Yield a cursor in a transaction of its own: committed at the end of the block, rolled back on an exception.

    On SQLite the transaction bypasses Django's bookkeeping for savepoints and callbacks, which costs as much as a dozen
    statements: the block must use this cursor only.
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
    """Close this thread's connection after the current transaction; the next statement opens a new connection.

    SQLite caches pages of up to 16 MB, and each prepared statement holds the values of its last run: a message with an
    image stays in memory until the next message is written. libpq keeps a buffer of the size of its largest statement.
    """
    transaction.on_commit(connection.close)


@cache
def question_marks(statement: str) -> str:
    """Return a statement with SQLite's placeholders."""
    return statement.replace("%s", "?")
