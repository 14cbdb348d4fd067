"""Adding exchanges to the minute, hour and day roll-ups, and computing them again from the records."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import transaction

from sessions_store.cursors import Cursor, hot_cursor
from sessions_store.histogram import bucket_of
from sessions_store.models import UsageDay, UsageHour, UsageMinute, UsageRecord, UsageRollup
from sessions_store.models.rollup import HISTOGRAM_COLUMNS, KEY_COLUMNS, SUM_COLUMNS
from sessions_store.sql import from_datetime

LEVELS: tuple[type[UsageRollup], ...] = (UsageMinute, UsageHour, UsageDay)
STATUS_CLASS = {
    "ok": "ok",
    "blocked": "ok",
    "client_error": "client",
    "rate_limited": "client",
    "client_closed": "client",
}
# What the roll-ups need of a record: the key's columns, then the sums'.
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

Key = tuple[datetime, int, str, str, str]
Counts = tuple[Any, ...]


class Totals:
    """Sums and histogram counts by key, for the three levels at once."""

    def __init__(self) -> None:
        self.levels: tuple[dict[Key, tuple[list[int], dict[int, int]]], ...] = ({}, {}, {})

    def add(self, record: Counts) -> None:
        """Add one exchange, given as the values of RECORD_COLUMNS."""
        started_at, principal_id, public_model, upstream_model, status, *counts = record
        status_class = STATUS_CLASS.get(status, "server")
        sums = [1, int(status_class != "ok"), *counts]
        bucket = bucket_of(counts[-1])
        minute = started_at.replace(second=0, microsecond=0)
        hour = minute.replace(minute=0)
        for level, start in zip(self.levels, (minute, hour, hour.replace(hour=0)), strict=True):
            key = (start, principal_id, public_model, upstream_model, status_class)
            if (entry := level.get(key)) is None:
                level[key] = (sums.copy(), {bucket: 1})
                continue
            totals, histogram = entry
            for index, count in enumerate(sums):
                totals[index] += count
            histogram[bucket] = histogram.get(bucket, 0) + 1

    def upsert(self, cursor: Cursor) -> None:
        """Add the totals to the tables; in one order everywhere, so that two writers never wait for each other."""
        for model, level in zip(LEVELS, self.levels, strict=True):
            for key in sorted(level):
                totals, histogram = level[key]
                buckets = tuple(sorted(histogram))
                counts = [histogram[bucket] for bucket in buckets]
                cursor.execute(_upsert(model, buckets), [from_datetime(key[0]), *key[1:], *totals, *counts])


@lru_cache(maxsize=1024)
def _upsert(model: type[UsageRollup], buckets: tuple[int, ...]) -> str:
    """The statement that adds one row's sums and only the histogram columns it touches (the others default to 0)."""
    table = f'"{model._meta.db_table}"'
    counted = (*SUM_COLUMNS, *(HISTOGRAM_COLUMNS[bucket] for bucket in buckets))
    columns = (*KEY_COLUMNS, *counted)
    added = ", ".join(f"{column} = {table}.{column} + excluded.{column}" for column in counted)
    values = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608 - names of our own models
    return f"{statement} ON CONFLICT ({', '.join(KEY_COLUMNS)}) DO UPDATE SET {added}"


def recorded_totals(start: datetime, end: datetime) -> Totals:
    """Return the totals of the records that began in [start, end), read in chunks."""
    totals = Totals()
    records = UsageRecord.objects.filter(started_at__gte=start, started_at__lt=end).order_by()
    for record in records.values_list(*RECORD_COLUMNS).iterator(chunk_size=2000):
        totals.add(record)
    return totals


def differences(start: datetime, end: datetime) -> Iterator[tuple[str, Key]]:
    """Yield (table, key) of each roll-up in [start, end), whole days, that is not the sum of its records."""
    expected = recorded_totals(start, end)
    for model, level in zip(LEVELS, expected.levels, strict=True):
        stored = dict(_stored(model, start, end))
        for key in sorted(level.keys() | stored.keys()):
            if stored.get(key) != _flat(level.get(key)):
                yield model._meta.db_table, key


def rebuild(start: datetime, end: datetime) -> None:
    """Compute the roll-ups of [start, end), whole days, again from the records, in one transaction."""
    with transaction.atomic():
        totals = recorded_totals(start, end)
        for model in LEVELS:
            model._default_manager.filter(bucket__gte=start, bucket__lt=end).delete()
        with hot_cursor() as cursor:
            totals.upsert(cursor)


def _stored(model: type[UsageRollup], start: datetime, end: datetime) -> Iterable[tuple[Key, Counts]]:
    rows = model._default_manager.filter(bucket__gte=start, bucket__lt=end).order_by()
    columns = (*KEY_COLUMNS, *SUM_COLUMNS, *HISTOGRAM_COLUMNS)
    for row in rows.values_list(*columns).iterator(chunk_size=2000):
        yield row[: len(KEY_COLUMNS)], row[len(KEY_COLUMNS) :]


def _flat(entry: tuple[list[int], dict[int, int]] | None) -> Counts | None:
    if entry is None:
        return None
    totals, histogram = entry
    return (*totals, *(histogram.get(bucket, 0) for bucket in range(len(HISTOGRAM_COLUMNS))))
