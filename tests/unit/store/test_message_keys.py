"""Messages stored before keys existed keep their position: after the migration they are found and continued."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from sessions_store.transcript.placement import new_ids

pytestmark = pytest.mark.portable

ROOT = Path(__file__).resolve().parents[3]
BEFORE = "0009"
OLD = UUID(int=7)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return a connection to a new database."""
    return {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'old.sqlite3'}", "DATA_DIR": str(tmp_path)}


def test_an_older_message_has_its_id_as_its_key(tmp_path: Path, environment: dict[str, str]) -> None:
    migrate(environment, BEFORE)
    with closing(sqlite3.connect(tmp_path / "old.sqlite3")) as connection, connection:
        [(principal,)] = connection.execute("SELECT id FROM sessions_store_user LIMIT 1")
        connection.execute(
            "INSERT INTO sessions_store_message (id, principal_id, depth, role, openai, gemini, model, account, tokens,"
            " created_at) VALUES (?, ?, 0, 'user', '{}', '', '', '', 1, '2026-11-24')",
            [OLD.hex, principal],
        )

    migrate(environment)
    with closing(sqlite3.connect(tmp_path / "old.sqlite3")) as connection:
        assert connection.execute("SELECT id, key FROM sessions_store_message").fetchall() == [(OLD.hex, OLD.hex)]
    migrate(environment, BEFORE)  # reverse the migration


def migrate(environment: dict[str, str], name: str = "") -> None:
    """Migrate the tables to a migration, by default the newest."""
    command = [sys.executable, "manage.py", "migrate", "-v0", "sessions_store", *([name] if name else [])]
    subprocess.run(command, check=True, cwd=ROOT, env=environment, timeout=120)


def test_ids_grow_and_are_uuids_of_version_7() -> None:
    ids = new_ids()
    batch = [next(ids) for _ in range(1000)]
    later = next(new_ids())

    assert batch == sorted(set(batch))
    assert batch[0][:12] <= later[:12]
    assert {(node.version, node.variant) for node in map(UUID, batch)} == {(7, "specified in RFC 4122")}
