"""Lookups of single rows on the event loop: their consistency, and the cases for the reader threads."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster
from django.db import connection

from sessions_store.database import inline_reads
from sessions_store.database.cursors import ReadRows, database_file, read_rows
from sessions_store.database.inline_reads import InlineReads
from sessions_store.state.chat_sessions import SessionState, erase_sessions, find_session
from sessions_store.writing.records import IDLE
from sessions_store.writing.store import Store, StoreError
from tests.unit.store.exchanges import NOON, exchange, message_pair
from tests.waiting import eventually

on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="on PostgreSQL all reads go to the threads")
pytestmark = [pytest.mark.usefixtures("live_db")]


@pytest.fixture
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that blocks a thread until the test opens it."""
    monkeypatch.setattr(inline_reads, "PAUSE_SECONDS", 0.1)


@pytest.fixture
def inline() -> Iterator[InlineReads]:
    """Return the connection of the test's event loop."""
    with closing(InlineReads()) as opened:
        yield opened


def find(rows: ReadRows, principal_id: int, name: str = "") -> SessionState | None:
    return find_session(principal_id, "ann", name, now=NOON, idle=IDLE, rows=rows)


def one(rows: ReadRows, *, seconds: float = 0.0) -> list[tuple[Any, ...]]:
    """Run a slow lookup."""
    time.sleep(seconds)
    return rows("SELECT %s", [1])


@pytest.mark.skipif(connection.vendor == "sqlite", reason="only SQLite is near")
async def test_postgresql_is_read_in_a_thread(store: Store) -> None:
    assert await reader_of(store) == [False, False]
    assert await reader_of(store, has_more=True) == [False, False]


@on_sqlite
async def test_a_committed_row_is_found_at_once(
    store: Store, inline: InlineReads, principal_id: int, blockbuster: BlockBuster
) -> None:
    """The loop reads every acknowledged commit, of its own writer and of another worker."""
    other = Store(timeout=20)
    assert inline.look_up(find, principal_id) == (None,)

    head = None
    for number in range(40):
        known = {"user": "ann", "expected_head": head}
        committed = await (store, other)[number % 2].commit(
            exchange(principal_id, message_pair(str(number)), parent=head, session=known)
        )
        (found,) = inline.look_up(find, principal_id) or (None,)
        assert found is not None
        assert (found.head, found.public_id) == (committed.head, committed.session)
        assert found.message_count == 2 * (number + 1)
        head = committed.head

    await other.close()
    assert await store.write(erase_sessions, principal_id, "ann") == 1
    assert inline.look_up(find, principal_id) == (None,)


@on_sqlite
async def test_one_of_many_sessions_of_a_user_is_found_by_its_name_or_id(
    store: Store, inline: InlineReads, principal_id: int
) -> None:
    named = {
        f"chat-{number}": await store.commit(
            exchange(principal_id, message_pair(str(number)), session={"user": "ann", "name": f"chat-{number}"})
        )
        for number in range(20)
    }
    for name, committed in named.items():
        for called in (name, committed.session or ""):
            found = await store.read(find, read_rows, principal_id, called)
            assert found is not None
            assert found.public_id == committed.session
            assert inline.look_up(find, principal_id, called) == (found,)
    assert inline.look_up(find, principal_id) == (None,)


@on_sqlite
async def test_an_inline_read_leaves_no_snapshot_open(store: Store, inline: InlineReads, principal_id: int) -> None:
    """An open snapshot would prevent the checkpoint of the write-ahead log while the worker runs."""
    await store.commit(exchange(principal_id, message_pair("1"), session={"user": "ann"}))
    assert inline.look_up(find, principal_id) is not None
    (emptied,) = await store.read(read_rows, "PRAGMA wal_checkpoint(TRUNCATE)", [])
    assert emptied[0] == 0  # 1: another connection blocked the checkpoint


@on_sqlite
async def test_the_loop_cannot_write(store: Store, inline: InlineReads, principal_id: int) -> None:
    await store.commit(exchange(principal_id, message_pair("1"), session={"user": "ann"}))

    def erase(rows: ReadRows) -> None:
        rows('DELETE FROM sessions_store_chatsession WHERE "user" = %s', ["ann"])

    assert inline.look_up(erase) is None
    assert await store.read(find, read_rows, principal_id) is not None


@on_sqlite
async def test_an_exception_of_the_function_is_raised(inline: InlineReads) -> None:
    def stumble(_: ReadRows) -> None:
        raise LookupError("not the database's")

    with pytest.raises(LookupError, match="not the database's"):
        inline.look_up(stumble)
    assert inline.look_up(one) is not None


@on_sqlite
@pytest.mark.usefixtures("short_pause")
async def test_a_stall_sends_the_reads_to_the_threads_for_a_while(inline: InlineReads) -> None:
    assert inline.look_up(one, seconds=inline_reads.STALLED_SECONDS) == ([(1,)],)
    assert inline.look_up(one) is None
    eventually(lambda: inline.look_up(one) == ([(1,)],))


@on_sqlite
async def test_a_slow_disk_sends_the_reads_to_the_threads_and_a_busy_core_does_not(
    inline: InlineReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = 2 * inline_reads.SLOW_SECONDS
    read = 1000
    monkeypatch.setattr(inline_reads, "disk_reads", lambda: read)
    assert inline.look_up(one) is not None
    assert inline.look_up(one, seconds=slow) is not None

    read += 8
    assert inline.look_up(one, seconds=slow) == ([(1,)],)
    assert inline.look_up(one) is None


async def reader_of(store: Store, *, has_more: bool = False) -> list[bool]:
    """Return whether the functions `find` and `then` of `read_one` ran on the event loop."""
    threads = []

    def find(rows: ReadRows) -> list[tuple[Any, ...]]:
        threads.append(threading.get_ident())
        return one(rows)

    def then(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        threads.append(threading.get_ident())
        return found

    assert await store.read_one(find, then, has_more=lambda _: has_more) == [(1,)]
    return [thread == threading.get_ident() for thread in threads]


@on_sqlite
async def test_only_reads_after_the_single_row_use_a_thread(store: Store) -> None:
    assert await reader_of(store) == [True, True]
    assert await reader_of(store, has_more=True) == [True, False]


@on_sqlite
async def test_the_loop_reads_nothing_in_an_outage_or_after_the_end(store: Store) -> None:
    assert await reader_of(store) == [True, True]
    store.begin_outage("somebody pulled the plug")
    assert await reader_of(store) == [False, False]
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await reader_of(store)


@on_sqlite
@pytest.mark.usefixtures("short_pause")
async def test_a_locked_database_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline_reads, "database_file", lambda: tmp_path / "a?b%20.sqlite3")
    with closing(sqlite3.connect(tmp_path / "a?b%20.sqlite3", isolation_level=None)) as owner:
        owner.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (n); INSERT INTO t VALUES (1)")
        with closing(InlineReads()) as inline:
            assert inline.look_up(one) == ([(1,)],)
            inline.close()
            owner.executescript("PRAGMA locking_mode = EXCLUSIVE; INSERT INTO t VALUES (2)")
            began = time.monotonic()
            assert inline.look_up(one) is None
            assert time.monotonic() - began < 1
            owner.executescript("PRAGMA locking_mode = NORMAL; SELECT * FROM t")
            eventually(lambda: inline.look_up(one) == ([(1,)],))


@on_sqlite
@pytest.mark.parametrize("what", ["absent", "garbage", "without WAL", "in memory"])
async def test_an_unsafe_read_is_left_to_the_threads(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "database.sqlite3"
    if what == "garbage":
        file.write_bytes(b"no database at all" * 1000)
    if what == "without WAL":
        with closing(sqlite3.connect(file)) as owner:
            owner.executescript("CREATE TABLE t (n)")
    if what == "in memory":
        monkeypatch.setitem(connection.settings_dict, "NAME", "file:memory?mode=memory&cache=shared")
        assert database_file() is None
    else:
        monkeypatch.setattr(inline_reads, "database_file", lambda: file)
    with closing(InlineReads()) as inline:
        assert inline.look_up(one) is None
        assert inline.look_up(one) is None
    assert file.exists() == (what in {"garbage", "without WAL"})
