"""The rate limits of a snapshot: the rows of each subject, and the number of workers that share them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from typing import Any, Final

from django.db.models import Count, Max

from sessions_store.models import RateLimit, Worker
from sessions_store.models.access.key import successors_of_keys, with_successors
from sessions_store.models.access.subject import Scope

HEARTBEAT_SECONDS: Final = 10.0
# A worker without a heartbeat for this long has ended.
WORKER_LEASE: Final = timedelta(seconds=30)
_COLUMNS: Final = (
    *("id", "scope", "project_id", "principal_id", "key_id", "model_pattern"),
    *("requests_per_minute", "requests_per_day", "tokens_per_minute", "tokens_per_day", "concurrent_requests"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The limits of one subject; None: no limit. `pattern` restricts them to public models."""

    id: int
    scope: str
    pattern: re.Pattern[str] | None = None
    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None
    concurrent_requests: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All rate limits by (scope, id of the subject), and the number of live workers.

    `state` identifies the rows of the snapshot: the next load compares it.
    """

    by_subject: Mapping[tuple[str, int | None], tuple[Limit, ...]] = field(default_factory=dict)
    workers: int = 1
    state: Any = None

    def of(self, *, project: int, principal: int, key: int | None) -> tuple[Limit, ...]:
        """Return the limits of a caller, those of the gateway first."""
        found = self.by_subject.get((Scope.GATEWAY.value, None), ())
        found += self.by_subject.get((Scope.PROJECT.value, project), ())
        found += self.by_subject.get((Scope.PRINCIPAL.value, principal), ())
        return found if key is None else found + self.by_subject.get((Scope.KEY.value, key), ())


def load_limits(previous: Limits | None = None) -> Limits:
    """Return the current limits: `previous` itself if no row, no rotation of a key and no number of workers has changed
    since. The limits of a key apply to its successors too, in the same buckets.
    """
    rows = RateLimit.objects.aggregate(count=Count("pk"), last=Max("updated_at"), newest=Max("pk"), keys=Count("key"))
    workers = Worker.objects.filter(heartbeat_at__gt=datetime.now(UTC) - WORKER_LEASE).count() if rows["count"] else 1
    successors = successors_of_keys() if rows["keys"] else {}
    state = (rows, workers, successors)
    if previous is not None and previous.state == state:
        return previous
    by_subject: dict[tuple[str, int | None], tuple[Limit, ...]] = {}
    for row in RateLimit.objects.order_by("id").values(*_COLUMNS).iterator(2000):
        limit, subject = _limit(row), row["project_id"] or row["principal_id"]
        for each in (subject,) if row["key_id"] is None else with_successors(row["key_id"], successors):
            entry = (row["scope"], each)
            by_subject[entry] = (*by_subject.get(entry, ()), limit)
    return Limits(by_subject=by_subject, workers=max(1, workers), state=state)


def _limit(row: Mapping[str, Any]) -> Limit:
    pattern = row["model_pattern"]
    values = {name: row[name] for name in _COLUMNS[6:]}
    # fnmatch's expressions use atomic groups: a match takes linear time for any pattern.
    return Limit(
        id=row["id"], scope=row["scope"], pattern=re.compile(translate(pattern)) if pattern else None, **values
    )
