"""Whether the database answers, and whether it has the tables that this version needs."""

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from sessions_store.database.cursors import read_rows


def database_answers() -> bool:
    """Ask the database for nothing; False when it cannot even give that. The next call tries a new connection."""
    try:
        return bool(read_rows("SELECT 1", []))
    except Error:
        connection.close()
        return False


def unapplied_migrations() -> int:
    """Return how many migrations the database lacks; raises django.db.Error when it cannot be asked.

    The connection is the calling thread's, and is closed again.
    """
    try:
        executor = MigrationExecutor(connection)
        return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    finally:
        connection.close()
