"""Publishes changes of the catalogue to every worker: a version file on one machine, NOTIFY on PostgreSQL between
machines.

Each change appends one byte to the version file: two edits within one tick of the file system's clock differ in size.
"""

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, connections, transaction
from django.db.models.signals import post_delete, post_save

from sessions_store.models import (
    Budget,
    Key,
    ModelMapping,
    ModelPrice,
    Organization,
    Project,
    RateLimit,
    UpstreamModel,
    User,
    Worker,
)

log = logging.getLogger(__name__)

CHANNEL = "gateway_catalogue"
WATCHED = (
    *(ModelMapping, ModelPrice, UpstreamModel, User, Organization, Project, Key),
    *(RateLimit, Worker, Budget),
)
RETRY_SECONDS = 5.0
LOOK_UP_SECONDS = 0.5

# (inode, size, modification time in ns) of the version file; None before any change.
CatalogueVersion = tuple[int, int, int] | None


def version() -> CatalogueVersion:
    """Return the version of the catalogue: different after each change published on this machine. One `stat`, about a
    microsecond.
    """
    try:
        found = os.stat(settings.CATALOGUE_STAMP)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def publish() -> None:
    """Publish a change to every worker after the commit of this transaction.

    Call `publish` after `QuerySet.update()`, which sends no signals.
    """
    transaction.on_commit(_touch)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")  # PostgreSQL delivers at commit


def connect() -> None:
    """Publish each change that is made through the ORM, the admin included."""
    for model in WATCHED:
        post_save.connect(_on_change, sender=model, dispatch_uid=f"catalogue-saved-{model.__name__}")
        post_delete.connect(_on_change, sender=model, dispatch_uid=f"catalogue-deleted-{model.__name__}")


class Listener:
    """A thread that receives NOTIFY of other machines and calls `on_change` for each. Does nothing on SQLite."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread on PostgreSQL."""
        if connections["default"].vendor == "postgresql":
            self._thread = threading.Thread(target=self._run, name="catalogue-listener", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop the thread; returns when its connection is closed, after half a second at most."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                log.warning("The connection for catalogue changes failed (%s); reconnecting", type(error).__name__)
                self._on_change()  # notifications may have been missed
                self._stopping.wait(RETRY_SECONDS)

    def _listen(self) -> None:
        parameters = connections["default"].get_connection_params()
        for django_only in ("cursor_factory", "context", "prepare_threshold"):
            parameters.pop(django_only, None)
        with psycopg.connect(**parameters, autocommit=True) as listening:
            listening.execute(f"LISTEN {CHANNEL}")
            while not self._stopping.is_set():
                for _ in listening.notifies(timeout=LOOK_UP_SECONDS, stop_after=1):
                    self._on_change()


def _on_change(**_: Any) -> None:
    publish()


def _touch() -> None:
    with open(settings.CATALOGUE_STAMP, "ab") as file:
        file.write(b".")
