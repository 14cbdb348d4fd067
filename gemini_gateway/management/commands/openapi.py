"""`manage.py openapi`: print the API's OpenAPI 3.1 document."""

from typing import Any

from django.core.management.base import BaseCommand

from api.openapi.document import text


class Command(BaseCommand):
    """Prints docs/openapi.json as the current code generates it."""

    help = "Print the description of the API (OpenAPI 3.1) as JSON."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print the document."""
        self.stdout.write(text(), ending="")
