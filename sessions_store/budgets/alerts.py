"""Alerts of budgets: each threshold of a window fires once, in the commit that reaches it."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from sessions_store.budgets.periods import Window
from sessions_store.budgets.rules import BudgetRule
from sessions_store.database.cursors import Cursor
from sessions_store.database.sql import from_datetime

log = logging.getLogger(__name__)

# A projection needs a tenth of the window: one request of the first minute would project to any amount.
PROJECTED_FROM: Final = 0.1
MAX_REMEMBERED: Final = 10_000
_INSERT: Final = """
INSERT INTO sessions_store_budgetalert (window_id, threshold, projected, fired_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (window_id, threshold, projected) DO NOTHING RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Alert:
    """A threshold, in percent of the amount, that a window has reached or is projected to reach."""

    window_id: int
    threshold: int
    projected: bool


# The alerts that this process knows to be stored; another process may have stored them.
_stored: set[Alert] = set()


def reached(rule: BudgetRule, window: Window, totals: tuple[int, int]) -> list[Alert]:
    """Return the alerts that a window with these totals (id, spent) has reached and this process has not stored."""
    window_id, spent = totals
    if rule.amount_nano <= 0 or not rule.thresholds:
        return []
    found = [
        Alert(window_id, threshold, projected=False)
        for threshold in rule.thresholds
        if spent * 100 >= threshold * rule.amount_nano
    ]
    elapsed = window.elapsed(datetime.now(UTC))
    if elapsed is not None and PROJECTED_FROM <= elapsed < 1 and spent >= rule.amount_nano * elapsed:
        found.append(Alert(window_id, 100, projected=True))
    return [alert for alert in found if alert not in _stored]


def store(cursor: Cursor, alert: Alert) -> bool:
    """Insert an alert; False if another worker has stored it."""
    now = from_datetime(datetime.now(UTC))
    return bool(cursor.rows(_INSERT, [alert.window_id, alert.threshold, alert.projected, now]))


def announce(alerts: Iterable[tuple[BudgetRule, Window, Alert, bool]]) -> None:
    """Log the new alerts of a commit, and remember all."""
    for rule, window, alert, new in alerts:
        if len(_stored) >= MAX_REMEMBERED:
            _stored.clear()
        _stored.add(alert)
        if new:
            reaches = "is projected to reach" if alert.projected else "has reached"
            log.warning(
                "Budget %s (%s) %s %d %% of %s USD in its window of %s",
                *(rule.name or rule.public_id, rule.scope, reaches, alert.threshold, usd(rule.amount_nano)),
                window.starts_on,
            )


def usd(nano: int) -> str:
    """Return an amount in USD with two decimals or more, as many as it has."""
    text = f"{Decimal(nano) / 10**9:.9f}"
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
