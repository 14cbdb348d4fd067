"""`manage.py openapi`: prints the API's description in OpenAPI 3.1."""

from typing import Any

from django.core.management.base import BaseCommand

from api.openapi.document import text


class Command(BaseCommand):
    """Prints docs/openapi.json as this version of the code would write it."""

    help = "Print the description of the API (OpenAPI 3.1) as JSON."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print it."""
        self.stdout.write(text(), ending="")
