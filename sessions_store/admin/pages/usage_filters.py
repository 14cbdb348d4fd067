"""The filters of the usage records: fixed choices and small tables, never `SELECT DISTINCT` on the records.

None has an index of its own: the list applies the filters to a bounded number of rows (see `keyset`).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Max, Min, QuerySet
from django.http import HttpRequest

from sessions_store.admin.pages.autocomplete_filter import AutocompleteFilter
from sessions_store.admin.pages.keyset import TimeRange
from sessions_store.models import ModelMapping, UpstreamModel, UsageDay, UsageRecord

MOST_CHOICES = 60
DEFAULT_PERIOD = "24h"
PERIODS = {
    "1h": ("last hour", timedelta(hours=1)),
    "24h": ("last 24 hours", timedelta(hours=24)),
    "7d": ("last 7 days", timedelta(days=7)),
    "30d": ("last 30 days", timedelta(days=30)),
}
ANY_TIME = "all"
ENDPOINT_NAMES = {
    "chat.completions": "chat completion",
    "completions": "completion",
    "responses": "response",
    "responses.compact": "compaction",
}


class PeriodFilter(admin.SimpleListFilter):
    """The start of the exchange: the last 24 hours by default, or one day (`?period=2026-11-20`, UTC)."""

    title = "time"
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The fixed periods, and the selected day."""
        choices = [(key, label) for key, (label, _) in PERIODS.items()]
        day = _day(request.GET.get(self.parameter_name))
        if day is not None:
            choices.append((f"{day:%Y-%m-%d}", f"{day:%d %B %Y}"))
        return [*choices, (ANY_TIME, "any time")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """All choices without Django's “All”: the default is DEFAULT_PERIOD."""
        chosen = self.value() or DEFAULT_PERIOD
        for key, label in self.lookup_choices:
            yield {
                "selected": chosen == str(key),
                "query_string": changelist.get_query_string({self.parameter_name: key}, remove=["before", "after"]),
                "display": label,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[UsageRecord]) -> QuerySet[UsageRecord]:
        """The list itself applies the period (see UsageList)."""
        return queryset


class ExactFilter(admin.SimpleListFilter):
    """Equality with one of a few known values."""

    column: ClassVar[str]

    def queryset(self, request: HttpRequest, queryset: QuerySet[UsageRecord]) -> QuerySet[UsageRecord]:
        """Filter by the selected value."""
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(**{self.column: chosen})


class StatusFilter(ExactFilter):
    """The outcome of the exchange; “All errors” is every status except ok."""

    title = "status"
    parameter_name = "status"
    column = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All statuses."""
        return [("problem", "All errors"), *UsageRecord.Status.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[UsageRecord]) -> QuerySet[UsageRecord]:
        """Filter by the status."""
        chosen = self.value()
        if chosen is not None and chosen != UsageRecord.Status.OK:
            queryset = queryset.exclude(
                status=UsageRecord.Status.OK
            )  # the condition of the partial index usage_problems
        return queryset if chosen == "problem" else super().queryset(request, queryset)


class UpstreamModelFilter(ExactFilter):
    """The upstream model, from the catalogue."""

    title = "Gemini model"
    parameter_name = "upstream_model"
    column = "upstream_model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The catalogue's names."""
        names = UpstreamModel.objects.order_by("name").values_list("name", flat=True)[:MOST_CHOICES]
        return [(name, name) for name in names]


class PublicModelFilter(ExactFilter):
    """The public model, from the exact names of the mappings."""

    title = "requested model"
    parameter_name = "public_model"
    column = "public_model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The public names that are not patterns."""
        return [(row.public_name, row.public_name) for row in ModelMapping.objects.all() if not row.is_pattern][
            :MOST_CHOICES
        ]


class PrincipalFilter(AutocompleteFilter):
    """The principal of the request."""

    title = "account"
    parameter_name = "principal"
    column = "principal"


class EndpointFilter(ExactFilter):
    """The endpoint."""

    title = "endpoint"
    parameter_name = "endpoint"
    column = "endpoint"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The endpoints with usage records."""
        return list(ENDPOINT_NAMES.items())


class ErrorCodeFilter(ExactFilter):
    """The error code; only the links on error codes select one."""

    title = "error code"
    parameter_name = "error_code"
    column = "error_code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The selected code."""
        chosen = request.GET.get(self.parameter_name, "")
        return [(chosen, chosen)] if chosen else []


class StreamFilter(admin.SimpleListFilter):
    """Streamed or not."""

    title = "streamed"
    parameter_name = "stream"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Yes and no."""
        return [("1", "yes"), ("0", "no")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[UsageRecord]) -> QuerySet[UsageRecord]:
        """Filter by the selected value."""
        return queryset if self.value() is None else queryset.filter(stream=self.value() == "1")


def period(chosen: str | None, now: datetime) -> TimeRange:
    """Return the range of a period, [since, until), None for an open end; DEFAULT_PERIOD for an unknown one."""
    chosen = chosen or DEFAULT_PERIOD
    if chosen == ANY_TIME:
        return None, None
    day = _day(chosen)
    if day is not None:
        return day, day + timedelta(days=1)
    _, length = PERIODS.get(chosen, PERIODS[DEFAULT_PERIOD])
    return now - length, None


def known_days(chosen: Mapping[str, str]) -> TimeRange | None:
    """Return the range from the first to the last day of the selected models and account in the roll-ups; None without
    usage.
    """
    columns = {row.parameter_name: row.column for row in (UpstreamModelFilter, PublicModelFilter, PrincipalFilter)}
    wanted = {column: chosen[name] for name, column in columns.items() if name in chosen}
    if not wanted or not wanted.get(PrincipalFilter.column, "0").isdecimal():
        return None, None
    days = UsageDay.objects.filter(**wanted).aggregate(first=Min("bucket"), last=Max("bucket"))
    return None if days["first"] is None else (days["first"], days["last"] + timedelta(days=1))


def _day(value: str | None) -> datetime | None:
    try:
        return datetime.strptime(value or "", "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
