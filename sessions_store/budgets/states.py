"""What budgets have spent and have left, for display: reads the current windows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sessions_store.budgets.periods import Window
from sessions_store.budgets.rules import BudgetRule
from sessions_store.models import BudgetWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """One budget and its current window; `reserved_nano` is held for running requests and by workers. `window` is None
    before the budget counts.
    """

    rule: BudgetRule
    window: Window | None
    spent_nano: int = 0
    reserved_nano: int = 0

    @property
    def remaining_nano(self) -> int:
        """The amount that is not spent."""
        return max(self.rule.amount_nano - self.spent_nano, 0)

    @property
    def resets_at(self) -> datetime | None:
        """The end of the window, None if it does not end."""
        return None if self.window is None else self.window.ends_at


def budget_states(rules: Iterable[BudgetRule], now: datetime) -> list[BudgetState]:
    """Return the states of budgets in their order, by one query. A window without requests has no row: it has spent 0.

    The rules of the enabled budgets are `catalogue.access.budgets.rules`, those of a subject
    `catalogue.access.budgets.of_subjects(...)`.
    """
    current = [(rule, rule.window(now)) for rule in rules]
    wanted = {window.key for _, window in current if window is not None}
    rows = BudgetWindow.objects.filter(
        budget_id__in={budget for budget, _ in wanted}, starts_on__in={starts_on for _, starts_on in wanted}
    ).values_list("budget_id", "starts_on", "spent_nano", "reserved_nano")
    totals = {(budget, starts_on.isoformat()): (spent, reserved) for budget, starts_on, spent, reserved in rows}
    states = []
    for rule, window in current:
        spent, reserved = (0, 0) if window is None else totals.get(window.key, (0, 0))
        states.append(BudgetState(rule=rule, window=window, spent_nano=spent, reserved_nano=reserved))
    return states
