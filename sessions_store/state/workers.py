"""The workers' heartbeats: each running process has a row, so that every worker knows how many share the rate limits.

A new row and a deleted row publish a change of the catalogue, a heartbeat does not.
"""

from datetime import datetime, timedelta
from typing import Final

from sessions_store.models import Worker

# Rows of workers that ended without deleting them.
FORGOTTEN: Final = timedelta(hours=1)


def beat(name: str, now: datetime) -> None:
    """Set a worker's heartbeat; insert its row if it has none."""
    if not Worker.objects.filter(name=name).update(heartbeat_at=now):
        Worker.objects.create(name=name, started_at=now, heartbeat_at=now)
        Worker.objects.filter(heartbeat_at__lt=now - FORGOTTEN).delete()


def remove_worker(name: str) -> None:
    """Delete the row of a worker that ends."""
    Worker.objects.filter(name=name).delete()
