#!/usr/bin/env python
"""Django's command line for the gateway: `serve`, `runserver`, `migrate` and the rest."""

import os
import sys


def main() -> None:
    """Run one management command with this project's settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gemini_gateway.settings")
    if sys.argv[1:2] == ["serve"]:
        from gemini_gateway.server.event_loop import install_fast_loop

        install_fast_loop()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
