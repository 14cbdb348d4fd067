"""`manage.py migrate`: Django's command with readable errors instead of tracebacks."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import run_checks
from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import OperationalError, connections

from sessions_store.database.migration_lock import AlreadyMigratingError, migration_lock


class Command(DjangoMigrate):
    """Migrates. It is the first command of every deployment, so it reports a wrong configuration first."""

    def check(self, *, databases: Sequence[str] | None = None, **options: Any) -> None:  # type: ignore[override]
        """Report errors of the configuration before the checks that open the database."""
        if any(fault.is_serious() for fault in run_checks()):
            super().check(**options)
        super().check(databases=databases, **options)

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate under a lock; raises CommandError if another process holds the lock for too long."""
        if options["plan"] or options["check_unapplied"]:
            super().handle(*args, **options)
            return
        try:
            with migration_lock(connections[options["database"]], waiting=self._say_another_runs):
                super().handle(*args, **options)
        except AlreadyMigratingError:
            raise CommandError(
                "Another migrate is still running on this database. Run migrate again after it has finished."
            ) from None

    def _say_another_runs(self) -> None:
        self.stderr.write("Another migrate is running on this database. Waiting.")

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Migrate; raises CommandError if the database cannot be opened."""
        try:
            return super().execute(*args, **options)
        except OperationalError as fault:
            raise CommandError(
                f"The database cannot be used: {fault}\n\tHINT: Correct DATABASE_URL, or DATA_DIR for SQLite, or start "
                "the database server."
            ) from fault
