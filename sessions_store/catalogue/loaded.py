"""The catalogue of this process: one snapshot, replaced when an operator edits a mapping, a model or a price.

A request takes one snapshot at admission (`Store.catalogue`) and uses it to its end. `current()` costs one `stat` and
no query. After an edit by another worker has changed the version file (see `changes`), `current()` reloads first: an
edit applies to the next request everywhere. Edits without a new version (SQL by hand, another machine without LISTEN)
apply within MAX_AGE seconds.

The snapshot belongs to this module, not to a store: synchronous code without an event loop reads it too (the thread
that writes usage records and their costs, the code that ends lost responses). The store of the process owns the
listener that reports changes of other machines (`notified`), and drops the snapshot when it closes (`reset`).
"""

import asyncio
import threading
import time

from django.db import connection

from sessions_store.catalogue import changes, rows
from sessions_store.catalogue.resolution import Catalogue, Resolution
from sessions_store.catalogue.rows import CatalogueModel

__all__ = ["Catalogue", "CatalogueModel", "Resolution", "current", "notified", "reset", "snapshot"]

MAX_AGE = 5.0


class _Snapshots:
    """The newest snapshot and its version; one thread at a time loads. `notifications` counts the changes that other
    machines have published.
    """

    def __init__(self) -> None:
        self.catalogue: Catalogue | None = None
        self.seen: tuple[changes.CatalogueVersion, int] = (None, 0)
        self.notifications = 0
        self.loaded_at = 0.0
        self.lock = threading.Lock()
        self.refresh: asyncio.Task[Catalogue] | None = None  # a strong reference: the loop holds tasks weakly

    def version(self) -> tuple[changes.CatalogueVersion, int]:
        """Return a value that differs after each published change."""
        return changes.version(), self.notifications

    def changed(self) -> bool:
        """Whether a change was published after the load of the snapshot."""
        return self.catalogue is None or self.version() != self.seen

    def stale(self) -> bool:
        """Whether the snapshot is older than MAX_AGE, so that unpublished changes may exist."""
        return time.monotonic() - self.loaded_at > MAX_AGE

    def load(self) -> Catalogue:
        """Load a snapshot, unless another thread has just loaded one."""
        with self.lock:
            if self.catalogue is None or self.changed() or self.stale():
                # The version is read before the load: a change during the load causes another load.
                seen = self.version()
                # A published change is read in any case: transactions commit in another order than their times say.
                previous = None if self.catalogue is None or self.changed() else self.catalogue.access
                self.catalogue = Catalogue(rows.load(previous))
                self.seen, self.loaded_at = seen, time.monotonic()
            return self.catalogue


_snapshots = _Snapshots()


def snapshot() -> Catalogue:
    """Return the current catalogue; load it in this thread if it is missing, changed or older than MAX_AGE."""
    if _snapshots.catalogue is None or _snapshots.changed() or _snapshots.stale():
        return _snapshots.load()
    return _snapshots.catalogue


async def current() -> Catalogue:
    """Return the current catalogue on an event loop: from memory, or after a reload in a thread if a change was
    published.
    """
    if _snapshots.catalogue is None or _snapshots.changed():
        return await asyncio.to_thread(_load_in_thread)
    if _snapshots.stale() and (_snapshots.refresh is None or _snapshots.refresh.done()):
        _snapshots.refresh = asyncio.create_task(asyncio.to_thread(_load_in_thread))
    return _snapshots.catalogue


def notified() -> None:
    """Make the next request load the catalogue again: another machine has published a change. For one listener."""
    _snapshots.notifications += 1


def reset() -> None:
    """Drop the snapshot, when the store closes or a test has rolled its edits back."""
    _snapshots.catalogue = None


def _load_in_thread() -> Catalogue:
    try:
        return _snapshots.load()
    finally:
        connection.close()  # executor threads end: each must close its connection
