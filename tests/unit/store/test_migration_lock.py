"""Two processes that migrate the same database: the second one waits with a message, and no migration runs twice."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from sessions_store.database import migration_lock
from tests.server_process import ROOT


@pytest.mark.usefixtures("live_db")
def test_a_second_migrate_reports_the_running_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration_lock, "TIMEOUT_SECONDS", 0.3)
    said = StringIO()
    with migration_lock.migration_lock(connection, waiting=lambda: pytest.fail("The lock is free.")):
        with pytest.raises(CommandError, match="Another migrate is still running on this database"):
            call_command("migrate", verbosity=0, stderr=said)
        call_command("migrate", verbosity=0, check_unapplied=True)
    assert "Another migrate is running" in said.getvalue()
    call_command("migrate", verbosity=0)


def test_two_simultaneous_migrations_of_a_new_database_succeed(tmp_path: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": "", "DATA_DIR": str(tmp_path), "GEMINI_API_KEY": ""}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    started = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[1] for process in started]
    for process, text in zip(started, said, strict=True):
        assert "Traceback" not in text
        assert process.returncode == 0 or "Another migrate is still running" in text
    assert 0 in {process.returncode for process in started}
    assert not list(tmp_path.glob("*.migrating"))
