"""`manage.py gemini_emulator`: serve a strict local Gemini, for development without a key and for tests."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from api.emulator.service.server import add_arguments, serve


class Command(BaseCommand):
    """Serves the emulator until a signal."""

    help = "Serve a local emulator of the Gemini API (REST, v1beta). Needs no key and no database."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options of the emulator's server."""
        add_arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Serve until a signal."""
        try:
            serve(options)
        except ValueError as error:
            raise CommandError(str(error)) from None
