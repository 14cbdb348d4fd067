"""`reprice`: prices the usage records of a period again by the current catalogue, rebuilds their roll-ups and recounts
the budgets."""

from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from sessions_store.budgets.windows import recount
from sessions_store.catalogue import loaded, rows
from sessions_store.management.periods import add_period_arguments, period
from sessions_store.models import UsageRecord
from sessions_store.usage.charges import charge
from sessions_store.usage.rollups import rebuild

CHUNK = 1000


class Command(BaseCommand):
    """Compute costs again after a correction of prices."""

    help = "Recompute the costs of a period, its roll-ups and the budgets, from the prices in the catalogue."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the period and `--dry-run`."""
        add_period_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="Only print what would change.")

    def handle(self, **options: Any) -> None:
        """Price each record again; update the records with another cost or other price rows in chunks."""
        start, end = period(options)
        prices = loaded.Catalogue(rows.load())
        changed, difference = 0, 0
        stale: list[UsageRecord] = []
        records = UsageRecord.objects.filter(started_at__gte=start, started_at__lt=end).order_by("id")
        with transaction.atomic():
            for record in records.iterator(chunk_size=CHUNK):
                cost, used, _ = charge(record, prices)
                if (cost, used) == (record.cost_nano, record.prices):
                    continue
                changed += 1
                difference += cost - record.cost_nano
                record.cost_nano, record.prices = cost, used
                stale.append(record)
                if len(stale) == CHUNK:
                    self._save(stale, options)
            self._save(stale, options)
            if changed and not options["dry_run"]:
                rebuild(start, end)
                recount(start, end)
        verb = "would change" if options["dry_run"] else "changed"
        self.stdout.write(f"{changed} usage records {verb}, {Decimal(difference) / 10**9:+f} USD.")

    def _save(self, stale: list[UsageRecord], options: dict[str, Any]) -> None:
        if stale and not options["dry_run"]:
            UsageRecord.objects.bulk_update(stale, ["cost_nano", "prices"])
        stale.clear()
