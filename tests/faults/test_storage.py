"""The database fails while the gateway runs: disk full, locked by another process, PostgreSQL read-only, stopped or
disconnected. No upstream call is made that cannot be recorded, no acknowledged exchange is lost, billed calls are in
the usage records, and the gateway recovers by itself.
"""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx2
import psycopg
import pytest
from websockets.sync.client import connect

from tests.emulator_control import Emulator, text_chunks
from tests.exchanges import CHAT, chat_body, error_of
from tests.live_gateway import LiveGateway
from tests.server_process import ROOT
from tests.waiting import eventually

# Each test creates its database, on SQLite or PostgreSQL.
pytestmark = [pytest.mark.store, pytest.mark.portable]

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "")
BEGUN, ENDED = "Nothing can be recorded", "The database accepts records again"
USAGE = "SELECT request_id, status, http_status, error_code, completion_tokens FROM sessions_store_usagerecord"
REFUSED = [
    (CHAT, chat_body()),
    (CHAT, chat_body(stream=True)),
    (CHAT, chat_body(user="ann")),
    ("/v1/completions", {"model": "gpt-4", "prompt": "Hi"}),
    ("/v1/responses", {"model": "gpt-4", "input": "Hi"}),
    ("/v1/responses", {"model": "gpt-4", "input": "Hi", "stream": True}),
    ("/v1/responses", {"model": "gpt-4", "input": "Hi", "background": True}),
    ("/v1/responses/input_tokens", {"model": "gpt-4", "input": "Hi"}),
    ("/v1/responses/compact", {"model": "gpt-4", "input": "Hi"}),
    ("/v1/conversations", {}),
]
Row = tuple[str, str, int, str, int]


@contextmanager
def started(database_url: str, data: Path, emulator: Emulator) -> Iterator[LiveGateway]:
    """A gateway with a new database."""
    settings = {"DATABASE_URL": database_url, "DATA_DIR": str(data)}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"],
        check=True,
        cwd=ROOT,
        env={**os.environ, **settings},
        timeout=120,
    )
    with LiveGateway.start(upstream=emulator.base_url, settings=settings) as gateway:
        yield gateway


@contextmanager
def asking(gateway: LiveGateway) -> Iterator[httpx2.Client]:
    """A client of that gateway."""
    with httpx2.Client(base_url=gateway.origin, timeout=60, trust_env=False) as http:
        yield http


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Fill the disk; return the file that fills it."""
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(b"\0" * 4096):
            pass
    return ballast


def usage_in(path: Path) -> dict[str, Row]:
    """Return the usage records of a SQLite file, by request id."""
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {row[0]: row for row in database.execute(USAGE)}


def assert_unavailable(response: httpx2.Response) -> None:
    """Check for OpenAI's 503 with a retry delay."""
    error = error_of(response)
    assert (response.status_code, error["type"]) == (503, "service_unavailable_error")
    assert error["code"] == "storage_unavailable"
    assert response.headers["retry-after"] == "1"
    assert "x-should-retry" not in response.headers


def ready(http: httpx2.Client) -> bool:
    """Return whether the gateway is ready."""
    return http.get("/readyz").status_code == 200


def assert_paid(row: Row) -> None:
    """Check a record of a billed upstream call without a response."""
    assert row[1:4] == ("internal_error", 503, "storage_unavailable")
    assert row[4] > 0


def test_a_full_disk_costs_one_upstream_call_only(small_disk: Path, emulator: Emulator) -> None:
    path = small_disk / "gateway.sqlite3"
    with started(f"sqlite:///{path}", small_disk, emulator) as gateway, asking(gateway) as http:
        acknowledged = http.post(CHAT, json=chat_body("Remember me", user="ann"))
        assert acknowledged.status_code == 200
        emulator.script({"body_delay": 0.0, "chunks": text_chunks("one", "two", "three"), "hold_after": 1})
        with http.stream("POST", CHAT, json=chat_body(stream=True)) as open_stream:
            heard = open_stream.iter_lines()
            assert "one" in next(heard) + next(heard) + next(heard)
            ballast = fill(small_disk)

            found_out = http.post(CHAT, json=chat_body("Lost?", user="ann"))
            assert_unavailable(found_out)
            asked = len(emulator.received())
            for route, body in REFUSED:
                assert_unavailable(http.post(route, json=body))
            with connect(f"ws://127.0.0.1:{gateway.port}/v1/responses", proxy=None) as socket:
                socket.send(json.dumps({"type": "response.create", "model": "gpt-4", "input": "Hi"}))
                assert json.loads(socket.recv(10))["error"]["code"] == "storage_unavailable"
            unready = http.get("/readyz")
            health = http.get("/healthz").status_code
            emulator.release()
            sent = [line.removeprefix("data: ") for line in heard if line.startswith("data: ")]

        assert len(emulator.received()) == asked == 3
        assert json.loads(sent[-1])["error"]["code"] == "storage_unavailable"
        assert (unready.status_code, health) == (503, 200)
        assert unready.json() == {
            "status": "nothing can be recorded",
            "reason": "the database has no space left",
        }
        assert "[DONE]" not in sent

        ballast.unlink()
        eventually(lambda: ready(http))
        again = http.post(CHAT, json=chat_body("Once more", user="ann"))
        assert again.status_code == 200
        body = list(emulator.bodies())[-1]
        assert "Remember me" in json.dumps(body)
        assert "Lost?" not in json.dumps(body)
        assert gateway.log.count(BEGUN) == gateway.log.count(ENDED) == 1
        assert "Traceback" not in gateway.log
        assert str(path) not in gateway.log.partition(BEGUN)[2]

    rows = usage_in(path)
    assert len(rows) == 4
    assert all(rows[response.headers["x-request-id"]][1] == "ok" for response in (acknowledged, again))
    assert_paid(rows[found_out.headers["x-request-id"]])
    assert_paid(rows[open_stream.headers["x-request-id"]])


def test_many_at_once_are_asked_once_each_at_most_and_are_in_the_usage_once(
    small_disk: Path, emulator: Emulator
) -> None:
    """Many requests on a full disk: each makes at most one upstream call, and each has one usage record."""
    path = small_disk / "gateway.sqlite3"
    with started(f"sqlite:///{path}", small_disk, emulator) as gateway, asking(gateway) as http:
        assert http.post(CHAT, json=chat_body()).status_code == 200
        ballast = fill(small_disk)
        with ThreadPoolExecutor(8) as pool:
            rejected = list(pool.map(lambda _: http.post(CHAT, json=chat_body()), range(40)))
        for response in rejected:
            assert_unavailable(response)
        asked = len(emulator.received()) - 1
        assert 1 <= asked <= 8
        ballast.unlink()
        eventually(lambda: ready(http))

    rows = usage_in(path)
    paid = [row for row in rows.values() if row[1] != "ok"]
    assert len(paid) == asked
    for row in paid:
        assert_paid(row)


def test_a_background_response_is_stored_as_failed_after_the_recovery(small_disk: Path, emulator: Emulator) -> None:
    path = small_disk / "gateway.sqlite3"
    with started(f"sqlite:///{path}", small_disk, emulator) as gateway, asking(gateway) as http:
        emulator.script({"chunks": text_chunks(*["word "] * 8), "hold_after": 2})
        body = {"model": "gpt-4", "input": "Hi", "background": True}
        begun = http.post("/v1/responses", json=body).json()
        place = f"/v1/responses/{begun['id']}"
        eventually(lambda: http.get(place).json()["status"] == "in_progress")
        # A client of the running response receives the end from the process, independent of the database.
        with http.stream("GET", place, params={"stream": "true"}) as live:
            ballast = fill(small_disk)
            emulator.release()
            gateway.wait_for(BEGUN)
            assert http.get(place).json()["status"] == "in_progress"
            assert "response.failed" in live.read().decode()

        ballast.unlink()
        eventually(lambda: ready(http))
        ended = eventually(lambda: seen if (seen := http.get(place).json())["status"] != "in_progress" else None)

    assert ended["status"] == "failed"
    assert ended["error"]["code"] == "server_error"
    assert ended["output"] == []
    [row] = usage_in(path).values()
    assert_paid(row)


def test_a_lock_of_another_process_is_waited_for_and_then_an_error(tmp_path: Path, emulator: Emulator) -> None:
    path = tmp_path / "gateway.sqlite3"
    with started(f"sqlite:///{path}", tmp_path, emulator) as gateway, asking(gateway) as http:
        assert http.post(CHAT, json=chat_body()).status_code == 200
        with locked(path):
            assert_unavailable(found_out := http.post(CHAT, json=chat_body()))
            for _ in range(3):
                assert_unavailable(http.post(CHAT, json=chat_body()))
            assert http.get("/readyz").json()["reason"] == "another process holds the database locked"
            assert len(emulator.received()) == 2
        eventually(lambda: ready(http))
        with locked(path) as release, ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(http.post, CHAT, json=chat_body())
            eventually(lambda: len(emulator.received()) == 3)
            release()
            assert waiting.result().status_code == 200
        assert gateway.log.count(BEGUN) == gateway.log.count(ENDED) == 1

    rows = usage_in(path)
    assert len(rows) == 3
    assert_paid(rows[found_out.headers["x-request-id"]])


HOLDER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(path: Path) -> Iterator[Callable[[], None]]:
    """Hold the write lock in another process until the end of the block, or until the lock is released."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None
    assert holder.stdout is not None

    def release() -> None:
        holder.communicate(timeout=10)

    assert holder.stdout.readline() == "held\n"
    try:
        yield release
    finally:
        if holder.poll() is None:
            release()


@pytest.fixture
def own_postgres(tmp_path: Path, emulator: Emulator) -> Iterator[tuple[LiveGateway, httpx2.Client, str]]:
    """A gateway with a new PostgreSQL database: the gateway, a client, and the database URL."""
    if not POSTGRES:
        pytest.skip("TEST_POSTGRES_URL names no server")
    name = f"gateway_faults_{uuid4().hex[:12]}"
    url = urlunsplit(urlsplit(POSTGRES)._replace(path=f"/{name}"))
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"'.encode())
    try:
        with started(url, tmp_path, emulator) as gateway, asking(gateway) as http:
            yield gateway, http, url
    finally:
        with psycopg.connect(POSTGRES, autocommit=True) as server:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def cut(url: str) -> None:
    """Terminate all other connections to a database."""
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [urlsplit(url).path.strip("/")]
        )


def usage_at(url: str) -> list[Row]:
    """Return the usage records of a PostgreSQL database."""
    with psycopg.connect(url) as database:
        return database.execute(USAGE.encode()).fetchall()


@pytest.mark.postgres
def test_connections_terminated_under_load_are_opened_again(
    own_postgres: tuple[LiveGateway, httpx2.Client, str], emulator: Emulator
) -> None:
    _, http, url = own_postgres
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(http.post, CHAT, json=chat_body(user=f"user-{number % 8}")) for number in range(120)]
        for until in (20, 50, 80):
            asked[until].result()
            cut(url)
        responses = [future.result() for future in asked]

    failed = [answer for answer in responses if answer.status_code != 200]
    assert len(failed) <= 9, "one for each time and connection that was cut"
    for answer in failed:
        assert_unavailable(answer)
    eventually(lambda: ready(http))
    rows = usage_at(url)
    assert len({row[0] for row in rows}) == len(rows)
    assert len([row for row in rows if row[4]]) == len(emulator.received())
    recorded = {row[0] for row in rows if row[1] == "ok"}
    assert {answer.headers["x-request-id"] for answer in responses if answer.status_code == 200} <= recorded


@pytest.mark.postgres
@pytest.mark.parametrize("fault", ["read-only", "no connections"])
def test_a_read_only_postgresql_rejects_requests_until_it_recovers(
    own_postgres: tuple[LiveGateway, httpx2.Client, str], emulator: Emulator, fault: str
) -> None:
    gateway, http, url = own_postgres
    name = urlsplit(url).path.strip("/")
    before, after = {
        "read-only": (
            f'ALTER DATABASE "{name}" SET default_transaction_read_only = on',
            "RESET default_transaction_read_only",
        ),
        "no connections": (f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false', "ALLOW_CONNECTIONS true"),
    }[fault]
    assert http.post(CHAT, json=chat_body()).status_code == 200
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(before.encode())
        cut(url)
        found_out = http.post(CHAT, json=chat_body())
        assert_unavailable(found_out)
        asked = len(emulator.received())
        for route, body in REFUSED:
            assert_unavailable(http.post(route, json=body))
        assert http.get("/readyz").status_code == 503
        # The catalogue may be reloaded at this moment: the failure then precedes the upstream call.
        assert len(emulator.received()) == asked <= 2
        server.execute(f'ALTER DATABASE "{name}" {after}'.encode())
    cut(url)
    eventually(lambda: ready(http))
    assert http.post(CHAT, json=chat_body()).status_code == 200
    assert gateway.log.count(BEGUN) == gateway.log.count(ENDED) == 1

    rows = {row[0]: row for row in usage_at(url)}
    assert len(rows) == len(emulator.received()) == asked + 1
    assert [row[1] for row in rows.values()].count("ok") == 2
    if asked == 2:
        assert_paid(rows[found_out.headers["x-request-id"]])
