"""The latest use of each key: written at most once a minute, in a commit that happens anyway.

The event loop notes uses, the writing thread takes those that are due. A commit that fails loses them.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from sessions_store.database.cursors import Cursor
from sessions_store.database.sql import from_datetime

EVERY: Final = timedelta(minutes=1)
LONGEST_ADDRESS: Final = 64

_UPDATE: Final = "UPDATE sessions_store_key SET last_used_at = %s, last_used_from = %s WHERE id = %s"


class KeyUses:
    """The uses of the keys in one process."""

    def __init__(self) -> None:
        self._noted: dict[int, datetime] = {}
        self._due: dict[int, tuple[datetime, str]] = {}

    def note(self, key_id: int, address: str) -> None:
        """Note a use; of several within a minute, only the first is written."""
        now = datetime.now(UTC)
        noted = self._noted.get(key_id)
        if noted is None or now - noted >= EVERY:
            self._noted[key_id] = now
            self._due[key_id] = (now, address[:LONGEST_ADDRESS])

    def write(self, cursor: Cursor) -> None:
        """Write the uses that are due, in the caller's transaction.

        The statement does not change `updated_at`: a use is no change of the key, and publishes none.
        """
        if not self._due:
            return
        due, self._due = self._due, {}
        # In the order of the ids, so that the transactions of two workers cannot deadlock.
        rows = [(from_datetime(at), address, key_id) for key_id, (at, address) in sorted(due.items())]
        cursor.executemany(_UPDATE, rows)


key_uses: Final = KeyUses()
