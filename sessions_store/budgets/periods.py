"""The calendar of budgets: a window is named by the local date of its start. Plain Python, without a clock."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

# The start of the one window of a budget without periods.
BEGINNING: Final = date(1970, 1, 1)
WindowKey = tuple[int, str]  # id of the budget, ISO date of the window's start


@dataclass(frozen=True, slots=True)
class Calendar:
    """The period of a budget: `day`, `week` (from `week_start`, 0 for Monday), `month` or `total`, in a time zone."""

    period: str
    zone: ZoneInfo
    week_start: int = 0

    def start(self, at: datetime) -> date:
        """Return the local date on which the period of a time began."""
        day = at.astimezone(self.zone).date()
        if self.period == "day":
            return day
        if self.period == "week":
            return day - timedelta(days=(day.weekday() - self.week_start) % 7)
        return day.replace(day=1) if self.period == "month" else BEGINNING

    def next_start(self, start: date) -> date | None:
        """Return the date on which the following period begins, None if the period never ends."""
        if self.period == "day":
            return start + timedelta(days=1)
        if self.period == "week":
            return start + timedelta(days=7)
        return (start + timedelta(days=31)).replace(day=1) if self.period == "month" else None

    def midnight(self, day: date) -> datetime:
        """Return the first instant of a local date, in UTC; midnight may not exist or exist twice in the zone."""
        return datetime.combine(day, time.min, self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """One period of a budget: it counts the requests that started in [begins_at, ends_at). `key` names it in
    statements.
    """

    key: WindowKey
    starts_on: date
    begins_at: datetime
    ends_at: datetime | None

    def elapsed(self, now: datetime) -> float | None:
        """Return the share of the window that has passed, None for a window without an end."""
        if self.ends_at is None:
            return None
        return (now - self.begins_at) / (self.ends_at - self.begins_at)


def window_at(budget_id: int, calendar: Calendar, start: date, counts_from: datetime) -> Window:
    """Return the window that starts on a local date; nothing before `counts_from` counts."""
    following = calendar.next_start(start)
    begins_at = max(calendar.midnight(start), counts_from) if start != BEGINNING else counts_from
    ends_at = None if following is None else calendar.midnight(following)
    return Window((budget_id, start.isoformat()), start, begins_at, ends_at)
