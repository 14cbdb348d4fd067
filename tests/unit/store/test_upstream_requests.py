"""Stored request bodies: erased with their last reference, never during an exchange that uses them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from uuid import uuid4

from django.db import connections, transaction

from sessions_store.models import UpstreamRequest, UsageRecord
from sessions_store.state.chat_sessions import erase_sessions
from sessions_store.writing.writer import write_batch
from tests.unit.store.exchanges import NOON, exchange, message_pair, new_principal


def sent_with(principal_id: int, tools: str) -> str:
    """Record an exchange of Ann with these tools; return the key of the tools."""
    key = uuid4().hex
    record = exchange(principal_id, message_pair("hello"), session={"user": "ann", "follow": True})
    write_batch([replace(record, upstream_request=(key, tools))])
    return key


def test_the_request_body_of_a_running_exchange_stays(live_db: None) -> None:
    principal_id, own = new_principal(), uuid4().hex
    key = sent_with(principal_id, own)
    written, forgotten = Event(), Event()

    def write() -> None:
        with transaction.atomic():
            UpstreamRequest.objects.bulk_create([UpstreamRequest(pk=key, body=own)], ignore_conflicts=True)
            written.set()
            # On SQLite the other writer waits for this one, on PostgreSQL it runs up to the row lock.
            forgotten.wait(0.5)
            UsageRecord.objects.create(
                request_id=own, principal_id=principal_id, http_status=200, started_at=NOON, upstream_request_id=key
            )
        connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        assert written.wait(10)
        erase_sessions(principal_id, "ann")
        forgotten.set()
        writing.result()

    assert UpstreamRequest.objects.filter(pk=key).exists()
    UsageRecord.objects.filter(request_id=own).delete()
