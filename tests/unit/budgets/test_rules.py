"""The budgets of a snapshot: which count a request, and the window of a time (governance G28, G29)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sessions_store.budgets.rules import BudgetRule, budget_rules

pytestmark = pytest.mark.portable


def row(number: int, **columns: Any) -> dict[str, Any]:
    """Return the columns of a budget of the gateway."""
    return {
        "id": number,
        "public_id": f"budget_{number}",
        "name": "",
        "scope": "gateway",
        "model_pattern": "",
        "amount_nano": 1,
        "period": "day",
        "time_zone": "UTC",
        "week_start": 0,
        "enforcement": "hard",
        "thresholds": [50],
        "counts_from": datetime(2026, 1, 1, tzinfo=UTC),
        **dict.fromkeys(("project_id", "principal_id", "key_id")),
        **columns,
    }


def rule(**columns: Any) -> BudgetRule:
    """Return the rule of a budget."""
    return budget_rules([row(1, **columns)], {}).rules[0]


def test_g28_a_request_counts_for_the_budgets_of_its_subjects_and_its_model() -> None:
    budgets = budget_rules(
        [
            row(1),
            row(2, scope="project", project_id=7),
            row(3, scope="principal", principal_id=8, model_pattern="gemini-3*"),
            row(4, scope="key", key_id=9),
            row(5, scope="project", project_id=6),
        ],
        {9: 10, 10: 11},
    )

    def numbers(*request: Any) -> list[int]:
        return [found.id for found in budgets.applicable(*request)]

    assert numbers(7, 8, 9, "gemini-3.8-flash") == [1, 2, 3, 4]
    assert numbers(7, 8, 11, "gemini-2.5-flash") == [1, 2, 4]
    assert numbers(6, 1, None, "gemini-3.8-flash") == [1, 5]
    assert not budget_rules([], {}).applicable(7, 8, 9, "gemini-3.8-flash")


def test_g29_the_clock_may_jump_back_and_forth() -> None:
    found = rule(time_zone="Europe/Berlin")
    late, early = datetime(2026, 3, 30, 12, tzinfo=UTC), datetime(2026, 3, 29, 0, 30, tzinfo=UTC)

    days = []
    for at in (late, early, late, early - timedelta(days=400)):
        window = found.window(at)
        days.append(None if window is None else window.key[1])

    assert days == ["2026-03-30", "2026-03-29", "2026-03-30", None]


def test_g29_a_zone_that_the_machine_does_not_know_is_utc(caplog: pytest.LogCaptureFixture) -> None:
    found = rule(time_zone="Mars/Olympus")

    assert found.calendar.zone.key == "UTC"
    assert "unknown time zone 'Mars/Olympus'" in caplog.text
