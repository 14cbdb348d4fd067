"""`manage.py apply_config`: applies a declared configuration; without --apply it only reports the changes."""

import tomllib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sessions_store.accounts.declared import DeclarationError, apply


class Command(BaseCommand):
    """Reads TOML. New keys are printed once, on the standard output."""

    help = "Create and change projects, keys, model mappings, rate limits and budgets as a TOML file declares them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the file and the switch."""
        parser.add_argument("file", type=Path, help="TOML file; docs/operations.md describes its sections")
        parser.add_argument("--apply", action="store_true", help="change the database (default: a dry run)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Apply the file; raises CommandError if it cannot be read or is invalid."""
        path: Path = options["file"]
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read ({type(error).__name__}).") from None
        except tomllib.TOMLDecodeError as error:
            raise CommandError(f"{path} is not valid TOML: {error}.") from None
        try:
            applied = apply(document, dry_run=not options["apply"])
        except DeclarationError as error:
            raise CommandError(str(error)) from None
        for line in applied.lines or ["no changes"]:
            self.stderr.write(line)
        if applied.lines and not options["apply"]:
            self.stderr.write("Dry run: nothing was changed. Repeat with --apply.")
        for label, key in applied.keys.items():
            self.stderr.write(f"{label}, not shown again:")
            self.stdout.write(key)
