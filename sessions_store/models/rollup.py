"""Roll-ups of usage by minute, hour and day, for the admin and for the usage and costs of the administration API.

The latency histogram is 32 integer columns rather than JSON or a child table: an addition is one `ON CONFLICT DO UPDATE
SET h07 = h07 + …`, atomic under several workers without a read, and the percentiles of any period are one `SUM` per
column on SQLite and PostgreSQL.
"""

from typing import ClassVar

from django.db import models

HISTOGRAM_BUCKETS = 32
HISTOGRAM_COLUMNS = tuple(f"h{bucket:02d}" for bucket in range(HISTOGRAM_BUCKETS))
KEY_COLUMNS = (
    *("bucket", "project_id", "key_id", "principal_id"),
    *("public_model", "upstream_model", "service_tier", "family", "status_class"),
)
# Columns that sum columns of the usage record.
RECORD_SUMS = (
    "requests",
    "errors",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cost_nano",
    "latency_sum_ms",
)
# Columns that sum what the usage metadata and the price of an exchange give. The first three are the parts of
# `cost_nano`; with `cost_search_nano`, their sum is the cost of all exchanges whose price still exists.
COST_SUMS = ("cost_input_nano", "cost_cached_input_nano", "cost_output_nano")
# Zero for most exchanges: the writer omits these columns then.
RARE_SUMS = (
    "cost_search_nano",
    "search_queries",
    "search_requests",
    "input_audio_tokens",
    "input_image_tokens",
    "cached_audio_tokens",
    "cached_image_tokens",
    "output_audio_tokens",
    "output_image_tokens",
    "cache_write_tokens",
)
SUM_COLUMNS = (*RECORD_SUMS, *COST_SUMS, *RARE_SUMS)


class UsageRollup(models.Model):
    """Sums of the exchanges that started in one bucket of time: per project, key, principal, models, service tier,
    endpoint family and status class. Batch requests are those of the service tier `batch`.
    """

    class StatusClass(models.TextChoices):
        """The party that caused the outcome."""

        OK = "ok", "ok"
        CLIENT = "client", "client error"
        SERVER = "server", "server error"

    bucket = models.DateTimeField(help_text="Start of the period, UTC.")
    project = models.ForeignKey(
        "sessions_store.Project",
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    # Not null: a unique constraint takes two nulls for different values.
    key = models.ForeignKey(
        "sessions_store.Key",
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="Client key; 0: requests without a key.",
    )
    principal = models.ForeignKey("sessions_store.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    public_model = models.CharField(max_length=200, blank=True)
    upstream_model = models.CharField(max_length=200, blank=True)
    service_tier = models.CharField(max_length=20, blank=True)
    family = models.CharField("endpoint family", max_length=50)
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
                fields=[column.removesuffix("_id") for column in KEY_COLUMNS],
                name="%(class)s_key",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bucket:%Y-%m-%d %H:%M} {self.upstream_model} {self.status_class}"

    @property
    def histogram(self) -> tuple[int, ...]:
        """Counts of exchanges per latency bucket; bounds in `sessions_store.usage.histogram.UPPER_BOUNDS_MS`."""
        return tuple(getattr(self, column) for column in HISTOGRAM_COLUMNS)


for _column in (*COST_SUMS, *RARE_SUMS):
    UsageRollup.add_to_class(_column, models.BigIntegerField(default=0, db_default=0))
for _column in HISTOGRAM_COLUMNS:
    UsageRollup.add_to_class(_column, models.IntegerField(default=0, db_default=0, editable=False))


class UsageMinute(UsageRollup):
    """Usage by minute."""


class UsageHour(UsageRollup):
    """Usage by hour."""


class UsageDay(UsageRollup):
    """Usage by day (UTC)."""
