"""Whether the database answers."""

from django.db import Error, connection

from sessions_store.cursors import read_rows


def database_answers() -> bool:
    """Ask the database for nothing; False when it cannot even give that. The next call tries a new connection."""
    try:
        return bool(read_rows("SELECT 1", []))
    except Error:
        connection.close()
        return False
