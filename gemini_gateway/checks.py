"""System checks of the configuration, each with an id and a hint
(https://docs.djangoproject.com/en/5.2/topics/checks/).

Errors prevent the start; warnings are printed. Checks that matter only for a listening server are deployment checks
(`manage.py check --deploy`), so that they never block `migrate`; `serve` runs them itself.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import Error as DatabaseError

from api.auth.loopback import is_loopback_host
from api.auth.origins import is_usable
from api.auth.proxies import parse_networks
from gemini_gateway.startup.bind_address import ADVICE, exposure_problem
from gemini_gateway.startup.bootstrap_keys import bootstrap_problems
from gemini_gateway.startup.private_files import readable_by_others
from gemini_gateway.startup.secrets import FILE_NAME
from sessions_store.database.health import unapplied_migrations

Apps = Sequence[AppConfig] | None


@register(Tags.compatibility)
def environment_check(app_configs: Apps = None, **kwargs: Any) -> list[CheckMessage]:
    """Report environment variables with invalid values, and lines of `.env` without effect."""
    return list(_environment_faults())


def _environment_faults() -> Iterator[CheckMessage]:
    for problem in settings.ENVIRONMENT.problems:
        yield Error(
            str(problem),
            hint="Correct the value in the environment or in .env. .env.example describes each setting.",
            id="gateway.E001",
        )
    for unknown in settings.ENVIRONMENT.unknown():
        yield Warning(
            str(unknown),
            hint=f"Did you mean {unknown.suggestion}? .env.example lists all names."
            if unknown.suggestion
            else ".env.example lists all names. Set variables of libraries (HTTPS_PROXY) in the environment.",
            id="gateway.W007",
        )


@register(Tags.security)
def secrets_check(app_configs: Apps = None, **kwargs: Any) -> list[CheckMessage]:
    """Report secrets that cannot be stored, or that other users can read."""
    return list(_secrets_faults())


def _secrets_faults() -> Iterator[CheckMessage]:
    if settings.SECRETS_PROBLEM:
        yield Error(
            f"The secrets cannot be stored ({settings.SECRETS_PROBLEM}).",
            hint="Make DATA_DIR writable, or set SECRET_KEY (or SECRET_KEY_FILE).",
            id="gateway.E002",
        )
    path = settings.DATA_DIR / FILE_NAME
    if path.exists() and path.stat().st_mode & 0o077:
        yield Warning(f"Other users of this machine can read {path}.", hint=f"chmod 600 {path}", id="gateway.W001")


@register(Tags.compatibility)
def storage_check(app_configs: Apps = None, **kwargs: Any) -> list[CheckMessage]:
    """Report an unusable data directory or database."""
    return list(_storage_faults())


def _storage_faults() -> Iterator[CheckMessage]:
    if not os.access(settings.DATA_DIR, os.W_OK | os.X_OK):
        yield Error(
            f"The data directory {settings.DATA_DIR} is not writable.",
            hint="Make the directory writable for the user that runs the server, or set DATA_DIR.",
            id="gateway.E005",
        )
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        options = database.get("OPTIONS", {})
        if options.get("transaction_mode") != "IMMEDIATE" or "journal_mode=WAL" not in options.get("init_command", ""):
            yield Error(
                "SQLite runs without WAL or IMMEDIATE transactions: writes would fail with 'database is locked'.",
                hint="Restore the OPTIONS of gemini_gateway/settings.py.",
                id="gateway.E006",
            )
        yield from _open_files(Path(database["NAME"]))
        yield from _statistics(Path(database["NAME"]))


def _open_files(database: Path) -> Iterator[CheckMessage]:
    files = [database, *(database.with_name(database.name + end) for end in ("-wal", "-shm"))]
    if found := [str(path) for path in files if readable_by_others(path)]:
        yield Warning(
            f"Other users of this machine can read stored messages: {', '.join(found)}.",
            hint=f"chmod 600 {' '.join(found)}",
            id="gateway.W006",
        )


def _statistics(database: Path) -> Iterator[CheckMessage]:
    """Report statistics of ANALYZE: SQLite believes them for ever, and reads whole tables that have grown since."""
    try:
        with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=1)) as connection:
            found = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").fetchone()
    except (sqlite3.Error, ValueError):  # no database yet, or one that other checks report
        return
    if found:
        yield Warning(
            "The database has statistics of ANALYZE. Commits become slower as the tables grow.",
            hint="Delete the statistics: manage.py dbshell -- 'DROP TABLE sqlite_stat1', then restart the workers. "
            "docs/decisions/0019 has the figures.",
            id="gateway.W008",
        )


@register(Tags.compatibility)
def upstream_check(app_configs: Apps = None, **kwargs: Any) -> list[CheckMessage]:
    """Report an incomplete or contradictory configuration of the upstream."""
    return list(_upstream_faults())


def _upstream_faults() -> Iterator[CheckMessage]:
    if settings.GEMINI_UPSTREAM == "vertex":
        if not settings.GOOGLE_CLOUD_PROJECT:
            yield Error(
                "GOOGLE_GENAI_USE_VERTEXAI is on, but GOOGLE_CLOUD_PROJECT is empty.",
                hint="Set the project (and GOOGLE_CLOUD_LOCATION if it is not 'global').",
                id="gateway.E008",
            )
        if settings.GEMINI_API_KEY:
            yield Warning(
                "A Gemini API key is set, but the provider is Vertex AI: the key is not used.",
                hint="Unset the key or GOOGLE_GENAI_USE_VERTEXAI.",
                id="gateway.W002",
            )
    if not settings.GEMINI_BASE_URL:
        return
    url = urlsplit(settings.GEMINI_BASE_URL)
    if url.scheme not in {"http", "https"} or not url.hostname:
        yield Error(
            "GEMINI_BASE_URL is not an http or https URL.",
            hint="For example https://generativelanguage.googleapis.com. Empty: Google's own address.",
            id="gateway.E009",
        )
    elif url.scheme == "http" and not is_loopback_host(url.hostname) and settings.GEMINI_API_KEY:
        yield Warning(
            "GEMINI_BASE_URL is http and not local: the API key is sent unencrypted.",
            hint="Use https.",
            id="gateway.W003",
        )


@register(Tags.compatibility)
def limits_check(app_configs: Apps = None, **kwargs: Any) -> list[CheckMessage]:
    """Report timeouts that contradict one another."""
    return [
        Warning(
            f"{name} ({getattr(settings, name):g} s) is longer than TOTAL_TIMEOUT ({settings.TOTAL_TIMEOUT:g} s).",
            hint="TOTAL_TIMEOUT ends the upstream call first.",
            id="gateway.W004",
        )
        for name in ("CONNECT_TIMEOUT", "FIRST_BYTE_TIMEOUT", "IDLE_TIMEOUT")
        if getattr(settings, name) > settings.TOTAL_TIMEOUT
    ]


@register(Tags.security)
def network_check(app_configs: Apps = None, **kwargs: Any) -> list[CheckMessage]:
    """Report hosts and proxies that are invalid, or trusted too widely."""
    return list(_network_faults())


def _network_faults() -> Iterator[CheckMessage]:
    try:
        parse_networks(settings.TRUSTED_PROXIES)
    except ValueError as fault:
        yield Error(
            f"TRUSTED_PROXIES: {fault}.",
            hint="List addresses or networks, such as 127.0.0.1,10.0.0.0/8.",
            id="gateway.E010",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield Error(
            "ALLOWED_HOSTS contains '*': any web page could reach this server under its own host name.",
            hint="List the names that clients use.",
            id="gateway.E011",
        )
    if unusable := [origin for origin in settings.CORS_ALLOWED_ORIGINS if not is_usable(origin)]:
        yield Error(
            f"CORS_ALLOWED_ORIGINS contains invalid origins: {', '.join(unusable)}.",
            hint="List scheme and host (and port), such as https://app.example.com. '*' and 'null' would let every web "
            "page use this server without a key.",
            id="gateway.E016",
        )
    for problem in bootstrap_problems():
        yield Error(problem, hint="Make one with: manage.py create_key --generate", id="gateway.E018")
    if settings.ALLOW_INSECURE_KEYLESS:
        yield Warning(
            "ALLOW_INSECURE_KEYLESS is on: anyone who can reach this server can use it without a key.",
            hint="Unset ALLOW_INSECURE_KEYLESS unless a firewall or a proxy restricts access.",
            id="gateway.W005",
        )


@register(Tags.security, deploy=True)
def exposure_check(app_configs: Apps = None, **kwargs: Any) -> list[CheckMessage]:
    """Report a public address without authentication."""
    return list(_exposure_faults())


def _exposure_faults() -> Iterator[CheckMessage]:
    if problem := exposure_problem(settings.HOST):
        yield Error(problem, hint=ADVICE, id="gateway.E012")
    if settings.DEBUG and not is_loopback_host(settings.HOST):
        yield Error(
            f"DEBUG is on while listening on {settings.HOST}: error pages would show source code and settings.",
            hint="Unset DEBUG.",
            id="gateway.E013",
        )


def migrations_fault() -> list[CheckMessage]:
    """Report unapplied migrations. Not registered as a check, because it would block `migrate`."""
    if lacking := unapplied_migrations():
        yet = "migration is" if lacking == 1 else "migrations are"
        return [Error(f"{lacking} {yet} not applied.", hint="Run: python manage.py migrate", id="gateway.E015")]
    return []


def start_faults(base_url: str) -> list[str]:
    """Return the errors that prevent the start under a server without Django's checks, such as uvicorn.

    Covers the checks above except the exposure (that server chooses the address), a missing upstream, and unapplied
    migrations. An unreachable database is no error here: `/readyz` reports it, and it may return. `base_url` is
    Gemini's address, "" for Google's own.
    """
    checks = (environment_check, secrets_check, storage_check, upstream_check, network_check)
    found = [fault for check in checks for fault in check() if fault.is_serious()]
    if settings.GEMINI_UPSTREAM == "emulator" and not base_url:
        found.append(
            Error(
                "No Gemini key is set. Only `serve` and `runserver` start the emulator.",
                hint="Set GEMINI_API_KEY, or set GEMINI_BASE_URL to the address of `manage.py gemini_emulator`.",
                id="gateway.E014",
            )
        )
    if not found:  # with a wrong configuration this may be another database
        with contextlib.suppress(DatabaseError):
            found += migrations_fault()
    return [f"{fault.id}: {fault.msg} {fault.hint}" for fault in found]
