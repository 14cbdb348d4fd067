"""Statements for the hot path, built from the models: no ORM object is made for a row that is written or read there.

Columns, their order and their types come from each model's `_meta`, so a migration needs no second edit here. Values
are converted as Django's own backends store them; UUIDs are hexadecimal digits in both directions.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from django.db import models

from sessions_store.database.cursors import Cursor, is_sqlite

Row = list[Any]
# How many rows one statement of an erasure takes.
CHUNK = 500
_AMONG_JSON = " IN (SELECT value FROM json_each(%s))"
_AMONG_ARRAY = " = ANY(%s)"
_AMONG_UUIDS = " = ANY(%s::uuid[])"


@lru_cache(maxsize=512)
def from_datetime(value: datetime | None) -> Any:
    """Return a point in time as the database's driver takes it; one exchange writes its own in several places."""
    return value if value is None or not is_sqlite() else str(value.astimezone(UTC).replace(tzinfo=None))


def to_datetime(value: Any) -> datetime:
    """Return a point in time as the database's driver gave it: SQLite's are UTC without saying so."""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def from_texts(values: Iterable[str]) -> Any:
    """Return texts as the parameter of `within(...)` or `within_ids(...)`."""
    return orjson.dumps(list(values)).decode() if is_sqlite() else list(values)


def within(column: str) -> str:
    """Return the condition that a column is among one list parameter: one statement text for any number of values."""
    return column + (_AMONG_JSON if is_sqlite() else _AMONG_ARRAY)


def within_ids(column: str) -> str:
    """Return the condition that a column of UUIDs is among one list parameter of their hexadecimal digits."""
    return column + (_AMONG_JSON if is_sqlite() else _AMONG_UUIDS)


def an_id() -> str:
    """Return the placeholder of a UUID where no column beside it tells PostgreSQL what it is."""
    return "%s" if is_sqlite() else "%s::uuid"


def octets(column: str) -> str:
    """Return the expression of how many bytes a column's text has."""
    # SQLite has octet_length from version 3.43 on.
    return f"length(CAST({column} AS BLOB))" if is_sqlite() else f"CAST(octet_length({column}) AS bigint)"


class Insert:
    """An `INSERT` of whole rows of one model, for many rows at once.

    `columns` are all columns but an automatic primary key and those in `later`, in the table's order but for those in
    `last`. `on_conflict` is the clause after the values ("" if a conflict is an error); `later` are columns that only
    it fills.
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
        """Insert the rows, given in the order of `columns`; they are converted in place."""
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
    """JSON for PostgreSQL, whose jsonb cannot hold NUL: it becomes U+FFFD, as everywhere else in text."""
    text = _json(value)
    return text if "\\u0000" not in text else orjson.dumps(_replace_nul(value)).decode()


def _replace_nul(value: Any) -> Any:
    if isinstance(value, str):
        return without_nul(value)
    if isinstance(value, dict):
        return {without_nul(key): _replace_nul(item) for key, item in value.items()}
    return [_replace_nul(item) for item in value] if isinstance(value, (list, tuple)) else value


def without_nul(value: str) -> str:
    """Return a text as PostgreSQL can hold it: NUL becomes U+FFFD."""
    return value.replace("\x00", "\ufffd") if "\x00" in value else value
