"""Erasure of upstream requests (settings and tools beside the messages, possibly private) without a usage record."""

from collections.abc import Collection
from uuid import UUID

from django.db import connection, transaction
from django.db.models import OuterRef, QuerySet, Subquery

from sessions_store.database.sql import CHUNK
from sessions_store.models import UpstreamRequest, UsageRecord


def drop_unreferenced(keys: Collection[UUID]) -> int:
    """Erase the upstream requests in `keys` without references, in transactions of its own; return their number."""
    ordered = sorted(keys)
    return sum(_drop(ordered[start : start + CHUNK]) for start in range(0, len(ordered), CHUNK))


def drop_all_unreferenced() -> int:
    """Erase all upstream requests without references, in chunks; return their number."""
    count = 0
    rest = UpstreamRequest.objects.order_by("pk").values_list("pk", flat=True)
    chunk = list(rest[:CHUNK])
    while chunk:
        count += _drop(chunk)
        chunk = list(rest.filter(pk__gt=chunk[-1])[:CHUNK])
    return count


def _drop(chunk: Collection[UUID]) -> int:
    unreferenced = _unreferenced().filter(pk__in=chunk)
    if not unreferenced.exists():
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # An exchange in commit relies on the row that it found: the lock waits for such exchanges and blocks new
            # ones. SQLite has a single writer.
            cursor.execute("LOCK TABLE sessions_store_upstreamrequest IN SHARE ROW EXCLUSIVE MODE")
        count, _ = unreferenced.all().delete()
    return count


def _unreferenced() -> QuerySet[UpstreamRequest]:
    # A subquery per row: for a join, PostgreSQL would read the references of the whole table.
    referring = UsageRecord.objects.filter(upstream_request=OuterRef("pk")).order_by().values("pk")[:1]
    return UpstreamRequest.objects.alias(referring=Subquery(referring)).filter(referring=None)
