"""Statements of the hot path, built from the models; rows are written and read without ORM objects.

Columns, their order and their types come from each model's `_meta`: a migration needs no second edit here. Values are
converted as by Django's own backends; UUIDs are 32 hexadecimal digits in both directions.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from django.db import models

from sessions_store.database.cursors import Cursor, is_sqlite

Row = list[Any]
# Rows per statement of an erasure.
CHUNK = 500
_AMONG_JSON = " IN (SELECT value FROM json_each(%s))"
_AMONG_ARRAY = " = ANY(%s)"
_AMONG_UUIDS = " = ANY(%s::uuid[])"


@lru_cache(maxsize=512)
def from_datetime(value: datetime | None) -> Any:
    """Return a time in the form of the database driver. Cached: one exchange writes each of its times in several
    tables.
    """
    return value if value is None or not is_sqlite() else str(value.astimezone(UTC).replace(tzinfo=None))


def to_datetime(value: Any) -> datetime:
    """Return an aware time from the driver's form; SQLite's is UTC without a zone."""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def from_texts(values: Iterable[str]) -> Any:
    """Return texts as the parameter of `within(...)` or `within_ids(...)`."""
    return orjson.dumps(list(values)).decode() if is_sqlite() else list(values)


def within(column: str) -> str:
    """Return the condition that a column is in one list parameter: the same statement text for any number of values."""
    return column + (_AMONG_JSON if is_sqlite() else _AMONG_ARRAY)


def within_ids(column: str) -> str:
    """Return the condition that a UUID column is in one list parameter of hexadecimal digits."""
    return column + (_AMONG_JSON if is_sqlite() else _AMONG_UUIDS)


def an_id() -> str:
    """Return the placeholder of a UUID for a position where PostgreSQL cannot infer the type."""
    return "%s" if is_sqlite() else "%s::uuid"


def octets(column: str) -> str:
    """Return the SQL expression of the size in bytes of a text column."""
    # octet_length exists in SQLite since version 3.43.
    return f"length(CAST({column} AS BLOB))" if is_sqlite() else f"CAST(octet_length({column}) AS bigint)"


class Insert:
    """An `INSERT` of whole rows of one model, for many rows at once.

    `columns`: all columns except an automatic primary key and those in `later`, in the table's order with those in
    `last` at the end. `on_conflict`: the clause after the values, "" if a conflict is an error. `later`: columns that
    only the conflict clause fills.
    """

    def __init__(
        self, model: type[models.Model], on_conflict: str = "", *, later: Collection[str] = (), last: Sequence[str] = ()
    ) -> None:
        fields = [
            field
            for field in model._meta.concrete_fields
            if not isinstance(field, models.AutoField) and field.column not in later
        ]
        fields.sort(key=lambda field: last.index(field.column) if field.column in last else -1)
        self.columns: tuple[str, ...] = tuple(str(field.column) for field in fields)
        self.index = {column: index for index, column in enumerate(self.columns)}
        self._fields = fields
        self._conversions: list[tuple[int, Callable[[Any], Any]]] | None = None
        names = ", ".join(f'"{column}"' for column in self.columns)
        values = ", ".join(["%s"] * len(self.columns))
        into = f'"{model._meta.db_table}" ({names})'
        self._statement = f"INSERT INTO {into} VALUES ({values}) {on_conflict}"  # noqa: S608 - names of our own models

    def run(self, cursor: Cursor, rows: Sequence[Row]) -> None:
        """Insert rows in the order of `columns`; converts their values in place."""
        if not rows:
            return
        if self._conversions is None:
            self._conversions = _conversions(self._fields)
        for index, convert in self._conversions:
            for row in rows:
                row[index] = convert(row[index])
        cursor.executemany(self._statement, rows)


def _conversions(fields: Sequence["models.Field[Any, Any]"]) -> list[tuple[int, Callable[[Any], Any]]]:
    conversions: list[tuple[int, Callable[[Any], Any]]] = []
    for index, field in enumerate(fields):
        target = field.target_field if isinstance(field, models.ForeignKey) else field
        if isinstance(target, models.JSONField):
            conversions.append((index, _json if is_sqlite() else _jsonb))
        elif is_sqlite() and isinstance(target, models.DateTimeField):
            conversions.append((index, from_datetime))
        elif not is_sqlite() and isinstance(target, (models.CharField, models.TextField)):
            conversions.append((index, without_nul))
    return conversions


def _json(value: Any) -> str:
    return orjson.dumps(value).decode() if value else ("[]" if isinstance(value, (list, tuple)) else "{}")


def _jsonb(value: Any) -> str:
    """Return JSON for PostgreSQL: jsonb cannot hold NUL, so NUL becomes U+FFFD, as in all text columns."""
    text = _json(value)
    return text if "\\u0000" not in text else orjson.dumps(_replace_nul(value)).decode()


def _replace_nul(value: Any) -> Any:
    if isinstance(value, str):
        return without_nul(value)
    if isinstance(value, dict):
        return {without_nul(key): _replace_nul(item) for key, item in value.items()}
    return [_replace_nul(item) for item in value] if isinstance(value, (list, tuple)) else value


def without_nul(value: str) -> str:
    """Return a text for PostgreSQL, which cannot hold NUL: NUL becomes U+FFFD."""
    return value.replace("\x00", "\ufffd") if "\x00" in value else value
