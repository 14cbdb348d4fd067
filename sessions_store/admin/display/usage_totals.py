"""Sums and percentiles from the roll-ups, without a query on usage records."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet, Sum

from sessions_store.models import UsageHour
from sessions_store.models.rollup import HISTOGRAM_COLUMNS, RECORD_SUMS
from sessions_store.usage.histogram import percentile

SUMS = {f"sum_{column}": Sum(column) for column in (*RECORD_SUMS, *HISTOGRAM_COLUMNS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageTotals:
    """The totals of a period. A latency is the upper bound of its histogram bucket, in ms."""

    requests: int = 0
    errors: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nano: int = 0
    p50: int | None = None
    p95: int | None = None

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One bar of the hourly chart."""

    begins: datetime
    requests: int
    errors: int


def totals(rollups: "QuerySet[Any]") -> UsageTotals:
    """Return the totals of all rows of a roll-up's queryset: one query."""
    return _totals(rollups.aggregate(**SUMS))


def totals_by(rollups: "QuerySet[Any]", *columns: str) -> Iterator[tuple[tuple[Any, ...], UsageTotals]]:
    """Yield the totals of each combination of `columns`, in their order: one query."""
    for row in rollups.order_by(*columns).values(*columns).annotate(**SUMS):
        yield tuple(row[column] for column in columns), _totals(row)


def largest(groups: Iterable[tuple[tuple[Any, ...], UsageTotals]], *, most: int) -> list[tuple[Any, UsageTotals]]:
    """Return the `most` groups with the highest cost, then requests, by the first column of their key."""
    ranked = sorted(groups, key=lambda group: (group[1].cost_nano, group[1].requests), reverse=True)
    return [(key[0], total) for key, total in ranked[:most]]


def hours_until(now: datetime, *, hours: int = 24) -> list[Hour]:
    """Return the last `hours` hours up to the current one, empty hours included: one query."""
    last = now.replace(minute=0, second=0, microsecond=0)
    first = last - timedelta(hours=hours - 1)
    rows = (
        UsageHour.objects.filter(bucket__gte=first)
        .order_by("bucket")
        .values("bucket")
        .annotate(all=Sum("requests"), failed=Sum("errors"))
    )
    known = {row["bucket"]: (row["all"], row["failed"]) for row in rows}
    begins = [first + timedelta(hours=number) for number in range(hours)]
    return [
        Hour(begins=begin, requests=requests, errors=errors)
        for begin in begins
        for requests, errors in (known.get(begin, (0, 0)),)
    ]


def _totals(row: Mapping[str, Any]) -> UsageTotals:
    sums = {column: row[f"sum_{column}"] or 0 for column in RECORD_SUMS if column != "latency_sum_ms"}
    histogram = [row[f"sum_{column}"] or 0 for column in HISTOGRAM_COLUMNS]
    return UsageTotals(**sums, p50=percentile(histogram, 0.5), p95=percentile(histogram, 0.95))
