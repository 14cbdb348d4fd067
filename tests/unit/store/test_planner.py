"""What ANALYZE noted of a young database is gone with the next commit: the planner would read all messages by it."""

import pytest
from django.db import connection

from sessions_store.database import sqlite_statistics
from sessions_store.database.cursors import read_rows
from sessions_store.database.sql import within_ids
from sessions_store.writing.store import Store
from tests.unit.store.exchanges import exchange, turn

pytestmark = [
    pytest.mark.usefixtures("live_db"),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps its notes up to date"),
]

LOOK_UP = "EXPLAIN QUERY PLAN SELECT id FROM sessions_store_message WHERE {among}"


def tell_that_tables_are_small() -> None:
    """Do what ANALYZE does on a database of a few messages."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("UPDATE sqlite_stat1 SET stat = '4 1' WHERE tbl = 'sessions_store_message'")
        cursor.execute("ANALYZE sqlite_schema")


def plan() -> str:
    """How messages are looked up by their keys."""
    return str(read_rows(LOOK_UP.format(among=within_ids("key")), ["[]"]))


async def test_messages_are_found_by_their_index_whatever_was_noted_before(
    store: Store, principal_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_statistics, "LOOK_SECONDS", 0.0)
    await store.commit(exchange(principal_id, turn("1")))
    await store.write(tell_that_tables_are_small)
    assert "SCAN sessions_store_message" in await store.write(plan)

    await store.commit(exchange(principal_id, turn("2")))
    assert "USING INDEX message_once" in await store.write(plan)
    assert await store.read(lambda: read_rows("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'", [])) == []


async def test_every_worker_goes_back_to_the_index(store: Store, principal_id: int) -> None:
    await store.write(tell_that_tables_are_small)
    other = Store(patience=20)
    await other.commit(exchange(principal_id, turn("1")))
    await other.close()
    assert "USING INDEX message_once" in await store.read(plan)
