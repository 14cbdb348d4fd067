"""The thresholds of a window, and the projection to its own end (governance G35)."""

from datetime import UTC, datetime, timedelta

import pytest

from sessions_store.budgets.alerts import reached
from sessions_store.budgets.periods import Window
from tests.unit.budgets.test_rules import rule

pytestmark = pytest.mark.portable


def window(elapsed: float) -> Window:
    """Return a window of a hundred hours of which that share has passed."""
    begins_at = datetime.now(UTC) - timedelta(hours=100 * elapsed)
    return Window((1, "2026-12-01"), begins_at.date(), begins_at, begins_at + timedelta(hours=100))


@pytest.mark.parametrize(
    ("elapsed", "spent", "alerts"),
    [
        (0.05, 40, []),  # too early for a projection
        (0.05, 49, []),
        (0.05, 50, [(50, False)]),
        (0.5, 40, []),
        (0.9, 85, [(50, False), (80, False)]),
        (0.5, 55, [(50, False), (100, True)]),
        (0.2, 30, [(100, True)]),
        (0.9, 120, [(50, False), (80, False), (100, False), (100, True)]),
    ],
)
def test_g35_a_window_reaches_its_thresholds_and_projects_to_its_own_end(
    elapsed: float, spent: int, alerts: list[tuple[int, bool]]
) -> None:
    budget = rule(amount_nano=100, thresholds=[50, 80, 100])

    found = reached(budget, window(elapsed), (-1, spent))

    assert [(alert.threshold, alert.projected) for alert in found] == alerts


def test_g35_a_budget_without_thresholds_has_no_alerts() -> None:
    assert reached(rule(amount_nano=100, thresholds=[]), window(0.5), (-1, 200)) == []
    assert reached(rule(amount_nano=0), window(0.5), (-1, 200)) == []
