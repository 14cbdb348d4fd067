"""Budgets: amounts in nano-USD per period, their windows, and the amounts that workers have reserved."""

import zoneinfo
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from sessions_store.models.access.project import new_public_id
from sessions_store.models.access.subject import Subject, one_subject

DEFAULT_THRESHOLDS = (50, 80, 100)


def new_budget_id() -> str:
    """Return the public id of a new budget."""
    return new_public_id("budget")


def default_thresholds() -> list[int]:
    """Return the default thresholds in percent."""
    return list(DEFAULT_THRESHOLDS)


def validate_zone(name: str) -> None:
    """Raise ValidationError unless `name` is a time zone of the IANA database."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError("Enter a time zone of the IANA database, such as Europe/Berlin.")


def validate_thresholds(value: object) -> None:
    """Raise ValidationError unless `value` is a list of at most ten whole percentages from 1 to 1000."""
    valid = isinstance(value, list) and len(value) <= 10
    if not valid or any(type(item) is not int or not 1 <= item <= 1000 for item in value):  # type: ignore[attr-defined]
        raise ValidationError("Enter a list of at most ten percentages from 1 to 1000, such as [50, 80, 100].")


class Budget(Subject):
    """The amount that a subject may spend per period. Several budgets of one subject apply together."""

    class Period(models.TextChoices):
        """Calendar periods in the budget's time zone; `total` never ends."""

        DAY = "day", "day"
        WEEK = "week", "week"
        MONTH = "month", "month"
        TOTAL = "total", "in total"

    class Enforcement(models.TextChoices):
        """What happens when the amount is spent."""

        SOFT = "soft", "alert only"
        HARD = "hard", "reject requests"
        STRICT = "strict", "reject requests, and limit their output to what is left"

    public_id = models.CharField(max_length=40, unique=True, default=new_budget_id, editable=False)
    name = models.CharField(max_length=100, blank=True)
    amount_nano = models.BigIntegerField("amount", validators=[MinValueValidator(0)], help_text="Nano-USD (10^-9 USD).")
    period = models.CharField(max_length=10, choices=Period.choices, default=Period.MONTH)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_zone])
    week_start = models.PositiveSmallIntegerField(default=0, help_text="First day of a week: 0 Monday … 6 Sunday.")
    enforcement = models.CharField(max_length=10, choices=Enforcement.choices, default=Enforcement.HARD)
    thresholds = models.JSONField(
        default=default_thresholds, blank=True, validators=[validate_thresholds], help_text="Percentages that alert."
    )
    enabled = models.BooleanField(default=True)
    counts_from = models.DateTimeField(default=timezone.now, help_text="Earlier spending does not count.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [one_subject("budget_has_one_subject")]

    def __str__(self) -> str:
        return self.name or self.public_id


class BudgetWindow(models.Model):
    """One period of a budget, named by the local date of its start; the first request of the period inserts it."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="windows")
    starts_on = models.DateField(help_text="Local date of the period's start.")
    spent_nano = models.BigIntegerField(default=0, db_default=0)
    reserved_nano = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["budget", "starts_on"], name="budget_window_once"),
        ]

    def __str__(self) -> str:
        return f"{self.budget} {self.starts_on}"


class BudgetLease(models.Model):
    """The amount of a window that a worker holds in reserve; it lapses without a heartbeat of the worker."""

    window = models.ForeignKey(BudgetWindow, on_delete=models.CASCADE, related_name="leases")
    worker = models.CharField(max_length=40)
    amount_nano = models.BigIntegerField(default=0, db_default=0)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["window", "worker"], name="budget_lease_once"),
        ]

    def __str__(self) -> str:
        return f"{self.window} {self.worker}"


class BudgetAlert(models.Model):
    """A threshold that a window has reached; the row is inserted once, by the commit that reaches it."""

    window = models.ForeignKey(BudgetWindow, on_delete=models.CASCADE, related_name="alerts")
    threshold = models.IntegerField(help_text="Percent of the amount.")
    projected = models.BooleanField(default=False, help_text="Reached by projection to the end of the period.")
    fired_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["window", "threshold", "projected"], name="budget_alert_once"),
        ]

    def __str__(self) -> str:
        return f"{self.window} {self.threshold} %"


def new_spend_alert_id() -> str:
    """Return the public id of a new spend alert."""
    return new_public_id("alert")


class SpendAlert(models.Model):
    """A spend alert of the administration API: the recipients for the alerts of one budget."""

    public_id = models.CharField(max_length=40, unique=True, default=new_spend_alert_id, editable=False)
    budget = models.OneToOneField(Budget, on_delete=models.CASCADE, related_name="spend_alert")
    recipients = models.JSONField(default=list, help_text="E-mail addresses.")
    subject_prefix = models.CharField(max_length=100, blank=True)

    def __str__(self) -> str:
        return self.public_id
