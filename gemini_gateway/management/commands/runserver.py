"""`manage.py runserver`: the development server, on port 8080, with reload on code changes."""

import os
from typing import Any

from daphne.management.commands.runserver import Command as DaphneRunserver
from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV

from gemini_gateway.server.daphne import GatewayServer
from gemini_gateway.startup.bind_address import ADVICE, exposure_problem
from gemini_gateway.startup.run_server import cannot_listen, limits, terminal_page, upstream


class Command(DaphneRunserver):  # type: ignore[misc]
    """Daphne's runserver with the gateway's server, upstream and start page."""

    default_addr = settings.HOST
    default_port = str(settings.PORT)
    base_url: str = settings.GEMINI_BASE_URL

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options, without Daphne's static files handler: WhiteNoise serves static files in every mode."""
        super().add_arguments(parser)
        parser.set_defaults(use_static_handler=False)

    def run(self, **options: Any) -> None:
        """Start the emulator once, in the process that survives every reload, then serve."""
        host = self.addr.strip("[]")
        if problem := exposure_problem(host):
            raise CommandError(f"{problem}\n\tHINT: {ADVICE}")
        settings.HOST, settings.PORT = host, int(self.port)
        if os.environ.get(DJANGO_AUTORELOAD_ENV) == "true":
            super().run(**options)
            return
        with upstream() as self.base_url:
            if self.base_url:
                os.environ["GEMINI_BASE_URL"] = self.base_url  # for the processes of the auto-reloader
            super().run(**options)

    def inner_run(self, *args: Any, **options: Any) -> None:
        """Serve in this process (Daphne's command builds the server from `server_cls`)."""
        from gemini_gateway.asgi import process

        process.base_url = self.base_url
        servers: list[GatewayServer] = []

        def build(**daphne_options: Any) -> GatewayServer:
            servers.append(
                GatewayServer(
                    limits=limits(process.budget),
                    drain_seconds=0.0,
                    on_ready=self._report_addresses,
                    **daphne_options,
                )
            )
            return servers[-1]

        self.server_cls = build
        super().inner_run(*args, **options)
        if servers and servers[-1].failure is not None:
            self._fail(cannot_listen(servers[-1].failure.reason))

    def _fail(self, why: str) -> None:
        if os.environ.get(DJANGO_AUTORELOAD_ENV) != "true":
            raise CommandError(why)
        self.stderr.write(f"CommandError: {why}")
        os._exit(1)  # as Django's own runserver: an exception in the reloader's thread does not end the process

    def _report_addresses(self, addresses: list[tuple[str, int]]) -> None:
        if addresses:
            self.stdout.write(terminal_page(settings.HOST, addresses[0][1]))
            self.stdout.flush()
