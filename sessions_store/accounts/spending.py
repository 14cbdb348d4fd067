"""Spend limits and spend alerts of the administration API, as monthly budgets in UTC of the gateway or of a project.

A spend limit is a budget that rejects requests; a spend alert is one that alerts only, with its recipients.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from sessions_store.models import Budget, BudgetWindow, Project, SpendAlert
from sessions_store.models.access.subject import Scope

NANO_PER_CENT: Final = 10_000_000
_REJECTING: Final = (Budget.Enforcement.HARD.value, Budget.Enforcement.STRICT.value)


def cents(budget: Budget) -> int:
    """Return the amount of a budget in whole cents, rounded down."""
    return budget.amount_nano // NANO_PER_CENT


def spend_limit(project: Project | None) -> Budget | None:
    """Return the smallest monthly budget that rejects requests of all models of the project or of the gateway."""
    budgets = _monthly(project).filter(enforcement__in=_REJECTING, model_pattern="", enabled=True)
    return budgets.order_by("amount_nano", "pk").first()


def set_spend_limit(project: Project | None, amount_cents: int) -> Budget:
    """Set the amount of the spend limit; create the limit if there is none."""
    budget = spend_limit(project) or Budget(**_subject(project), name="spend limit", period=Budget.Period.MONTH)
    budget.amount_nano = amount_cents * NANO_PER_CENT
    budget.save()
    return budget


def is_spent(budget: Budget, now: datetime | None = None) -> bool:
    """Whether the current window of a monthly budget has reached its amount."""
    today = (now or datetime.now(UTC)).astimezone(ZoneInfo(budget.time_zone)).date()
    window = BudgetWindow.objects.filter(budget=budget, starts_on=today.replace(day=1)).first()
    return (0 if window is None else window.spent_nano) >= budget.amount_nano


def spend_alerts(project: Project | None) -> QuerySet[SpendAlert]:
    """Return the spend alerts of the project or of the gateway."""
    return SpendAlert.objects.filter(budget__in=_monthly(project)).select_related("budget")


def create_spend_alert(
    project: Project | None, amount_cents: int, recipients: Sequence[str], subject_prefix: str
) -> SpendAlert:
    """Create an alert at an amount of the month."""
    budget = Budget.objects.create(
        **_subject(project),
        name="spend alert",
        period=Budget.Period.MONTH,
        enforcement=Budget.Enforcement.SOFT,
        amount_nano=amount_cents * NANO_PER_CENT,
        thresholds=[100],
    )
    return SpendAlert.objects.create(budget=budget, recipients=list(recipients), subject_prefix=subject_prefix)


def change_spend_alert(alert: SpendAlert, amount_cents: int, recipients: Sequence[str], subject_prefix: str) -> None:
    """Replace the amount and the recipients of an alert."""
    alert.budget.amount_nano = amount_cents * NANO_PER_CENT
    alert.budget.save(update_fields=["amount_nano", "updated_at"])
    alert.recipients, alert.subject_prefix = list(recipients), subject_prefix
    alert.save(update_fields=["recipients", "subject_prefix"])


def _monthly(project: Project | None) -> QuerySet[Budget]:
    return Budget.objects.filter(**_subject(project), period=Budget.Period.MONTH)


def _subject(project: Project | None) -> dict[str, object]:
    scope = Scope.GATEWAY if project is None else Scope.PROJECT
    return {"scope": scope.value, "project": project}
