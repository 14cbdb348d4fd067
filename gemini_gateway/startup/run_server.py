"""The parts that `serve` and `runserver` share: emulator without a key, server limits, and the terminal's start
page.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from api.auth.loopback import is_loopback_host
from api.resources.byte_budget import ByteBudget
from gemini_gateway.pages.start_page import upstream_label
from gemini_gateway.server.connection import Limits
from gemini_gateway.startup.bind_address import keyless_is_closed
from gemini_gateway.startup.setup_link import setup_path

logger = logging.getLogger(__name__)


def limits(budget: ByteBudget) -> Limits:
    """Return the server's limits: the settings, and the byte budget of the process."""
    return Limits(
        max_body_bytes=settings.MAX_BODY_BYTES,
        outbound_budget_bytes=settings.OUTBOUND_BUDGET_BYTES,
        header_timeout=settings.HEADER_TIMEOUT,
        body_timeout=settings.BODY_TIMEOUT,
        send_timeout=settings.SEND_TIMEOUT,
        budget=budget,
    )


@contextmanager
def upstream() -> Iterator[str]:
    """Yield Gemini's address, "" for Google's own.

    Without a key and an address, start an emulator, which runs until the block ends.
    """
    if settings.GEMINI_UPSTREAM != "emulator" or settings.GEMINI_BASE_URL:
        yield settings.GEMINI_BASE_URL
        return
    from api.emulator.service.process import start_emulator

    emulator = start_emulator()
    logger.warning(
        "No Gemini key is configured: the built-in emulator answers requests", extra={"emulator": emulator.base_url}
    )
    try:
        yield emulator.base_url
    finally:
        emulator.stop()


def cannot_listen(reason: str) -> str:
    """Return a command's error message for an address that cannot be bound."""
    return f"{reason} Set PORT or HOST to use another address."


def terminal_page(host: str, port: int) -> str:
    """Return the text for the terminal after the start; queries the database for a superuser."""
    origin = f"http://{_visitable(host)}:{port}"
    upstream_name = upstream_label()
    if settings.GEMINI_UPSTREAM == "emulator":
        upstream_name += " (test mode: answers are made up; set GEMINI_API_KEY to get real ones)"
    lines = [
        "",
        "Gemini Gateway is running",
        "",
        f"  OpenAI API   {origin}/v1",
        f"  Admin        {origin}/admin/",
        f"  Start page   {origin}/",
        f"  Provider     {upstream_name}",
    ]
    if path := setup_path():
        lines += ["", "  Open this link once to create the first admin account:", f"  {origin}{path}"]
    if keyless_is_closed():
        lines += ["", "  Requests need a client key (manage.py create_key --name NAME, or the admin)."]
    elif not is_loopback_host(host):
        lines += ["", f"  Listening on {host}: anyone who can reach this machine can use the gateway without a key."]
    return "\n".join([*lines, "", ""])


def _visitable(host: str) -> str:
    """Return a host for a browser's URL: loopback for "all interfaces", brackets around IPv6."""
    name = host.strip("[]")
    if name in {"", "0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return "localhost"
    return f"[{name}]" if ":" in name else name
