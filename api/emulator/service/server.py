"""Serves the emulator with Daphne, as a program of its own: `python -m api.emulator.service.server --port 9090`.

`manage.py gemini_emulator` is the same with Django's settings loaded; nothing here needs them.
"""

import argparse
import json
import os
import sys
import threading
from typing import Any

from daphne.server import Server

from api.auth.loopback import is_loopback_host
from api.emulator.service.app import Emulator
from api.emulator.service.connection import ABORT


class EmulatorServer(Server):  # type: ignore[misc]  # Daphne is untyped.
    """Daphne with the abort extension and a report of the listening address."""

    def __init__(self, application: Emulator, *, host: str, port: int, ready_line: bool) -> None:
        interface = host.replace(":", r"\:")
        super().__init__(
            application, endpoints=[f"tcp:port={port}:interface={interface}"], server_name="gemini-emulator"
        )
        self.ready_line = ready_line

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Offer the abort extension to the application."""
        return super().create_application(protocol, scope | {"extensions": {ABORT: {}}})

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Pass a reply on; an abort closes the socket without ending the response."""
        if message["type"] == ABORT:
            if protocol.channel is not None:
                protocol.channel.loseConnection()
            return
        await super().handle_reply(protocol, message)

    def listen_success(self, port: Any) -> None:
        """Print the listening address, as text or (`ready_line`) as a line of JSON for a parent process."""
        super().listen_success(port)
        url = base_url(port.getHost().host, port.getHost().port)
        line = json.dumps({"gemini_emulator": url}) if self.ready_line else f"The Gemini emulator listens on {url}"
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def base_url(host: str, port: int) -> str:
    """The URL of a listening address."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of both commands."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=9090, help="port to listen on; 0 takes a free one (9090)")
    parser.add_argument("--scriptable", action="store_true", help="add the control endpoints for tests; loopback only")
    parser.add_argument("--ready-line", action="store_true", help="print where it listens as one line of JSON")
    parser.add_argument("--exit-with-parent", action="store_true", help="stop when standard input is closed")


def serve(options: dict[str, Any]) -> None:
    """Run until stopped, with the options of `add_arguments`; raises ValueError for incompatible options."""
    host = options["host"]
    if options["scriptable"] and not is_loopback_host(host):
        raise ValueError(f"--scriptable needs a loopback address, and {host} is none.")
    if options["exit_with_parent"]:
        threading.Thread(target=_exit_with_standard_input, daemon=True).start()
    application = Emulator(scriptable=options["scriptable"])
    host = "127.0.0.1" if host == "localhost" else host
    EmulatorServer(application, host=host, port=options["port"], ready_line=options["ready_line"]).run()


def _exit_with_standard_input() -> None:
    """Exit when standard input closes: the pipe closes when the parent exits."""
    sys.stdin.buffer.read()
    # A hanging request must not keep the process alive, and there is no state to save.
    os._exit(0)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Serve a strict local Gemini.")
    add_arguments(parser)
    try:
        serve(vars(parser.parse_args()))
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
