"""Looking single rows up on the event loop: what it sees, and when the threads must be asked."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster
from django.db import connection

from sessions_store.database import inline_reads
from sessions_store.database.cursors import ReadRows, database_file, read_rows
from sessions_store.database.inline_reads import NearReads
from sessions_store.state.chat_sessions import SessionState, find_session, forget
from sessions_store.writing.records import IDLE
from sessions_store.writing.store import Store
from tests.unit.store.exchanges import NOON, exchange, turn
from tests.waiting import eventually

on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="on PostgreSQL all reads go to the threads")
pytestmark = [pytest.mark.usefixtures("live_db")]


@pytest.fixture
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause that a test can wait for."""
    monkeypatch.setattr(inline_reads, "PAUSE_SECONDS", 0.1)


def find(rows: ReadRows, principal_id: int, name: str = "") -> SessionState | None:
    return find_session(principal_id, "ann", name, now=NOON, idle=IDLE, rows=rows)


def one(rows: ReadRows, *, seconds: float = 0.0) -> list[tuple[Any, ...]]:
    """A look-up that takes its time."""
    time.sleep(seconds)
    return rows("SELECT %s", [1])


@pytest.mark.skipif(connection.vendor == "sqlite", reason="only SQLite is near")
async def test_postgresql_is_asked_in_a_thread(store: Store, principal_id: int) -> None:
    await store.commit(exchange(principal_id, turn("1"), session={"user": "ann"}))
    assert store.look_up(find, principal_id) is None
    assert await store.read(find, read_rows, principal_id) is not None


@on_sqlite
async def test_a_committed_row_is_found_at_once(store: Store, principal_id: int, blockbuster: BlockBuster) -> None:
    """The loop sees what its own writer and another worker's have acknowledged, each time."""
    other = Store(patience=20)
    assert store.look_up(find, principal_id) == (None,)

    head = None
    for number in range(40):
        known = {"user": "ann", "expected_head": head}
        committed = await (store, other)[number % 2].commit(
            exchange(principal_id, turn(str(number)), parent=head, session=known)
        )
        near = store.look_up(find, principal_id)
        assert near is not None
        assert near[0] is not None
        assert (near[0].head, near[0].public_id) == (committed.head, committed.session)
        assert near[0].message_count == 2 * (number + 1)
        head = committed.head

    await other.close()
    assert await store.write(forget, principal_id, "ann") == 1
    assert store.look_up(find, principal_id) == (None,)


@on_sqlite
async def test_one_of_many_sessions_of_a_user_is_found_by_its_name_or_id(store: Store, principal_id: int) -> None:
    named = {
        f"chat-{number}": await store.commit(
            exchange(principal_id, turn(str(number)), session={"user": "ann", "name": f"chat-{number}"})
        )
        for number in range(20)
    }
    for name, committed in named.items():
        for called in (name, committed.session or ""):
            found = await store.read(find, read_rows, principal_id, called)
            assert found is not None
            assert found.public_id == committed.session
            assert store.look_up(find, principal_id, called) == (found,)
    assert store.look_up(find, principal_id) == (None,)


@on_sqlite
async def test_no_snapshot_stays_open(store: Store, principal_id: int) -> None:
    """One that stayed would keep the log from being emptied, for as long as the worker lives."""
    await store.commit(exchange(principal_id, turn("1"), session={"user": "ann"}))
    assert store.look_up(find, principal_id) is not None
    (emptied,) = await store.read(read_rows, "PRAGMA wal_checkpoint(TRUNCATE)", [])
    assert emptied[0] == 0  # 1: somebody was in the way


@on_sqlite
async def test_the_loop_cannot_write(store: Store, principal_id: int) -> None:
    await store.commit(exchange(principal_id, turn("1"), session={"user": "ann"}))

    def erase(rows: ReadRows) -> None:
        rows('DELETE FROM sessions_store_chatsession WHERE "user" = %s', ["ann"])

    assert store.look_up(erase) is None
    assert await store.read(find, read_rows, principal_id) is not None


@on_sqlite
async def test_an_exception_of_the_function_is_passed_on(store: Store) -> None:
    def stumble(_: ReadRows) -> None:
        raise LookupError("not the database's")

    with pytest.raises(LookupError, match="not the database's"):
        store.look_up(stumble)
    assert store.look_up(one) is not None


@on_sqlite
@pytest.mark.usefixtures("short_pause")
async def test_a_stall_sends_the_reads_to_the_threads_for_a_while(store: Store) -> None:
    assert store.look_up(one, seconds=inline_reads.STALLED_SECONDS) == ([(1,)],)
    assert store.look_up(one) is None
    eventually(lambda: store.look_up(one) == ([(1,)],))


@on_sqlite
async def test_a_slow_disk_sends_the_reads_to_the_threads_and_a_busy_core_does_not(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = 2 * inline_reads.SLOW_SECONDS
    read = 1000
    monkeypatch.setattr(inline_reads, "disk_reads", lambda: read)
    assert store.look_up(one) is not None
    assert store.look_up(one, seconds=slow) is not None

    read += 8
    assert store.look_up(one, seconds=slow) == ([(1,)],)
    assert store.look_up(one) is None


@on_sqlite
async def test_during_an_outage_and_after_the_end_the_loop_reads_nothing(store: Store) -> None:
    assert store.look_up(one) is not None
    store.begin_outage("somebody pulled the plug")
    assert store.look_up(one) is None
    await store.close()
    assert store.look_up(one) is None


@on_sqlite
@pytest.mark.usefixtures("short_pause")
async def test_a_locked_database_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline_reads, "database_file", lambda: tmp_path / "a?b%20.sqlite3")
    with closing(sqlite3.connect(tmp_path / "a?b%20.sqlite3", isolation_level=None)) as owner:
        owner.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (n); INSERT INTO t VALUES (1)")
        with closing(NearReads()) as near:
            assert near.look_up(one) == ([(1,)],)
            near.close()
            owner.executescript("PRAGMA locking_mode = EXCLUSIVE; INSERT INTO t VALUES (2)")
            began = time.monotonic()
            assert near.look_up(one) is None
            assert time.monotonic() - began < 1
            owner.executescript("PRAGMA locking_mode = NORMAL; SELECT * FROM t")
            eventually(lambda: near.look_up(one) == ([(1,)],))


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
    with closing(NearReads()) as near:
        assert near.look_up(one) is None
        assert near.look_up(one) is None
    assert file.exists() == (what in {"garbage", "without WAL"})
