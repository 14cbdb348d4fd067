"""deploy/backup: a copy of a database in use, with the secrets, for its owner alone; old copies go."""

import os
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
URL = "postgres://gateway:pass$word@db/gateway?connect_timeout=5&tcp_user_timeout=10000"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A checkout and a data directory of the test's own."""
    (tmp_path / "checkout/.venv/bin").mkdir(parents=True)
    (tmp_path / "checkout/.venv/bin/python").symlink_to(sys.executable)
    (tmp_path / "checkout/gemini_gateway").symlink_to(ROOT / "gemini_gateway")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/secrets.json").write_text("{}")
    return {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "GATEWAY_CHECKOUT": str(tmp_path / "checkout"),
        "GATEWAY_ENVIRONMENT": str(tmp_path / "environment"),
        "GATEWAY_DATA": str(tmp_path / "data"),
    }


def backup(environment: dict[str, str], folder: Path) -> list[Path]:
    """Run the script; return the copies."""
    subprocess.run([str(ROOT / "deploy/backup"), str(folder)], env=environment, check=True, capture_output=True)
    return sorted(folder.iterdir())


def test_sqlite_is_copied_while_it_is_written(tmp_path: Path, environment: dict[str, str]) -> None:
    with closing(sqlite3.connect(tmp_path / "data/gateway.sqlite3")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE kept (n)")
        database.execute("INSERT INTO kept VALUES (7)")
        database.commit()
        database.execute("INSERT INTO kept VALUES (8)")  # not committed
        found = backup(environment, tmp_path / "backups")
    assert [path.name.partition(".")[2] for path in found] == ["secrets.json", "sqlite3"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
    with closing(sqlite3.connect(found[1])) as copy:
        assert copy.execute("SELECT n FROM kept").fetchall() == [(7,)]


def test_postgresql_is_dumped_by_the_url_of_the_workers(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "environment").write_text(f"DATABASE_URL={URL}\n")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/pg_dump"
    program.write_text('#!/bin/sh\nfor last; do :; done\nprintf %s "$last" > "${2#--file=}"\n')
    program.chmod(stat.S_IRWXU)
    found = backup(environment, tmp_path / "backups")
    assert [path.name.partition(".")[2] for path in found] == ["dump", "secrets.json"]
    assert found[0].read_text() == URL


def test_a_copy_of_fifteen_days_ago_is_deleted(tmp_path: Path, environment: dict[str, str]) -> None:
    sqlite3.connect(tmp_path / "data/gateway.sqlite3").close()
    folder = tmp_path / "backups"
    folder.mkdir()
    for name in ("gateway-old.sqlite3", "mine"):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - 16 * 86_400,) * 2)
    (folder / "gateway-new.sqlite3").touch()
    names = {path.name for path in backup(environment, folder)}
    assert "gateway-old.sqlite3" not in names
    assert {"mine", "gateway-new.sqlite3"} < names
