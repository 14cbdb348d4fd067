"""The period of a command: `--from` and `--to` as UTC days, `--to` excluded."""

from argparse import ArgumentTypeError
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone


def add_period_arguments(parser: CommandParser) -> None:
    """Add `--from` and `--to`."""
    parser.add_argument("--from", dest="start", type=_day, metavar="YYYY-MM-DD", help="First day, UTC (today).")
    parser.add_argument("--to", dest="end", type=_day, metavar="YYYY-MM-DD", help="Day after the last, UTC (tomorrow).")


def period(options: dict[str, Any]) -> tuple[datetime, datetime]:
    """Return the period as [start, end) in UTC; raises CommandError if the period is empty."""
    today = timezone.now().astimezone(UTC).date()
    start, end = options["start"] or today, options["end"] or today + timedelta(days=1)
    if end <= start:
        raise CommandError("The period is empty: --to must be after --from.")
    return _midnight(start), _midnight(end)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as fault:
        raise ArgumentTypeError(f"{text!r} is no day such as 2026-12-01") from fault


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
