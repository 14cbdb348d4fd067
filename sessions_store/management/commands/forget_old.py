"""`manage.py forget_old`: erases content older than STATE_RETENTION_DAYS. For cron or a timer."""

from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sessions_store.erasing.retention import erase_before
from sessions_store.state.call_signatures import delete_old_signatures
from sessions_store.state.orphaned_responses import fail_lost
from sessions_store.state.responses import purge_events


class Command(BaseCommand):
    """Erase old content, fail background responses of dead servers, and delete expired events."""

    help = "Delete stored content older than STATE_RETENTION_DAYS. Usage records stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add `--days`, which overrides the setting."""
        parser.add_argument(
            "--days", type=int, default=settings.STATE_RETENTION_DAYS, help="Age in days; 0 deletes nothing."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase, and print the counts; raises CommandError for negative days."""
        days = options["days"]
        if days < 0:
            raise CommandError("--days must not be negative.")
        now = datetime.now(UTC)
        lost = fail_lost(now, timedelta(seconds=settings.BACKGROUND_LEASE_SECONDS))
        self._say("background responses marked as failed: their server stopped", lost)
        purge_events(now - timedelta(seconds=settings.RESPONSE_EVENTS_SECONDS))
        self._say("thought signatures of tool calls deleted", delete_old_signatures(now))
        if days == 0:
            self.stdout.write("Nothing deleted: 0 days (--days or STATE_RETENTION_DAYS) keeps content forever.")
            return
        erase_before(now - timedelta(days=days), report=lambda what, count: self._say(f"{what} deleted", count))

    def _say(self, what: str, count: int) -> None:
        self.stdout.write(f"{count} {what}")
