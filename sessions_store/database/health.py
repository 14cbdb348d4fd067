"""Health of the database: whether it responds, and whether it has the tables of this version."""

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from sessions_store.database.cursors import read_rows


def database_responds() -> bool:
    """Run a trivial query; False if it fails. The next call opens a new connection."""
    try:
        return bool(read_rows("SELECT 1", []))
    except Error:
        connection.close()
        return False


def unapplied_migrations() -> int:
    """Return the number of migrations that the database lacks; closes the calling thread's connection.

    Raises django.db.Error if the database does not respond.
    """
    try:
        executor = MigrationExecutor(connection)
        return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    finally:
        connection.close()
