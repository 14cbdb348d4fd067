"""The statements that budgets add to a commit (governance G100 and G101)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sessions_store.budgets.reservations import LeaseHolder, Reservation
from sessions_store.budgets.rules import BudgetRules, budget_rules
from sessions_store.budgets.settlement import Settlement
from sessions_store.writing.records import UsageRow
from tests.unit.budgets.test_rules import row

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
DAY, OTHER = (1, "2026-12-01"), (2, "2026-12-01")


class StatementLog:
    """A cursor that keeps the statements, and finds both windows."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def execute(self, statement: str, parameters: Sequence[Any]) -> None:
        """Keep a statement."""
        self.statements.append(statement)

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Keep a statement."""
        self.statements.append(statement)

    def rows(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Keep a statement and return the totals of both windows."""
        self.statements.append(statement)
        return [(11, *DAY, 30), (12, *OTHER, 30)]


def settled(budgets: BudgetRules, reservations: Sequence[Reservation | None]) -> list[str]:
    """Return the statements of a batch with one exchange per reservation, and finish it."""
    settlement, cursor = Settlement(budgets), StatementLog()
    usage = UsageRow(
        request_id="r", principal_id=1, owner_id=1, endpoint="chat", status="ok", http_status=200, started_at=NOW
    )
    for reservation in reservations:
        settlement.add(usage, 10, reservation)
    settlement.write(cursor)
    settlement.finish()
    return cursor.statements


def test_g100_a_batch_of_requests_with_several_budgets_adds_one_statement() -> None:
    budgets = budget_rules([row(1, amount_nano=10**9), row(2, amount_nano=10**9)], {})
    holder = LeaseHolder(30)
    reservations = [Reservation(holder, [(DAY, 20), (OTHER, 20)]) for _ in range(3)]

    statements = settled(budgets, reservations)

    assert len(statements) == 1
    assert all(reservation.ended for reservation in reservations)
    assert holder.settled == {DAY: 60, OTHER: 60}


def test_g101_a_batch_without_budgets_adds_no_statement() -> None:
    assert settled(BudgetRules(), [None, None]) == []


def test_g30_a_reservation_whose_lease_may_have_lapsed_is_left_to_the_lapse() -> None:
    holder = LeaseHolder(0)
    reservation = Reservation(holder, [(DAY, 20)])

    assert settled(BudgetRules(), [reservation]) == []
    assert reservation.ended
    assert holder.settled == {}
