"""The settlement of a batch of exchanges: in the transaction of their usage records, their costs are added to the
windows of all budgets that count them, and their reservations return. One statement, none without budgets.

What is added follows from the usage records alone, so a window cannot differ from the sum of its records.
"""

from collections.abc import Mapping

from sessions_store.budgets.alerts import Alert, announce, reached, store
from sessions_store.budgets.periods import Window, WindowKey
from sessions_store.budgets.reservations import Reservation
from sessions_store.budgets.rules import BudgetRule, BudgetRules
from sessions_store.budgets.windows import WindowTotals, open_window, update_windows
from sessions_store.database.cursors import Cursor
from sessions_store.writing.records import UsageRow

Counted = Mapping[WindowKey, tuple[BudgetRule, Window]]


class Settlement:
    """What one batch adds to the windows: `add` each exchange, `write` in the transaction, then `finish`."""

    def __init__(self, budgets: BudgetRules) -> None:
        self._budgets = budgets
        self._changes: dict[WindowKey, list[int]] = {}  # cost, reserved
        self._counted: dict[WindowKey, tuple[BudgetRule, Window]] = {}
        self._reservations: list[Reservation] = []
        self._returned: list[Reservation] = []
        self._alerts: list[tuple[BudgetRule, Window, Alert, bool]] = []

    def add(self, usage: UsageRow, cost: int, reservation: Reservation | None) -> None:
        """Add an exchange and the reservation that its request holds."""
        if cost and self._budgets:
            found = self._budgets.applicable(usage.project_id, usage.principal_id, usage.key_id, usage.public_model)
            for rule in found:
                window = rule.window(usage.started_at)
                if window is not None:
                    key = window.key
                    self._counted[key] = (rule, window)
                    self._change(key)[0] += cost
        if reservation is not None and not reservation.ended:
            self._reservations.append(reservation)

    def write(self, cursor: Cursor) -> None:
        """Update the windows, after the insertion of the usage records; insert the alerts that are due."""
        for reservation in self._reservations:
            if reservation.holder.valid:  # else its lease lapses, and with it the reservation
                self._returned.append(reservation)
                for key, amount in reservation.amounts:
                    self._change(key)[1] -= amount
        if not self._changes:
            return
        totals = update_windows(cursor, self._changes)
        missing = self._counted.keys() - totals.keys()
        if missing:
            totals |= self._opened(cursor, sorted(missing))
        for key, (rule, window) in self._counted.items():
            if key in totals:
                for alert in reached(rule, window, totals[key]):
                    self._alerts.append((rule, window, alert, store(cursor, alert)))

    def finish(self) -> None:
        """After the commit: end the reservations, and announce the alerts."""
        for reservation in self._returned:
            settled = reservation.holder.settled
            for key, amount in reservation.amounts:
                settled[key] = settled.get(key, 0) + amount
        for reservation in self._reservations:
            reservation.end()
        announce(self._alerts)

    def _change(self, key: WindowKey) -> list[int]:
        return self._changes.setdefault(key, [0, 0])

    def _opened(self, cursor: Cursor, keys: list[WindowKey]) -> WindowTotals:
        """Insert windows; their first sums include this batch. Update the windows that others inserted meanwhile."""
        totals: WindowTotals = {}
        for key in keys:
            opened = open_window(cursor, *self._counted[key])
            if opened is not None:
                totals[key] = opened
        others = [key for key in keys if key not in totals]
        return totals | (update_windows(cursor, {key: self._changes[key] for key in others}) if others else {})
