"""`check_rollups`: compares the roll-ups of a period with the usage records, and rebuilds them on request."""

from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from sessions_store.management.periods import add_period_arguments, period
from sessions_store.usage.rollups import differences, rebuild

SHOWN = 20


class Command(BaseCommand):
    """Report roll-ups that differ from the sum of their usage records."""

    help = "Compare the minute, hour and day roll-ups with the usage records. --fix recomputes them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the period and `--fix`."""
        add_period_arguments(parser)
        parser.add_argument("--fix", action="store_true", help="Recompute the roll-ups of the period.")

    def handle(self, **options: Any) -> None:
        """Print the differences; raises CommandError if there are any and `--fix` is absent."""
        start, end = period(options)
        found = list(islice(differences(start, end), SHOWN + 1))
        for table, key in found[:SHOWN]:
            bucket, project, client_key, account, *others = key
            who = f"project {project} key {client_key} account {account}"
            self.stdout.write(f"{table}: {bucket:%Y-%m-%d %H:%M} {who} {' '.join(filter(None, others))}")
        if not found:
            self.stdout.write("All roll-ups match the usage records.")
        elif options["fix"]:
            rebuild(start, end)
            self.stdout.write(f"Recomputed the roll-ups from {start:%Y-%m-%d} to {end:%Y-%m-%d}.")
        else:
            raise CommandError(f"{'More than ' if len(found) > SHOWN else ''}{min(len(found), SHOWN)} roll-ups differ.")
