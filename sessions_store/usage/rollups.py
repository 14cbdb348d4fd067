"""Adds exchanges to the minute, hour and day roll-ups, and rebuilds roll-ups from the usage records."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from operator import add
from typing import Any

from django.db import transaction

from sessions_store.catalogue.rows import prices_by_id
from sessions_store.database.cursors import Cursor, hot_cursor
from sessions_store.database.sql import from_datetime
from sessions_store.models import Project, UsageDay, UsageHour, UsageMinute, UsageRecord, UsageRollup
from sessions_store.models.access.project import DEFAULT_PROJECT
from sessions_store.models.rollup import (
    COST_SUMS,
    HISTOGRAM_COLUMNS,
    KEY_COLUMNS,
    RARE_SUMS,
    RECORD_SUMS,
    SUM_COLUMNS,
)
from sessions_store.usage.charges import Recorded, recorded_sums
from sessions_store.usage.histogram import bucket_of

LEVELS: tuple[type[UsageRollup], ...] = (UsageMinute, UsageHour, UsageDay)
COMPLETIONS = "completions"
_OK, _CLIENT, _SERVER = (kind.value for kind in UsageRollup.StatusClass)
# Every other status counts as a server error.
STATUS_CLASS = {
    UsageRecord.Status.OK.value: _OK,
    UsageRecord.Status.BLOCKED.value: _OK,
    UsageRecord.Status.CLIENT_ERROR.value: _CLIENT,
    UsageRecord.Status.RATE_LIMITED.value: _CLIENT,
    UsageRecord.Status.CLIENT_CLOSED.value: _CLIENT,
}
# OpenAI's families of usage; any other endpoint is a family of its own.
FAMILIES = {"chat.completions": COMPLETIONS, "completions": COMPLETIONS, "responses": COMPLETIONS}
# Columns of a usage record for the roll-ups: first the key's, then the sums'.
RECORD_COLUMNS = (
    "started_at",
    "project_id",
    "key_id",
    "principal_id",
    "public_model",
    "upstream_model",
    "service_tier",
    "endpoint",
    "status",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cost_nano",
    "latency_ms",
)

# The values of KEY_COLUMNS; 0 is the key of requests without a key.
RollupKey = tuple[datetime, int, int, int, str, str, str, str, str]
Counts = Sequence[Any]  # the sums, then the histogram's 32 counts
_ERRORS = RECORD_SUMS.index("errors")
_GIVEN = _ERRORS + 1  # the sums from here on are columns of the record
_DERIVED = len(RECORD_SUMS)
_RARE = _DERIVED + len(COST_SUMS)
_HISTOGRAM = len(SUM_COLUMNS)
_EVERY_BUCKET = tuple(range(len(HISTOGRAM_COLUMNS)))
# Windows of histogram columns, the one with usual latencies (35 ms to 28 s) first.
_WINDOW = 16
_WINDOW_STARTS = (8, 0, 16)
_RECORD, _COST = len(RECORD_COLUMNS), RECORD_COLUMNS.index("cost_nano")
_NO_RARE_SUMS = [0] * len(RARE_SUMS)


class Totals:
    """Sums and histogram counts by key. An exchange adds to its minute; hours and days are sums of minutes.

    `default_project` is the project of records without one.
    """

    def __init__(self, default_project: int) -> None:
        self._minutes: dict[RollupKey, list[int]] = {}
        self._default_project = default_project

    def add(self, record: Counts, derived: Sequence[int]) -> None:
        """Add one exchange, given as the values of RECORD_COLUMNS and its COST_SUMS and RARE_SUMS."""
        started_at, project_id, key_id, principal_id, public_model, upstream_model, tier, endpoint, status, *given = (
            record
        )
        status_class = STATUS_CLASS.get(status, _SERVER)
        minute = started_at.replace(second=0, microsecond=0)
        project_id = project_id or self._default_project
        family = FAMILIES.get(endpoint, endpoint)
        models = (public_model, upstream_model)
        key: Any = (minute, project_id, key_id or 0, principal_id, *models, tier, family, status_class)
        counts = self._minutes.get(key)
        if counts is None:
            counts = self._minutes[key] = [0] * (_HISTOGRAM + len(HISTOGRAM_COLUMNS))
        counts[0] += 1
        counts[_ERRORS] += status_class != _OK
        for index, count in enumerate((*given, *derived), _GIVEN):
            if count:
                counts[index] += count
        counts[_HISTOGRAM + bucket_of(given[-1])] += 1

    def levels(self) -> tuple[Mapping[RollupKey, Counts], ...]:
        """Return the totals by minute, by hour and by day."""
        hours = _coarser(self._minutes, lambda minute: minute.replace(minute=0))
        return self._minutes, hours, _coarser(hours, lambda hour: hour.replace(hour=0))

    def upsert(self, cursor: Cursor) -> None:
        """Add the totals to the tables, sorted by key so that two writers cannot deadlock."""
        written: Written = {}
        for model, level in zip(LEVELS, self.levels(), strict=True):
            add_level(cursor, model, level, written)


Part = tuple[tuple[str, ...], Counts]  # columns and their values
Written = dict[int, list[Part]]


def add_level(
    cursor: Cursor, model: type[UsageRollup], level: Mapping[RollupKey, Counts], written: Written | None = None
) -> None:
    """Add the totals of one level to its table. `written` has the parts by counts: several levels may share a list."""
    written = {} if written is None else written
    for key in sorted(level):
        counts = level[key]
        for columns, values in written.get(id(counts)) or written.setdefault(id(counts), _parts(counts)):
            cursor.execute(_upsert(model, columns), [from_datetime(key[0]), *key[1:], *values])


def _parts(counts: Counts) -> list[Part]:
    """Return the columns and the values of a row's statements: one, or two for latencies far apart.

    Rare sums that are all zero are omitted. Of the histogram, the only column with a count is written, or a window of
    columns: few texts serve all rows, because a driver prepares each text anew at ten times the cost of its run, and
    psycopg takes a text with more than 50 parameters apart at each run (180 instead of 270 us per record).
    """
    rare = counts[_RARE:_HISTOGRAM] != _NO_RARE_SUMS
    sums = _HISTOGRAM if rare else _RARE
    buckets = [bucket for bucket in _EVERY_BUCKET if counts[_HISTOGRAM + bucket]] or [0]
    first, last = buckets[0], buckets[-1]
    if first == last and not rare:
        return [_part(counts, sums, first, first + 1)]
    for start in _WINDOW_STARTS:
        if start <= first and last < start + _WINDOW:
            return [_part(counts, sums, start, start + _WINDOW)]
    return [_part(counts, sums, 0, _WINDOW), _part(counts, 0, _WINDOW, len(HISTOGRAM_COLUMNS))]


def _part(counts: Counts, sums: int, start: int, end: int) -> Part:
    """Return the first `sums` columns and the histogram's columns from `start` to `end`, with their values."""
    return _columns(sums, start, end), [*counts[:sums], *counts[_HISTOGRAM + start : _HISTOGRAM + end]]


@cache
def _columns(sums: int, start: int, end: int) -> tuple[str, ...]:
    return (*SUM_COLUMNS[:sums], *HISTOGRAM_COLUMNS[start:end])


def _coarser(level: Mapping[RollupKey, list[int]], start: Callable[[datetime], datetime]) -> dict[RollupKey, list[int]]:
    """Return the totals of longer periods; `start` maps a time to the start of its longer period."""
    coarser: dict[RollupKey, list[int]] = {}
    for key, counts in level.items():
        longer = (start(key[0]), *key[1:])
        known = coarser.get(longer)
        coarser[longer] = counts if known is None else [*map(add, known, counts)]
    return coarser


@cache
def _upsert(model: type[UsageRollup], counted: tuple[str, ...]) -> str:
    """Return the statement that adds the columns `counted` of one row."""
    table = f'"{model._meta.db_table}"'
    columns = (*KEY_COLUMNS, *counted)
    added = ", ".join(f"{column} = known.{column} + excluded.{column}" for column in counted)
    values = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {table} AS known ({', '.join(columns)}) VALUES ({values})"  # noqa: S608 - names of our own models
    return f"{statement} ON CONFLICT ({', '.join(KEY_COLUMNS)}) DO UPDATE SET {added}"


def recorded_totals(start: datetime, end: datetime) -> Totals:
    """Return the totals of the usage records that started in [start, end), read in chunks."""
    totals = Totals(Project.objects.values_list("pk", flat=True).get(public_id=DEFAULT_PROJECT))
    prices = prices_by_id()
    records = UsageRecord.objects.filter(started_at__gte=start, started_at__lt=end).order_by()
    columns = (*RECORD_COLUMNS, *Recorded._fields, "prices")
    for row in records.values_list(*columns).iterator(chunk_size=2000):
        record, recorded, used = row[:_RECORD], Recorded._make(row[_RECORD:-1]), row[-1]
        price = prices.get(used[0]) if used else None
        totals.add(record, recorded_sums(recorded, record[_COST], price))
    return totals


def differences(start: datetime, end: datetime) -> Iterator[tuple[str, RollupKey]]:
    """Yield (table, key) of each roll-up in [start, end), whole days, that is not the sum of its usage records."""
    expected = recorded_totals(start, end)
    for model, level in zip(LEVELS, expected.levels(), strict=True):
        stored = dict(_stored(model, start, end))
        for key in sorted(level.keys() | stored.keys()):
            if stored.get(key) != level.get(key):
                yield model._meta.db_table, key


def rebuild(start: datetime, end: datetime) -> None:
    """Rebuild the roll-ups of [start, end), whole days, from the usage records, in one transaction."""
    with transaction.atomic():
        totals = recorded_totals(start, end)
        for model in LEVELS:
            model._default_manager.filter(bucket__gte=start, bucket__lt=end).delete()
        with hot_cursor() as cursor:
            totals.upsert(cursor)


def _stored(model: type[UsageRollup], start: datetime, end: datetime) -> Iterable[tuple[RollupKey, list[int]]]:
    rows = model._default_manager.filter(bucket__gte=start, bucket__lt=end).order_by()
    columns = (*KEY_COLUMNS, *SUM_COLUMNS, *HISTOGRAM_COLUMNS)
    for row in rows.values_list(*columns).iterator(chunk_size=2000):
        yield row[: len(KEY_COLUMNS)], [*row[len(KEY_COLUMNS) :]]
