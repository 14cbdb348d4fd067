"""The rows of windows: their creation with what was spent before, their update, and their recount."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import orjson
from django.db import transaction

from sessions_store.budgets.periods import Window, WindowKey
from sessions_store.budgets.rules import BudgetRule, rule_of
from sessions_store.database.cursors import Cursor, hot_cursor, is_sqlite
from sessions_store.database.sql import from_datetime
from sessions_store.models import Budget, BudgetWindow
from sessions_store.models.access.subject import Scope

_SUBJECT_COLUMNS: Final = {
    Scope.PROJECT.value: "project_id",
    Scope.PRINCIPAL.value: "principal_id",
    Scope.KEY.value: "key_id",
}
# The columns of a budget that decide which usage records its windows count.
COUNTED_BY: Final = frozenset({"model_pattern", "period", "time_zone", "week_start", "counts_from"})
_UPDATE_SQLITE: Final = """
UPDATE sessions_store_budgetwindow
   SET spent_nano = spent_nano + given.cost, reserved_nano = reserved_nano + given.reserved
  FROM (SELECT json_extract(value, '$[0]') AS budget_id, json_extract(value, '$[1]') AS starts_on,
               json_extract(value, '$[2]') AS cost, json_extract(value, '$[3]') AS reserved FROM json_each(%s)) AS given
 WHERE sessions_store_budgetwindow.budget_id = given.budget_id
   AND sessions_store_budgetwindow.starts_on = given.starts_on
RETURNING id, sessions_store_budgetwindow.budget_id, sessions_store_budgetwindow.starts_on, spent_nano
"""
# The rows are locked in the order of their ids, so that the transactions of two workers cannot deadlock.
_UPDATE_POSTGRES: Final = """
WITH locked AS (
  SELECT own.id, given.cost, given.reserved
    FROM sessions_store_budgetwindow own
    JOIN unnest(%s::bigint[], %s::date[], %s::bigint[], %s::bigint[]) AS given(budget_id, starts_on, cost, reserved)
      ON own.budget_id = given.budget_id AND own.starts_on = given.starts_on
   ORDER BY own.id FOR UPDATE OF own)
UPDATE sessions_store_budgetwindow own
   SET spent_nano = own.spent_nano + locked.cost, reserved_nano = own.reserved_nano + locked.reserved
  FROM locked WHERE own.id = locked.id
RETURNING own.id, own.budget_id, own.starts_on, own.spent_nano
"""
_LOCK_SQLITE: Final = """
SELECT own.id, own.budget_id, own.starts_on, budget.amount_nano, own.spent_nano, own.reserved_nano
  FROM json_each(%s) given
  JOIN sessions_store_budgetwindow own ON own.budget_id = json_extract(given.value, '$[0]')
                                      AND own.starts_on = json_extract(given.value, '$[1]')
  JOIN sessions_store_budget budget ON budget.id = own.budget_id
 ORDER BY own.id
"""
_LOCK_POSTGRES: Final = """
SELECT own.id, own.budget_id, own.starts_on, budget.amount_nano, own.spent_nano, own.reserved_nano
  FROM sessions_store_budgetwindow own
  JOIN unnest(%s::bigint[], %s::date[]) AS given(budget_id, starts_on)
    ON own.budget_id = given.budget_id AND own.starts_on = given.starts_on
  JOIN sessions_store_budget budget ON budget.id = own.budget_id
 ORDER BY own.id FOR UPDATE OF own
"""
# `INSERT … SELECT`: nothing is inserted for a budget that was deleted meanwhile.
_INSERT: Final = """
INSERT INTO sessions_store_budgetwindow (budget_id, starts_on, spent_nano, reserved_nano)
SELECT id, {date}, CAST(%s AS bigint), 0 FROM sessions_store_budget WHERE id = %s {lock}
    ON CONFLICT (budget_id, starts_on) DO NOTHING RETURNING id, spent_nano
"""

# (id of the window, spent so far in nano-USD)
WindowTotals = dict[WindowKey, tuple[int, int]]


def update_windows(cursor: Cursor, changes: Mapping[WindowKey, Sequence[int]]) -> WindowTotals:
    """Add (cost, reserved) to each window in one statement, and return the totals of the windows that exist."""
    rows = [(*key, *amounts) for key, amounts in changes.items()]
    if is_sqlite():
        found = cursor.rows(_UPDATE_SQLITE, [orjson.dumps(rows).decode()])
    else:
        found = cursor.rows(_UPDATE_POSTGRES, [list(column) for column in zip(*rows, strict=True)])
    return {(budget_id, str(starts_on)): (window_id, spent) for window_id, budget_id, starts_on, spent in found}


def locked_windows(cursor: Cursor, keys: Iterable[WindowKey]) -> list[tuple[int, WindowKey, int, int, int]]:
    """Lock the windows that exist; return (id, key, the budget's amount, spent, reserved) in the order of the ids."""
    wanted = sorted(keys)
    if is_sqlite():
        found = cursor.rows(_LOCK_SQLITE, [orjson.dumps(wanted).decode()])
    else:
        found = cursor.rows(_LOCK_POSTGRES, [[budget for budget, _ in wanted], [starts_on for _, starts_on in wanted]])
    return [
        (window, (budget, str(starts_on)), amount, spent, reserved)
        for window, budget, starts_on, amount, spent, reserved in found
    ]


def open_window(cursor: Cursor, rule: BudgetRule, window: Window) -> tuple[int, int] | None:
    """Insert a window with what its usage records cost, those of this transaction included; return (id, spent).

    Returns None if the window exists or the budget was deleted.
    """
    date_value, lock = ("%s", "") if is_sqlite() else ("%s::date", "FOR KEY SHARE")
    statement = _INSERT.format(date=date_value, lock=lock)
    rows = cursor.rows(statement, [window.starts_on.isoformat(), spending(cursor, rule, window), rule.id])
    return (rows[0][0], rows[0][1]) if rows else None


def spending(cursor: Cursor, rule: BudgetRule, window: Window) -> int:
    """Return the sum of the costs of a window's usage records, in nano-USD."""
    conditions, parameters = ["started_at >= %s"], [from_datetime(window.begins_at)]
    if window.ends_at is not None:
        conditions.append("started_at < %s")
        parameters.append(from_datetime(window.ends_at))
    if rule.subject_ids:
        marks = ", ".join(["%s"] * len(rule.subject_ids))
        conditions.append(f"{_SUBJECT_COLUMNS[rule.scope]} IN ({marks})")
        parameters += rule.subject_ids
    statement = (
        f"SELECT public_model, sum(cost_nano) FROM sessions_store_usagerecord WHERE {' AND '.join(conditions)}"  # noqa: S608
        " GROUP BY public_model"
    )
    return sum(int(cost) for model, cost in cursor.rows(statement, parameters) if rule.counts(model))


def recount_after_edit(budget: Budget, edited: Iterable[str]) -> None:
    """Recount the current window of a budget if the edit of these columns changes what the budget counts."""
    if not COUNTED_BY.isdisjoint(edited):
        recount(datetime.now(UTC), budgets=[budget])


def recount(start: datetime, end: datetime | None = None, budgets: Iterable[Budget] | None = None) -> int:
    """Set the spending of the windows that overlap [start, end) to the sum of their usage records; all budgets by
    default. Return the number of windows that changed.

    Call it after a change of costs, or of what a budget counts (its models, period, zone or start).
    """
    changed = 0
    for budget in Budget.objects.order_by("id") if budgets is None else budgets:
        rule = rule_of(budget)
        for row in BudgetWindow.objects.filter(budget=budget).order_by("id"):
            window = rule.window_of(row.starts_on)
            if (window.ends_at is None or window.ends_at > start) and (end is None or window.begins_at < end):
                changed += _recount(rule, window)
    return changed


def _recount(rule: BudgetRule, window: Window) -> bool:
    with transaction.atomic(), hot_cursor() as cursor:
        # Locked before the sum: a commit that adds to the window comes whole before it or whole after it.
        for window_id, _, _, spent, _ in locked_windows(cursor, [window.key]):
            counted = spending(cursor, rule, window)
            if counted != spent:
                cursor.execute(
                    "UPDATE sessions_store_budgetwindow SET spent_nano = %s WHERE id = %s", [counted, window_id]
                )
                return True
    return False
