"""Totals by end user, from the newest usage records of a period: a bounded number of rows, one query."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Max, Q, Sum, Value
from django.db.models.functions import Concat

from sessions_store.models import UsageRecord
from sessions_store.usage.rollups import STATUS_CLASS

# Statuses that the roll-ups do not count as errors.
SUCCESSFUL = tuple(status for status, kind in STATUS_CLASS.items() if kind == "ok")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndUserTotals:
    """The totals of one end user; `name` is "" for requests without the field."""

    name: str
    requests: int
    errors: int
    prompt_tokens: int
    completion_tokens: int
    cost_nano: int
    last: datetime

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class EndUsers:
    """The end users of a period, the highest cost first. `since` is the first request if the rows of the period exceed
    the limit, else None.
    """

    totals: Sequence[EndUserTotals]
    since: datetime | None


def end_users(since: datetime, *, most: int, rows: int) -> EndUsers:
    """Return the `most` end users since a time, of at most `rows` requests."""
    within = UsageRecord.objects.filter(started_at__gte=since)
    first = within.order_by("-started_at").values_list("started_at", flat=True)[rows : rows + 1].first()
    if first is not None:
        within = within.filter(started_at__gt=first)
    groups = (
        within.order_by()
        # An expression: to group by the column alone, SQLite reads the index by end user from its beginning to its end.
        .values(name=Concat("user", Value("")))
        .annotate(
            requests=Count("id"),
            errors=Count("id", filter=~Q(status__in=SUCCESSFUL)),
            prompt_tokens=Sum("prompt_tokens"),
            completion_tokens=Sum("completion_tokens"),
            cost_nano=Sum("cost_nano"),
            last=Max("started_at"),
        )
        .order_by(F("cost_nano").desc(), F("requests").desc(), "name")[:most]
    )
    return EndUsers(totals=[EndUserTotals(**group) for group in groups], since=first)
