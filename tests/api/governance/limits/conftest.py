"""A database of their own for the tests of rate limits: every gateway on a database counts as one of its workers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.db import connection

from sessions_store.models import RateLimit, User
from sessions_store.models.principal import LOCAL_USERNAME
from tests.conftest import SERVER_URL, keep_models_alive
from tests.live_gateway import LiveGateway

if TYPE_CHECKING:
    from openai import OpenAI
    from pytest_django import DjangoDbBlocker

AddLimit = Callable[..., RateLimit]


@pytest.fixture(scope="package")
def own_database(
    django_db_setup: None, django_db_blocker: "DjangoDbBlocker", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a migrated SQLite database, which the ORM of this process uses meanwhile."""
    if SERVER_URL:
        pytest.skip("needs a database of its own: SQLite")
    path = tmp_path_factory.mktemp("limits") / "limits.sqlite3"
    with django_db_blocker.unblock():
        before = _open(str(path))
        call_command("migrate", verbosity=0)
        keep_models_alive()
        connection.close()
    yield f"sqlite:///{path}"
    with django_db_blocker.unblock():
        _open(before)


def _open(path: str) -> str:
    """Point the connection at another file; return the former one."""
    connection.close()
    before: str = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = Path(path)
    return before


@pytest.fixture(scope="package")
def gateway(own_database: str, emulator_url: str) -> Iterator[LiveGateway]:
    """The only worker on the database."""
    with LiveGateway.start(upstream=emulator_url, settings={"DATABASE_URL": own_database, "REDIS_URL": ""}) as server:
        yield server


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator["OpenAI"]:
    """OpenAI's own client for the gateway, without retries."""
    from openai import OpenAI

    with OpenAI(base_url=gateway.base_url, api_key="dummy-key", max_retries=0) as connected:
        yield connected


@pytest.fixture
def add_limit(own_database: str, live_db: None) -> Iterator[AddLimit]:
    """Sets limits of the gateway, or of the subject that is named; deletes them afterwards."""
    rows = []

    def add(scope: str = "gateway", **values: Any) -> RateLimit:
        if scope == "principal":
            values.setdefault("principal", User.objects.get(username=LOCAL_USERNAME))
        rows.append(RateLimit.objects.create(scope=scope, **values))
        return rows[-1]

    yield add
    for row in rows:
        row.delete()
