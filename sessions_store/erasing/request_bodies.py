"""Erasing what was sent beside the turns (settings and tools, which may hold private text) once no usage record refers
to it any more.
"""

from collections.abc import Collection
from uuid import UUID

from django.db import connection, transaction
from django.db.models import OuterRef, QuerySet, Subquery

from sessions_store.database.sql import CHUNK
from sessions_store.models import UpstreamRequest, UsageRecord


def drop_unreferenced(keys: Collection[UUID]) -> int:
    """Erase those of the upstream requests that nothing refers to; return how many. Opens transactions of its own."""
    ordered = sorted(keys)
    return sum(_drop(ordered[start : start + CHUNK]) for start in range(0, len(ordered), CHUNK))


def drop_all_unreferenced() -> int:
    """Erase every upstream request that nothing refers to, a little at a time; return how many."""
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
            # An exchange that is being committed counts on the row that it found: it is waited for, and the next ones
            # wait. SQLite has one writer anyway.
            cursor.execute("LOCK TABLE sessions_store_upstreamrequest IN SHARE ROW EXCLUSIVE MODE")
        count, _ = unreferenced.all().delete()
    return count


def _unreferenced() -> QuerySet[UpstreamRequest]:
    # Looked up one by one: joined, PostgreSQL would read the references of the whole table.
    referring = UsageRecord.objects.filter(upstream_request=OuterRef("pk")).order_by().values("pk")[:1]
    return UpstreamRequest.objects.alias(referring=Subquery(referring)).filter(referring=None)
