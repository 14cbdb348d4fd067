"""The filters of the usage records: fixed choices and small tables only, never `SELECT DISTINCT` on the records."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Max, Min, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from sessions_store.models import ModelMapping, UpstreamModel, UsageDay, UsageRecord, User

MOST_CHOICES = 60
DEFAULT_PERIOD = "24h"
PERIODS = {
    "1h": ("last hour", timedelta(hours=1)),
    "24h": ("last 24 hours", timedelta(hours=24)),
    "7d": ("last 7 days", timedelta(days=7)),
    "30d": ("last 30 days", timedelta(days=30)),
}
ANY_TIME = "all"


class PeriodFilter(admin.SimpleListFilter):
    """When the exchange began: the last 24 hours unless told otherwise, or one day (`?period=2026-11-20`, UTC)."""

    title = "time"
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The fixed periods, and the day that is being looked at."""
        choices = [(key, label) for key, (label, _) in PERIODS.items()]
        day = _day(request.GET.get(self.parameter_name))
        if day is not None:
            choices.append((f"{day:%Y-%m-%d}", f"{day:%d %B %Y}"))
        return [*choices, (ANY_TIME, "any time")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Offer no “All”: it would be the slow one, and the default is another."""
        chosen = self.value() or DEFAULT_PERIOD
        for key, label in self.lookup_choices:
            yield {
                "selected": chosen == str(key),
                "query_string": changelist.get_query_string({self.parameter_name: key}, remove=["before", "after"]),
                "display": label,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[UsageRecord]) -> QuerySet[UsageRecord]:
        """Keep the records of the period; an unknown period is the default one."""
        chosen = self.value() or DEFAULT_PERIOD
        if chosen == ANY_TIME:
            return queryset
        day = _day(chosen)
        if day is not None:
            return queryset.filter(started_at__gte=day, started_at__lt=day + timedelta(days=1))
        _, length = PERIODS.get(chosen, PERIODS[DEFAULT_PERIOD])
        return queryset.filter(started_at__gte=timezone.now() - length)


class ExactFilter(admin.SimpleListFilter):
    """Equality with one of a few known values."""

    column: ClassVar[str]

    def queryset(self, request: HttpRequest, queryset: QuerySet[UsageRecord]) -> QuerySet[UsageRecord]:
        """Keep the records with that value."""
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(**{self.column: chosen})


class StatusFilter(ExactFilter):
    """How the exchange ended; “any problem” is everything but ok."""

    title = "status"
    parameter_name = "status"
    column = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every status there is."""
        return [("problem", "All errors"), *UsageRecord.Status.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[UsageRecord]) -> QuerySet[UsageRecord]:
        """Keep the records of the status."""
        chosen = self.value()
        if chosen is not None and chosen != UsageRecord.Status.OK:
            queryset = queryset.exclude(status=UsageRecord.Status.OK)  # as the index of the problems says it
        return queryset if chosen == "problem" else super().queryset(request, queryset)


class UpstreamModelFilter(ExactFilter):
    """Which Gemini model was asked: one of the catalogue's."""

    title = "Gemini model"
    parameter_name = "upstream_model"
    column = "upstream_model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The catalogue's names."""
        names = UpstreamModel.objects.order_by("name").values_list("name", flat=True)[:MOST_CHOICES]
        return [(name, name) for name in names]


class PublicModelFilter(ExactFilter):
    """What the client asked for: one of the exact names among the mappings."""

    title = "requested model"
    parameter_name = "public_model"
    column = "public_model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The mapped names that are not patterns."""
        return [(row.public_name, row.public_name) for row in ModelMapping.objects.all() if not row.is_pattern][
            :MOST_CHOICES
        ]


class PrincipalFilter(ExactFilter):
    """Whose request it was."""

    title = "account"
    parameter_name = "principal"
    column = "principal_id"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The users of this gateway."""
        return [(str(pk), name) for pk, name in User.objects.order_by("username").values_list("pk", "username")][
            :MOST_CHOICES
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[UsageRecord]) -> QuerySet[UsageRecord]:
        """Keep the records of that user; what is no id finds nothing."""
        chosen = self.value()
        if chosen is not None and not chosen.isdecimal():
            return queryset.none()
        return super().queryset(request, queryset)


class StreamFilter(admin.SimpleListFilter):
    """Streamed or not."""

    title = "streamed"
    parameter_name = "stream"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Yes and no."""
        return [("1", "yes"), ("0", "no")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[UsageRecord]) -> QuerySet[UsageRecord]:
        """Keep the streamed or the plain ones."""
        return queryset if self.value() is None else queryset.filter(stream=self.value() == "1")


def within_known_days(rows: QuerySet[UsageRecord], chosen: Mapping[str, str]) -> QuerySet[UsageRecord]:
    """Return the rows between the first and the last day that have any for the chosen models and owner.

    Without it, what is rare or absent would be looked for in every record there is.
    """
    columns = {row.parameter_name: row.column for row in (UpstreamModelFilter, PublicModelFilter, PrincipalFilter)}
    wanted = {column: chosen[name] for name, column in columns.items() if name in chosen}
    if not wanted or not wanted.get("principal_id", "0").isdecimal():
        return rows
    days = UsageDay.objects.filter(**wanted).aggregate(first=Min("bucket"), last=Max("bucket"))
    if days["first"] is None:
        return rows.none()
    return rows.filter(started_at__gte=days["first"], started_at__lt=days["last"] + timedelta(days=1))


def _day(value: str | None) -> datetime | None:
    try:
        return datetime.strptime(value or "", "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
