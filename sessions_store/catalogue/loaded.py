"""The catalogue of this process: one snapshot, replaced when an operator edits a mapping, a model or a price.

A request takes one snapshot, when it is admitted (`Store.catalogue`), and keeps it to its end. `current()` costs one
`stat` and no query; when another worker's edit has touched the stamp file (see `changes`) it reloads first,
so that an edit holds for the next request everywhere. Edits that leave no stamp (SQL by hand, another machine without
LISTEN) are seen within `MAX_AGE` seconds.
"""

import asyncio
import threading
import time

from django.db import connection

from sessions_store.catalogue import changes, rows
from sessions_store.catalogue.resolution import Catalogue, Resolution
from sessions_store.catalogue.rows import CatalogueModel

__all__ = ["Catalogue", "CatalogueModel", "Resolution", "current", "reset", "snapshot"]

MAX_AGE = 5.0


class _Snapshots:
    """The newest snapshot and what it was made from; loading is done by one thread at a time."""

    def __init__(self) -> None:
        self.catalogue: Catalogue | None = None
        self.seen: changes.Stamp = None
        self.loaded_at = 0.0
        self.lock = threading.Lock()
        self.refresh: asyncio.Task[Catalogue] | None = None  # kept: the loop itself holds tasks weakly

    def changed(self) -> bool:
        """Whether somebody has announced a change since the snapshot was taken."""
        return self.catalogue is None or changes.stamp() != self.seen

    def stale(self) -> bool:
        """Whether the snapshot is old enough to look for unannounced changes."""
        return time.monotonic() - self.loaded_at > MAX_AGE

    def load(self) -> Catalogue:
        """Load a snapshot unless another thread just did."""
        with self.lock:
            if self.catalogue is None or self.changed() or self.stale():
                # The stamp is read first: a change during the load is then loaded again, never missed.
                seen = changes.stamp()
                self.catalogue = Catalogue(rows.load())
                self.seen, self.loaded_at = seen, time.monotonic()
            return self.catalogue


_snapshots = _Snapshots()


def snapshot() -> Catalogue:
    """Return the current catalogue, loading it in this thread when it is missing, changed or older than MAX_AGE."""
    if _snapshots.catalogue is None or _snapshots.changed() or _snapshots.stale():
        return _snapshots.load()
    return _snapshots.catalogue


async def current() -> Catalogue:
    """Return the current catalogue on an event loop: at once as a rule, after a reload when a change was announced."""
    if _snapshots.catalogue is None or _snapshots.changed():
        return await asyncio.to_thread(_load_in_thread)
    if _snapshots.stale() and (_snapshots.refresh is None or _snapshots.refresh.done()):
        _snapshots.refresh = asyncio.create_task(asyncio.to_thread(_load_in_thread))
    return _snapshots.catalogue


def reset() -> None:
    """Forget the snapshot: the store is closed, or a test has rolled its edits back."""
    _snapshots.catalogue = None


def _load_in_thread() -> Catalogue:
    try:
        return _snapshots.load()
    finally:
        connection.close()  # executor threads come and go: none of them may keep a connection
