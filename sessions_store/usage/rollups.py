"""Adds exchanges to the minute, hour and day roll-ups, and rebuilds roll-ups from the usage records."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from operator import add
from typing import Any

from django.db import transaction

from sessions_store.database.cursors import Cursor, hot_cursor
from sessions_store.database.sql import from_datetime
from sessions_store.models import UsageDay, UsageHour, UsageMinute, UsageRecord, UsageRollup
from sessions_store.models.rollup import HISTOGRAM_COLUMNS, KEY_COLUMNS, SUM_COLUMNS
from sessions_store.usage.histogram import bucket_of

LEVELS: tuple[type[UsageRollup], ...] = (UsageMinute, UsageHour, UsageDay)
_OK, _CLIENT, _SERVER = (kind.value for kind in UsageRollup.StatusClass)
# Every other status counts as a server error.
STATUS_CLASS = {
    UsageRecord.Status.OK.value: _OK,
    UsageRecord.Status.BLOCKED.value: _OK,
    UsageRecord.Status.CLIENT_ERROR.value: _CLIENT,
    UsageRecord.Status.RATE_LIMITED.value: _CLIENT,
    UsageRecord.Status.CLIENT_CLOSED.value: _CLIENT,
}
# Columns of a usage record for the roll-ups: first the key's, then the sums'.
RECORD_COLUMNS = (
    "started_at",
    "principal_id",
    "public_model",
    "upstream_model",
    "status",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cost_nano",
    "latency_ms",
)

RollupKey = tuple[datetime, int, str, str, str]
Counts = Sequence[Any]  # the sums, then the histogram's 32 counts
_ERRORS = SUM_COLUMNS.index("errors")
_GIVEN = _ERRORS + 1  # the sums from here on are columns of the record
_HISTOGRAM = len(SUM_COLUMNS)
_EVERY_BUCKET = tuple(range(len(HISTOGRAM_COLUMNS)))


class Totals:
    """Sums and histogram counts by key. An exchange adds to its minute; hours and days are sums of minutes."""

    def __init__(self) -> None:
        self._minutes: dict[RollupKey, list[int]] = {}

    def add(self, record: Counts) -> None:
        """Add one exchange, given as the values of RECORD_COLUMNS."""
        started_at, principal_id, public_model, upstream_model, status, *given = record
        status_class = STATUS_CLASS.get(status, _SERVER)
        minute = started_at.replace(second=0, microsecond=0)
        key = (minute, principal_id, public_model, upstream_model, status_class)
        counts = self._minutes.get(key)
        if counts is None:
            counts = self._minutes[key] = [0] * (_HISTOGRAM + len(HISTOGRAM_COLUMNS))
        counts[0] += 1
        counts[_ERRORS] += status_class != _OK
        for index, count in enumerate(given, _GIVEN):
            counts[index] += count
        counts[_HISTOGRAM + bucket_of(given[-1])] += 1

    def levels(self) -> tuple[Mapping[RollupKey, Counts], ...]:
        """Return the totals by minute, by hour and by day."""
        hours = _coarser(self._minutes, lambda minute: minute.replace(minute=0))
        return self._minutes, hours, _coarser(hours, lambda hour: hour.replace(hour=0))

    def upsert(self, cursor: Cursor) -> None:
        """Add the totals to the tables, sorted by key so that two writers cannot deadlock."""
        written: dict[int, tuple[tuple[int, ...], Counts]] = {}  # several levels may share one list
        for model, level in zip(LEVELS, self.levels(), strict=True):
            for key in sorted(level):
                counts = level[key]
                buckets, values = written.get(id(counts)) or written.setdefault(id(counts), _without_empty(counts))
                cursor.execute(_upsert(model, buckets), [from_datetime(key[0]), *key[1:], *values])


def _without_empty(counts: Counts) -> tuple[tuple[int, ...], Counts]:
    """Return the indexes of the histogram columns (the only bucket with a count, or all) and the values for the
    statement.
    """
    buckets = tuple(bucket for bucket in _EVERY_BUCKET if counts[_HISTOGRAM + bucket])
    if len(buckets) == 1:
        return buckets, [*counts[:_HISTOGRAM], counts[_HISTOGRAM + buckets[0]]]
    return _EVERY_BUCKET, counts


def _coarser(level: Mapping[RollupKey, list[int]], start: Callable[[datetime], datetime]) -> dict[RollupKey, list[int]]:
    """Return the totals of longer periods; `start` maps a time to the start of its longer period."""
    coarser: dict[RollupKey, list[int]] = {}
    for key, counts in level.items():
        longer = (start(key[0]), *key[1:])
        known = coarser.get(longer)
        coarser[longer] = counts if known is None else [*map(add, known, counts)]
    return coarser


@cache
def _upsert(model: type[UsageRollup], buckets: tuple[int, ...]) -> str:
    """Return the statement that adds one row's sums and the counts of one bucket or of all buckets.

    Other sets of buckets use the statement for all: each text would be prepared anew, at ten times the cost of its run.
    """
    table = f'"{model._meta.db_table}"'
    counted = (*SUM_COLUMNS, *(HISTOGRAM_COLUMNS[bucket] for bucket in buckets))
    columns = (*KEY_COLUMNS, *counted)
    added = ", ".join(f"{column} = {table}.{column} + excluded.{column}" for column in counted)
    values = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608 - names of our own models
    return f"{statement} ON CONFLICT ({', '.join(KEY_COLUMNS)}) DO UPDATE SET {added}"


def recorded_totals(start: datetime, end: datetime) -> Totals:
    """Return the totals of the usage records that started in [start, end), read in chunks."""
    totals = Totals()
    records = UsageRecord.objects.filter(started_at__gte=start, started_at__lt=end).order_by()
    for record in records.values_list(*RECORD_COLUMNS).iterator(chunk_size=2000):
        totals.add(record)
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
