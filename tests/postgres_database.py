"""A PostgreSQL database for one test run, created on the server of TEST_DATABASE_URL and dropped afterwards."""

import os
from urllib.parse import urlsplit, urlunsplit


def create_database(server_url: str, purpose: str = "") -> str:
    """Create a database and return its URL; `purpose` names a further one of this run."""
    name = f"gateway_test_{os.getpid()}{purpose}"
    _execute(server_url, f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"')
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def drop_database(server_url: str, url: str) -> None:
    """Drop a database of create_database, with its open connections."""
    name = urlsplit(url).path.strip("/")
    _execute(server_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _execute(server_url: str, *statements: str) -> None:
    import psycopg

    with psycopg.connect(server_url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
