"""Roll-ups: equal to the sums of the records, also after repricing and repair."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import compress, product
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from sessions_store.models import ModelPrice, UsageDay, UsageHour, UsageMinute, UsageRecord
from sessions_store.usage.histogram import UPPER_BOUNDS_MS, bucket_of, percentile
from sessions_store.usage.rollups import Totals, differences
from sessions_store.writing.writer import write_batch
from tests.unit.store.exchanges import exchange, new_principal

# A day that no other test uses: the database keeps the records of the threaded tests.
DAY = datetime(2026, 8, 1, tzinfo=UTC)
PERIOD = {"start": DAY.date(), "end": DAY.date() + timedelta(days=1)}


def run(command: str, **options: Any) -> str:
    out = StringIO()
    call_command(command, stdout=out, **PERIOD | options)
    return out.getvalue()


def busy_day(principal_id: int) -> None:
    """Record exchanges over two hours, in three batches with common buckets."""
    for batch in range(3):
        write_batch(
            [
                exchange(
                    principal_id,
                    started_at=DAY + timedelta(hours=9, minutes=59, seconds=50 + 5 * number, microseconds=batch),
                    status=status,
                    latency_ms=latency,
                )
                for number, (status, latency) in enumerate(
                    [("ok", 100), ("ok", 120), ("blocked", 90), ("rate_limited", 5), ("timeout", 10**7), ("ok", 0)]
                )
            ]
        )


@pytest.mark.django_db
def test_rollups_are_sums_by_minute_hour_and_day() -> None:
    principal_id = new_principal()
    busy_day(principal_id)

    def rows(model: Any) -> list[Any]:
        columns = ("bucket", "status_class", "requests", "errors", "prompt_tokens", "latency_sum_ms")
        found = model.objects.filter(principal_id=principal_id).order_by("bucket", "status_class")
        return [(f"{bucket:%d %H:%M}", *rest) for bucket, *rest in found.values_list(*columns)]

    assert rows(UsageMinute) == [
        ("01 09:59", "ok", 6, 0, 60, 660),
        ("01 10:00", "client", 3, 3, 30, 15),
        ("01 10:00", "ok", 6, 0, 60, 270),
        ("01 10:00", "server", 3, 3, 30, 3 * 10**7),
    ]
    assert [row[:3] for row in rows(UsageHour)] == [
        ("01 09:00", "ok", 6),
        ("01 10:00", "client", 3),
        ("01 10:00", "ok", 6),
        ("01 10:00", "server", 3),
    ]
    assert [row[:4] for row in rows(UsageDay)] == [
        ("01 00:00", "client", 3, 3),
        ("01 00:00", "ok", 12, 0),
        ("01 00:00", "server", 3, 3),
    ]
    day = UsageDay.objects.get(principal_id=principal_id, status_class="ok")
    assert sum(day.histogram) == 12
    assert day.histogram[bucket_of(100)] == 9  # 90, 100 and 120 ms share a bucket; 0 ms is apart
    assert day.cost_nano == sum(
        UsageRecord.objects.filter(principal_id=principal_id, status__in=["ok", "blocked"]).values_list(
            "cost_nano", flat=True
        )
    )


@pytest.mark.django_db
def test_check_finds_and_repairs_drift() -> None:
    principal_id = new_principal()
    busy_day(principal_id)
    end = DAY + timedelta(days=1)
    assert "All roll-ups" in run("check_rollups")

    UsageHour.objects.filter(principal_id=principal_id, status_class="ok").update(requests=99)
    UsageDay.objects.filter(principal_id=principal_id, status_class="client").delete()
    assert {table for table, _ in differences(DAY, end)} == {"sessions_store_usagehour", "sessions_store_usageday"}
    with pytest.raises(CommandError, match="3 roll-ups differ"):
        run("check_rollups")
    assert "Recomputed the roll-ups" in run("check_rollups", fix=True)
    assert list(differences(DAY, end)) == []


@pytest.mark.django_db
def test_repricing_updates_records_and_rollups() -> None:
    principal_id = new_principal()
    busy_day(principal_id)
    price = ModelPrice.objects.get(model__name="gemini-3.8-flash", tier="standard", valid_from__year=2026)
    price.output *= 2
    price.save()

    assert "18 usage records would change" in run("reprice", dry_run=True)
    before = sum(UsageRecord.objects.filter(principal_id=principal_id).values_list("cost_nano", flat=True))
    assert "18 usage records changed, +0.0003375 USD" in run("reprice")
    after = sum(UsageRecord.objects.filter(principal_id=principal_id).values_list("cost_nano", flat=True))

    assert after - before == 18 * 5 * 3750
    assert "0 usage records" in run("reprice")


@pytest.mark.django_db
def test_an_invalid_period_has_an_error_message() -> None:
    for given, said in (("yesterday", "'yesterday' is no day such as 2026-12-01"), ("2999-01-01", "period is empty")):
        with pytest.raises(CommandError, match=said):
            call_command("reprice", f"--from={given}", "--to=2026-12-02")
    assert "All roll-ups" in run("check_rollups")


@pytest.mark.django_db
def test_an_empty_period_is_rejected() -> None:
    with pytest.raises(CommandError, match="empty"):
        run("check_rollups", end=DAY.date())


class Texts:
    """A cursor that stores its statements."""

    def __init__(self) -> None:
        self.given: set[str] = set()

    def execute(self, statement: str, parameters: Sequence[Any]) -> None:
        assert statement.count("%s") == len(parameters)
        self.given.add(statement)

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        for row in rows:
            self.execute(statement, row)

    def rows(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        raise AssertionError(statement)


def test_all_mixtures_of_latencies_use_few_statements() -> None:
    """A driver caches a limited number of prepared statements; preparing a statement takes longer than running it."""
    cursor = Texts()
    for rare, *chosen in product([False, True], repeat=11):
        totals = Totals(1)
        for latency in compress(UPPER_BOUNDS_MS, chosen):
            record = (DAY, 1, 2, 3, "gpt-4", "gemini-3.8-flash", "", "responses", "ok", 1, 0, 1, 0, 10, latency)
            totals.add(record, (4, 0, 6, int(rare), *[0] * 9))
        totals.upsert(cursor)
    # By level: each single bucket, and two windows of several, both with and without rare sums.
    assert len(cursor.given) == 3 * (10 + 2 + 2)
    assert max(statement.count("%s") for statement in cursor.given) <= 50  # psycopg caches no longer ones


@pytest.mark.django_db
def test_latencies_far_apart_are_counted_in_one_row() -> None:
    principal_id = new_principal()
    write_batch([exchange(principal_id, started_at=DAY, latency_ms=latency) for latency in (1, 100, 10**7, 100)])

    row = UsageMinute.objects.get(principal_id=principal_id)

    assert (row.requests, sum(row.histogram), row.histogram[bucket_of(100)], row.histogram[31]) == (4, 4, 2, 1)


@pytest.mark.parametrize(("latency", "bucket"), [(0, 0), (1, 0), (2, 1), (3, 2), (1_000_000, 30), (1_000_001, 31)])
def test_latencies_have_buckets(latency: int, bucket: int) -> None:
    assert bucket_of(latency) == bucket


def test_percentiles_come_from_the_buckets() -> None:
    histogram = [0] * 32
    assert percentile(histogram, 0.5) is None
    histogram[bucket_of(10)], histogram[bucket_of(500)], histogram[31] = 90, 9, 1

    assert [percentile(histogram, share) for share in (0.5, 0.9, 0.95, 1.0)] == [14, 14, 512, UPPER_BOUNDS_MS[-1]]
