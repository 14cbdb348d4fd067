"""The usage of keys, from the usage records by the index `usage_of_key`."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Sum

from sessions_store.models import Key, UsageRecord

COST_PERIOD: Final = timedelta(days=30)
RECENT: Final = 10


def costs_since(keys: Iterable[int], since: datetime) -> dict[int, int]:
    """Return the cost in nano-USD by key id, for keys with requests since then: one query."""
    rows = UsageRecord.objects.order_by().filter(key_id__in=list(keys), started_at__gte=since)
    return {row["key_id"]: row["cost"] for row in rows.values("key_id").annotate(cost=Sum("cost_nano"))}


def recent_requests(key: Key) -> list[UsageRecord]:
    """Return the latest requests of a key, newest first."""
    columns = ("started_at", "request_id", "user", "endpoint", "public_model", "status", "http_status", "cost_nano")
    return list(UsageRecord.objects.filter(key=key).only(*columns).order_by("-started_at", "-id")[:RECENT])
