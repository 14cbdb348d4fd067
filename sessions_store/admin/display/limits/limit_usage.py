"""What counts against a rate limit, from the usage that is recorded: running requests are not part of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Final

from django.db.models import Count, Sum

from sessions_store.models import RateLimit, UsageRecord
from sessions_store.models.access.key import successors_of_keys, with_successors

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
# Column of a rate limit, its name, its period, and the sum that counts; None: not recorded.
LIMITS: Final = (
    ("requests_per_minute", "requests per minute", MINUTE, "requests"),
    ("requests_per_day", "requests per day", DAY, "requests"),
    ("tokens_per_minute", "tokens per minute", MINUTE, "tokens"),
    ("tokens_per_day", "tokens per day", DAY, "tokens"),
    ("images_per_minute", "images per minute", None, ""),
    ("concurrent_requests", "concurrent requests", None, ""),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUse:
    """One limit of a row. `used` is None for a limit whose use is not recorded."""

    name: str
    limit: int
    used: int | None

    @property
    def left(self) -> int | None:
        """The rest of the limit, not below 0."""
        return None if self.used is None else max(self.limit - self.used, 0)


def matches(pattern: str, model: str) -> bool:
    """Whether a rate limit or a budget with this pattern counts requests for the public model."""
    return not pattern or fnmatchcase(model, pattern)


def limit_texts(row: RateLimit) -> list[str]:
    """Return the limits of a row in words."""
    return [f"{getattr(row, column):,} {name}" for column, name, _, _ in LIMITS if getattr(row, column) is not None]


def limit_uses(row: RateLimit, now: datetime) -> Iterator[LimitUse]:
    """Yield each limit of a row with its recorded use: at most two queries."""
    known: dict[timedelta, dict[str, int]] = {}
    for column, name, period, counted in LIMITS:
        limit = getattr(row, column)
        if limit is None:
            continue
        if period is not None and period not in known:
            known[period] = recorded_use(row, now - period)
        yield LimitUse(name=name, limit=limit, used=None if period is None else known[period][counted])


def recorded_use(row: RateLimit, since: datetime) -> dict[str, int]:
    """Return the requests and tokens of the subject and pattern of a row since then."""
    records = UsageRecord.objects.order_by().filter(started_at__gte=since)
    if row.key_id is not None:
        records = records.filter(key_id__in=with_successors(row.key_id, successors_of_keys()))
    elif row.subject is not None:
        records = records.filter(**{f"{row.scope}_id": row.subject.pk})
    groups: Any = records.values("public_model").annotate(requests=Count("pk"), tokens=Sum("total_tokens"))
    used = {"requests": 0, "tokens": 0}
    for group in groups:
        if matches(row.model_pattern, group["public_model"]):
            used["requests"] += group["requests"]
            used["tokens"] += group["tokens"] or 0
    return used
