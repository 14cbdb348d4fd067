"""Databases of a run: a SQLite file per gateway, a PostgreSQL server started or named by URL, and
rows by the million.
"""

import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks import processes

NAMED_SERVER = "BENCH_POSTGRES_URL"
"""Environment variable: URL of a server (`postgres://user:password@host:port`); its user may create databases."""
USAGE_TABLE = "sessions_store_usagerecord"


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """An empty database for one gateway, and the folder of that gateway's other files."""

    engine: Literal["sqlite", "postgres"]
    url: str
    folder: Path

    @property
    def file(self) -> Path:
        """The SQLite file."""
        return self.folder / "gateway.sqlite3"

    def execute(self, statement: str) -> None:
        """Run one statement in a transaction."""
        if self.engine == "sqlite":
            with (
                contextlib.closing(sqlite3.connect(self.file, timeout=60)) as connection,
                connection,
            ):
                connection.execute(statement)
        else:
            import psycopg

            with psycopg.connect(self.url) as connection:
                connection.execute(statement.encode())

    def columns(self, table: str) -> list[str]:
        """Return the names of a table's columns."""
        if self.engine == "sqlite":
            with contextlib.closing(sqlite3.connect(self.file)) as connection:
                return [str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")]
        import psycopg

        with psycopg.connect(self.url) as connection:
            described = connection.execute(f"SELECT * FROM {table} LIMIT 0".encode()).description  # noqa: S608 - our own names
            return [column.name for column in described or ()]

    def multiply_usage(self, rows: int) -> None:
        """Add `rows` copies of the newest usage record, each one minute earlier than the next.

        The copied record comes from a real request, so this function depends only on the table's key, request id and
        time.
        """
        own = {"id", "request_id", "started_at"}
        same = ", ".join(f'"{column}"' for column in self.columns(USAGE_TABLE) if column not in own)
        if self.engine == "sqlite":
            numbers = f"WITH RECURSIVE numbers(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows})"  # noqa: S608
            earlier = f"strftime('%Y-%m-%d %H:%M:%f', started_at, '-' || ({rows + 1} - n) || ' minutes')"
        else:
            numbers = f"WITH numbers(n) AS (SELECT generate_series(1, {rows}))"
            earlier = f"started_at - ({rows + 1} - n) * interval '1 minute'"
        newest = f"SELECT * FROM {USAGE_TABLE} ORDER BY id DESC LIMIT 1"  # noqa: S608 - our own names
        self.execute(
            f"{numbers} INSERT INTO {USAGE_TABLE} (request_id, started_at, {same}) "  # noqa: S608 - our own names
            f"SELECT 'bench-' || n, {earlier}, {same} FROM numbers, ({newest}) AS copied"
        )
        if self.engine == "postgres":  # PostgreSQL would do so by itself later; SQLite would not
            self.execute("ANALYZE")


class Databases:
    """Creates databases under one folder; starts PostgreSQL at the first use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server_url = os.environ.get(NAMED_SERVER, "").rstrip("/")
        self.server: subprocess.Popen[bytes] | None = None
        self.made: list[str] = []

    @property
    def has_postgres(self) -> bool:
        """Whether a PostgreSQL server is named or can be started."""
        return bool(self.server_url) or shutil.which("initdb") is not None

    def make(self, name: str, engine: Literal["sqlite", "postgres"]) -> Database:
        """Return a new empty database."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        if engine == "sqlite":
            return Database(engine=engine, url=f"sqlite:///{folder / 'gateway.sqlite3'}", folder=folder)
        import psycopg

        if not self.server_url:
            self.server_url = self._start_postgres()
        database = f"bench_{os.getpid()}_{len(self.made)}"
        with psycopg.connect(f"{self.server_url}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database}".encode())
        self.made.append(database)
        return Database(engine=engine, url=f"{self.server_url}/{database}", folder=folder)

    def _start_postgres(self) -> str:
        """Start a server with default settings on loopback; as user "nobody" under root, which PostgreSQL rejects."""
        import psycopg

        folder = self.folder / "postgres"
        folder.mkdir()
        account = "nobody" if os.geteuid() == 0 else None
        if account:
            shutil.chown(folder, account)
            self.folder.chmod(0o711)
        subprocess.run(
            ["initdb", "-D", folder / "cluster", "-A", "trust", "-U", "bench", "--no-sync"],
            user=account,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        command = ["postgres", "-D", str(folder / "cluster"), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1"]
        if account:
            command = ["setpriv", "--reuid", account, "--clear-groups", *command]
        self.server = processes.start(command, core=processes.CLIENT_CORE, log=self.folder / "postgres.log")
        url = f"postgres://bench@127.0.0.1:{port}"
        deadline = time.monotonic() + 20
        while True:
            try:
                psycopg.connect(f"{url}/postgres").close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return url

    def close(self) -> None:
        """Stop the started server, or drop the databases on a named server."""
        if self.server is not None:
            processes.stop(self.server)
        elif self.made:
            import psycopg

            with psycopg.connect(f"{self.server_url}/postgres", autocommit=True) as connection:
                for name in self.made:
                    connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


@contextlib.contextmanager
def databases(folder: Path) -> Iterator[Databases]:
    """Yield the databases of one run, and remove them at the end."""
    made = Databases(folder)
    try:
        yield made
    finally:
        made.close()
