"""Windows named by the local date of their start, through daylight saving time and leap years (governance G29)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sessions_store.budgets.periods import Calendar, Window, window_at

pytestmark = pytest.mark.portable

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def window(calendar: Calendar, at: datetime) -> Window:
    """Return the window of a time."""
    return window_at(1, calendar, calendar.start(at), LONG_AGO)


def hours(found: Window) -> float:
    """Return the length of a window in hours."""
    assert found.ends_at is not None
    return (found.ends_at - found.begins_at) / timedelta(hours=1)


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),  # midnight did not exist
        ("America/Havana", date(2026, 11, 1), 25),  # midnight happens twice
        ("Asia/Kolkata", date(2026, 3, 29), 24),
        ("UTC", date(2028, 2, 29), 24),
    ],
)
def test_g29_a_day_of_a_zone_has_its_own_length(zone: str, day: date, length: int) -> None:
    calendar = Calendar("day", ZoneInfo(zone))
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))

    found = window(calendar, noon)

    assert found.starts_on == day
    assert hours(found) == length


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "America/Havana", "Australia/Lord_Howe"])
@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_g29_every_instant_is_in_exactly_one_window(zone: str, period: str) -> None:
    calendar = Calendar(period, ZoneInfo(zone), week_start=6)
    at, end = datetime(2027, 12, 30, tzinfo=UTC), datetime(2028, 12, 1, tzinfo=UTC)
    previous: Window | None = None
    while at < end:
        found = window(calendar, at)
        assert found.ends_at is not None
        assert found.begins_at <= at < found.ends_at
        assert previous is None or found == previous or found.begins_at == previous.ends_at
        previous, at = found, at + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("period", "week_start", "at", "start"),
    [
        ("week", 0, datetime(2026, 12, 2, tzinfo=UTC), date(2026, 11, 30)),
        ("week", 6, datetime(2026, 12, 2, tzinfo=UTC), date(2026, 11, 29)),
        ("week", 2, datetime(2026, 12, 2, tzinfo=UTC), date(2026, 12, 2)),
        ("month", 0, datetime(2028, 2, 29, 23, 59, tzinfo=UTC), date(2028, 2, 1)),
        ("month", 0, datetime(2026, 12, 31, 12, tzinfo=UTC), date(2026, 12, 1)),
        ("total", 0, datetime(2026, 12, 31, 12, tzinfo=UTC), date(1970, 1, 1)),
    ],
)
def test_g29_a_window_is_named_by_its_first_day(period: str, week_start: int, at: datetime, start: date) -> None:
    assert Calendar(period, ZoneInfo("UTC"), week_start).start(at) == start


def test_g29_a_month_ends_on_the_first_of_the_next() -> None:
    calendar = Calendar("month", ZoneInfo("UTC"))

    assert calendar.next_start(date(2028, 2, 1)) == date(2028, 3, 1)
    assert calendar.next_start(date(2026, 12, 1)) == date(2027, 1, 1)
    assert Calendar("total", ZoneInfo("UTC")).next_start(date(1970, 1, 1)) is None


def test_g36_a_window_begins_at_the_time_from_which_the_budget_counts() -> None:
    calendar = Calendar("month", ZoneInfo("UTC"))
    counts_from = datetime(2026, 12, 10, 8, tzinfo=UTC)

    assert window_at(1, calendar, date(2026, 12, 1), counts_from).begins_at == counts_from
    assert window_at(1, calendar, date(2027, 1, 1), counts_from).begins_at == datetime(2027, 1, 1, tzinfo=UTC)
