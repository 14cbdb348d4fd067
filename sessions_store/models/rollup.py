"""Roll-ups of usage by minute, hour and day, for the charts and totals of the admin.

The latency histogram is 32 integer columns rather than JSON or a child table: an addition is one `ON CONFLICT DO UPDATE
SET h07 = h07 + …`, atomic under several workers without a read, and the percentiles of any period are one `SUM` per
column on SQLite and PostgreSQL.
"""

from typing import ClassVar

from django.db import models

HISTOGRAM_BUCKETS = 32
HISTOGRAM_COLUMNS = tuple(f"h{bucket:02d}" for bucket in range(HISTOGRAM_BUCKETS))
KEY_COLUMNS = ("bucket", "principal_id", "public_model", "upstream_model", "status_class")
SUM_COLUMNS = (
    "requests",
    "errors",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cost_nano",
    "latency_sum_ms",
)


class UsageRollup(models.Model):
    """Sums of the exchanges that started in one bucket of time, per principal, models and status class."""

    class StatusClass(models.TextChoices):
        """The party that caused the outcome."""

        OK = "ok", "ok"
        CLIENT = "client", "client error"
        SERVER = "server", "server error"

    bucket = models.DateTimeField(help_text="Start of the period, UTC.")
    principal = models.ForeignKey("sessions_store.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    public_model = models.CharField(max_length=200, blank=True)
    upstream_model = models.CharField(max_length=200, blank=True)
    status_class = models.CharField(max_length=10, choices=StatusClass.choices)
    requests = models.BigIntegerField(default=0, db_default=0)
    errors = models.BigIntegerField(default=0, db_default=0)
    prompt_tokens = models.BigIntegerField(default=0, db_default=0)
    cached_tokens = models.BigIntegerField(default=0, db_default=0)
    completion_tokens = models.BigIntegerField(default=0, db_default=0)
    reasoning_tokens = models.BigIntegerField(default=0, db_default=0)
    cost_nano = models.BigIntegerField(default=0, db_default=0)
    latency_sum_ms = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        abstract = True
        ordering: ClassVar[list[str]] = ["-bucket"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["bucket", "principal", "public_model", "upstream_model", "status_class"],
                name="%(class)s_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bucket:%Y-%m-%d %H:%M} {self.upstream_model} {self.status_class}"

    @property
    def histogram(self) -> tuple[int, ...]:
        """Counts of exchanges per latency bucket; bounds in `sessions_store.usage.histogram.UPPER_BOUNDS_MS`."""
        return tuple(getattr(self, column) for column in HISTOGRAM_COLUMNS)


for _column in HISTOGRAM_COLUMNS:
    UsageRollup.add_to_class(_column, models.IntegerField(default=0, db_default=0, editable=False))


class UsageMinute(UsageRollup):
    """Usage by minute."""


class UsageHour(UsageRollup):
    """Usage by hour."""


class UsageDay(UsageRollup):
    """Usage by day (UTC)."""
