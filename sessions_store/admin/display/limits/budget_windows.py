"""The current period of a budget, and what is spent and left in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q

from sessions_store.budgets.periods import BEGINNING, Calendar
from sessions_store.budgets.rules import calendar_of
from sessions_store.models import Budget, BudgetWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """The current period of a budget. `resets_on` is the first day of the next period, None for a total."""

    budget: Budget
    spent_nano: int = 0
    reserved_nano: int = 0
    resets_on: date | None = None

    @property
    def left_nano(self) -> int:
        """The amount that is not spent; a part of it may be reserved for running requests."""
        return max(self.budget.amount_nano - self.spent_nano, 0)

    @property
    def percent(self) -> int:
        """The spent share of the amount in percent, rounded down; 100 for an amount of 0."""
        return self.spent_nano * 100 // self.budget.amount_nano if self.budget.amount_nano else 100

    @property
    def bar(self) -> int:
        """The length of a bar in percent."""
        return min(self.percent, 100)

    @property
    def level(self) -> str:
        """`good`, `warn` from 80 %, `bad` when nothing is left."""
        if self.left_nano == 0:
            return "bad"
        return "warn" if self.percent >= 80 else "good"


def window_start(budget: Budget, now: datetime) -> date | None:
    """Return the local date on which the current period began; None for a total, which has one period."""
    start = _calendar(budget).start(now)
    return None if start == BEGINNING else start


def _calendar(budget: Budget) -> Calendar:
    return calendar_of(budget.public_id, budget.period, budget.time_zone, budget.week_start)


def spendings(budgets: Sequence[Budget], now: datetime) -> list[Spending]:
    """Return the current period of each budget: one query."""
    starts = {budget.pk: window_start(budget, now) for budget in budgets}
    dates = {start for start in starts.values() if start is not None}
    totals = [pk for pk, start in starts.items() if start is None]
    windows = BudgetWindow.objects.filter(Q(budget__in=starts, starts_on__in=dates) | Q(budget__in=totals))
    found = {(row.budget_id, None if row.budget_id in totals else row.starts_on): row for row in windows}
    result = []
    for budget in budgets:
        start = starts[budget.pk]
        window = found.get((budget.pk, start))
        result.append(
            Spending(
                budget=budget,
                spent_nano=window.spent_nano if window else 0,
                reserved_nano=window.reserved_nano if window else 0,
                resets_on=None if start is None else _calendar(budget).next_start(start),
            )
        )
    return result
