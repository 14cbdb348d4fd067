"""Failures of the database and of a record, and the records of exchanges during an outage."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import DataError, InterfaceError, OperationalError, connection

from sessions_store.models import ChatSession, UsageRecord
from sessions_store.writing import batch_commit, storage_health
from sessions_store.writing import store as recording
from sessions_store.writing.records import ExchangeRecord
from sessions_store.writing.storage_health import FULL, LOCKED, OUT_OF_REACH, READ_ONLY, storage_fault
from sessions_store.writing.store import Store, StoreUnavailableError
from sessions_store.writing.writer import write_batch
from tests.unit.store.exchanges import exchange, message_pair
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("live_db")


def read_only(path: Path) -> None:
    sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute("INSERT INTO kept VALUES ('more')")


def full(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("PRAGMA max_page_count = 2")
    database.execute("INSERT INTO kept VALUES (?)", ["x" * 100_000])


def locked(path: Path) -> None:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    sqlite3.connect(path, timeout=0).execute("INSERT INTO kept VALUES ('more')")


def too_large(path: Path) -> None:
    database = sqlite3.connect(path)
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1000)
    database.execute("INSERT INTO kept VALUES (?)", ["x" * 2000])


def wrong_statement(path: Path) -> None:
    sqlite3.connect(path).execute("SELECT nothing FROM nowhere")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    ("provoke", "reason"),
    [(read_only, READ_ONLY), (full, FULL), (locked, LOCKED), (too_large, None), (wrong_statement, None)],
)
def test_a_failure_of_sqlite_is_the_databases_or_the_records(
    tmp_path: Path, provoke: Callable[[Path], None], reason: str | None
) -> None:
    path = tmp_path / "small.sqlite3"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE kept (text TEXT)")
    database.close()
    with pytest.raises(sqlite3.Error) as caught:
        provoke(path)
    raised = OperationalError()
    raised.__cause__ = caught.value

    assert storage_fault(raised) == reason


def test_a_failure_without_a_code_is_the_databases_or_the_records() -> None:
    assert storage_fault(InterfaceError("connection already closed")) == OUT_OF_REACH
    assert storage_fault(DataError("value too long")) is None
    assert storage_fault(TimeoutError()) is None
    assert storage_fault(None) is None


def test_a_probe_of_the_database_leaves_no_row(principal_id: int) -> None:
    with connection.cursor() as cursor:
        storage_health.try_writing()
        cursor.execute("SELECT count(*) FROM sessions_store_upstreamrequest WHERE body = ''")
        assert cursor.fetchone() == (0,)


@contextmanager
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Exception]]:
    """A database that raises the last of these exceptions until the list is empty."""
    faults: list[Exception] = [InterfaceError("gone")]

    def write(records: Any, **options: Any) -> Any:
        if faults:
            raise faults[-1]
        return write_batch(records, **options)

    def probe() -> None:
        if faults:
            raise faults[-1]

    monkeypatch.setattr(batch_commit, "write_batch", write)
    monkeypatch.setattr(recording, "try_writing", probe)
    monkeypatch.setattr(recording, "PROBE_SECONDS", 0.01)
    yield faults
    faults.clear()


def asked(principal_id: int, text: str, **columns: Any) -> ExchangeRecord:
    """Return the record of an exchange with an upstream call, in ann's session."""
    return exchange(principal_id, message_pair(text), session={"user": "ann"}, attempts=1, **columns)


async def test_a_billed_exchange_is_recorded_later_as_failed(
    principal_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    with broken(monkeypatch) as faults:
        for record in (asked(principal_id, "1"), asked(principal_id, "2", status="client_closed", http_status=499)):
            with pytest.raises(StoreUnavailableError):
                await store.commit(record)
        with pytest.raises(StoreUnavailableError, match="out of reach"):
            await store.commit(exchange(principal_id, attempts=0))
        with pytest.raises(StoreUnavailableError, match="out of reach"):
            await store.write(int)
        assert store.pending == 0
        faults.clear()
        await asyncio.to_thread(eventually, lambda: store.outage is None)
    await store.close()

    rows = UsageRecord.objects.filter(principal_id=principal_id).order_by("id")
    found = [row async for row in rows.values_list("status", "http_status", "error_code", "completion_tokens")]
    assert found == [("internal_error", 503, "storage_unavailable", 5), ("client_closed", 499, "", 5)]
    session = await ChatSession.objects.aget(principal_id=principal_id)
    assert session.title == "2"
    assert session.message_count == 2


async def test_closing_writes_the_deferred_records(principal_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    with broken(monkeypatch) as faults:
        monkeypatch.setattr(recording, "PROBE_SECONDS", 3600)
        with pytest.raises(StoreUnavailableError):
            await store.commit(asked(principal_id, "1"))
        faults.clear()
        await store.close()

    assert await UsageRecord.objects.filter(principal_id=principal_id).acount() == 1


async def test_records_lost_at_the_end_are_logged(
    principal_id: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store()
    with broken(monkeypatch):
        with pytest.raises(StoreUnavailableError):
            await store.commit(asked(principal_id, "1"))
        await store.close()

    assert "1 requests that Gemini answered have no usage record" in caplog.text


async def test_an_invalid_deferred_record_does_not_prolong_the_outage(
    principal_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    with broken(monkeypatch) as faults:
        for record in (asked(principal_id, "1"), exchange(2**40, attempts=1), asked(principal_id, "2")):
            with pytest.raises(StoreUnavailableError):
                await store.commit(record)
        faults.clear()
        await asyncio.to_thread(eventually, lambda: store.outage is None)
    await store.close()

    assert await UsageRecord.objects.filter(principal_id=principal_id).acount() == 2


async def test_requests_are_rejected_after_a_commit_timeout_until_the_database_responds(
    principal_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(timeout=0.05)
    gate, begun = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def write(records: Any, **options: Any) -> Any:
        """Block until the gate opens."""
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(10)
        return write_batch(records, **options)

    monkeypatch.setattr(batch_commit, "write_batch", write)
    hanging = asyncio.ensure_future(store.commit(asked(principal_id, "1")))
    await begun.wait()
    queued = asyncio.ensure_future(store.commit(asked(principal_id, "2")))
    forgotten = asyncio.ensure_future(store.write(ChatSession.objects.filter(principal_id=principal_id).delete))
    for waiting in (hanging, queued, forgotten):
        with pytest.raises(StoreUnavailableError):
            await waiting
    assert store.outage == "the database does not answer in time"
    with pytest.raises(StoreUnavailableError, match="in time"):
        await store.commit(exchange(principal_id, attempts=0))
    gate.set()
    await asyncio.to_thread(eventually, lambda: store.outage is None)
    await store.close()

    rows = UsageRecord.objects.filter(principal_id=principal_id).order_by("id")
    assert [row async for row in rows.values_list("status", flat=True)] == ["ok", "internal_error"]
    session = await ChatSession.objects.aget(principal_id=principal_id)
    assert session.title == "1"
    assert session.message_count == 2
