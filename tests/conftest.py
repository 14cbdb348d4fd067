"""Fixtures of all tests: an isolated environment (data directory, database, no `.env`, no outside network) before
Django reads its settings, a migrated database with its seeds, and on demand an emulator and a live gateway.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import django
import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from tests.loopback_only import forbid_outside_network
from tests.postgres_database import create_database, drop_database

if TYPE_CHECKING:
    import httpx2
    from openai import OpenAI
    from pytest_django import DjangoDbBlocker

    from tests.emulator_control import Emulator
    from tests.issued_keys import Issued
    from tests.live_gateway import LiveGateway

DATA_DIR = Path(tempfile.mkdtemp(prefix="gateway-test-"))
SERVER_URL = os.environ.get("TEST_DATABASE_URL", "")
WRITTEN, FAR_OFF = date(2026, 11, 1), date(2126, 1, 1)

for _name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GEMINI_BASE_URL", "GOOGLE_GENAI_USE_VERTEXAI", "REDIS_URL", "HOST"):
    os.environ.pop(_name, None)
os.environ |= {
    "ENV_FILE": os.devnull,
    "DATA_DIR": str(DATA_DIR),
    "DATABASE_URL": create_database(SERVER_URL) if SERVER_URL else f"sqlite:///{DATA_DIR}/test.sqlite3",
    "DJANGO_SETTINGS_MODULE": "gemini_gateway.settings",
    "LOG_FORMAT": "json",
}
forbid_outside_network()
django.setup()


def pytest_unconfigure() -> None:
    """Remove the files of the run."""
    from django.db import connections

    connections.close_all()
    if SERVER_URL:
        drop_database(SERVER_URL, os.environ["DATABASE_URL"])
    shutil.rmtree(DATA_DIR, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: "DjangoDbBlocker") -> None:
    """Migrate the database of this run, which the live gateway shares, instead of pytest-django's test database."""
    from django.core.management import call_command

    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
        keep_models_alive()


@pytest.fixture
def live_db(django_db_setup: None, django_db_blocker: "DjangoDbBlocker") -> Iterator[None]:
    """The shared database without a transaction around the test: its rows are visible to other threads, and stay."""
    from django.db import connections

    with django_db_blocker.unblock():
        yield
        connections.close_all()


def keep_models_alive() -> None:
    """Postpone the shutdown of models that the tests use; after the shutdown their successors would respond."""
    from sessions_store.models import UpstreamModel

    UpstreamModel.objects.filter(retires_on__gt=WRITTEN).update(retires_on=FAR_OFF)


@pytest.fixture(scope="session")
def emulator_url() -> Iterator[str]:
    """A scriptable emulator for the whole run; tests take `emulator`."""
    from api.emulator.service.process import start_emulator

    process = start_emulator(tests=True)
    yield process.base_url
    process.stop()


@pytest.fixture
def emulator(emulator_url: str) -> Iterator["Emulator"]:
    """The upstream of the live gateway: scripted responses and the log of requests, reset for each test."""
    from tests.emulator_control import Emulator

    control = Emulator(emulator_url)
    control.reset()
    yield control
    control.reset()


@pytest.fixture(scope="session")
def gateway(django_db_setup: None, emulator_url: str) -> Iterator["LiveGateway"]:
    """A running server on the database of this run, with the emulator as its Gemini."""
    from tests.live_gateway import LiveGateway

    with LiveGateway.start(upstream=emulator_url) as server:
        yield server


@pytest.fixture(scope="session")
def impatient_gateway(django_db_setup: None, emulator_url: str) -> Iterator["LiveGateway"]:
    """A second server on the same database, with short timeouts."""
    from tests.live_gateway import LiveGateway

    settings = {
        "FIRST_BYTE_TIMEOUT": "1.5",
        "IDLE_TIMEOUT": "1.5",
        "TOTAL_TIMEOUT": "4",
        "KEEP_ALIVE_INTERVAL": "0.3",
        "SEND_TIMEOUT": "1",
        "MAX_BODY_BYTES": "200000",
    }
    with LiveGateway.start(upstream=emulator_url, settings=settings) as server:
        yield server


@pytest.fixture
def issued(live_db: None) -> Iterator["Issued"]:
    """Keys and projects in the database of the live gateway; afterwards the gateway accepts requests without a key
    again.
    """
    from tests.issued_keys import Issued

    keys = Issued()
    yield keys
    keys.remove()


@pytest.fixture
def client(gateway: "LiveGateway") -> Iterator["OpenAI"]:
    """OpenAI's own client for the live gateway, without retries so that each call is one request."""
    from openai import OpenAI

    with OpenAI(base_url=gateway.base_url, api_key="dummy-key", max_retries=0) as connected:
        yield connected


@pytest.fixture
def http(gateway: "LiveGateway") -> Iterator["httpx2.Client"]:
    """A plain HTTP client for the live gateway, for requests and responses beyond OpenAI's client."""
    import httpx2

    with httpx2.Client(base_url=gateway.origin, timeout=30, trust_env=False) as connected:
        yield connected


@pytest.fixture
def blockbuster() -> Iterator[BlockBuster]:
    """Fail the test at a blocking call on its event loop."""
    with blockbuster_ctx() as guard:
        # A row from SQLite's page cache is faster than a thread; `inline_reads` detects slow reads.
        for name in ("Connection.execute", "Cursor.execute", "Cursor.fetchone", "Cursor.fetchall"):
            guard.functions[f"sqlite3.{name}"].can_block_in(
                "sessions_store/database/inline_reads.py", {"_rows", "_opened"}
            )
        yield guard
