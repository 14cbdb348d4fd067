"""`manage.py serve`: run the gateway until SIGTERM, then drain."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from gemini_gateway.checks import exposure_check, migrations_fault
from gemini_gateway.startup.bootstrap_keys import ensure_bootstrap_keys
from gemini_gateway.startup.run_server import cannot_listen, limits, terminal_page, upstream


class Command(BaseCommand):
    """Serves on HOST and PORT without a terminal."""

    help = "Run the gateway. After SIGTERM, running requests have DRAIN_SECONDS to finish."
    # handle() runs them: they need the address, which options may change.
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add options that override the environment, for several workers with one configuration."""
        parser.add_argument("--host", help="address to listen on (default: HOST)")
        parser.add_argument("--port", type=int, help="port to listen on, 0 for any free one (default: PORT)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the checks, serve, drain."""
        if options["host"] is not None:
            settings.HOST = options["host"]
        if options["port"] is not None:
            settings.PORT = options["port"]
        self.check()
        for fault in migrations_fault():
            raise CommandError(f"{fault.msg} {fault.hint}")
        ensure_bootstrap_keys()
        for fault in exposure_check():
            raise CommandError(f"{fault.id}: {fault.msg}\n\tHINT: {fault.hint}")
        with upstream() as base_url:
            self._serve(base_url)

    def _serve(self, base_url: str) -> None:
        # Imported here: Twisted and the application load slowly, and a command line error should appear at once.
        from gemini_gateway.asgi import application, process
        from gemini_gateway.server.daphne import GatewayServer, endpoint_for

        process.base_url = base_url
        server = GatewayServer(
            application,
            endpoints=endpoint_for(settings.HOST, settings.PORT),
            limits=limits(process.budget),
            drain_seconds=settings.DRAIN_SECONDS,
            on_ready=self._report_addresses,
            on_drain=process.drain,
        )
        server.run()
        if server.failure is not None:
            raise CommandError(cannot_listen(server.failure.reason))

    def _report_addresses(self, addresses: list[tuple[str, int]]) -> None:
        if addresses:
            self.stdout.write(terminal_page(settings.HOST, addresses[0][1]))
            self.stdout.flush()
        connections.close_all()  # the connections of this thread
