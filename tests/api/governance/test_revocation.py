"""Revoked keys: new requests are refused everywhere, `cut` ends what runs; uses and sockets of keys (G7, G8)."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from openai import APIError, AuthenticationError, OpenAI
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from sessions_store.accounts.issuing import revoke_key
from sessions_store.accounts.key_use import KeyUses
from sessions_store.database.cursors import hot_transaction
from sessions_store.models import Key, UsageRecord
from tests.emulator_control import Emulator, text_chunks
from tests.exchanges import GEMINI_3, user_message
from tests.issued_keys import Issued
from tests.live_gateway import LiveGateway
from tests.waiting import eventually

Sdk = Callable[[str], OpenAI]


@pytest.fixture
def worker(gateway: LiveGateway, emulator_url: str) -> Iterator[LiveGateway]:
    """A second worker on the database of the first."""
    with LiveGateway.start(upstream=emulator_url) as other:
        yield other


def socket_of(gateway: LiveGateway, key: str) -> ClientConnection:
    """Open a WebSocket with a key."""
    url = gateway.origin.replace("http", "ws") + "/v1/responses"
    return connect(url, additional_headers={"authorization": f"Bearer {key}"}, proxy=None)


def opens(gateway: LiveGateway, key: str) -> bool:
    """Whether a key may open one more WebSocket."""
    try:
        with socket_of(gateway, key):
            return True
    except InvalidStatus:
        return False


def last_frame(socket: ClientConnection) -> dict[str, Any]:
    """Return the frame that ends a response."""
    while (event := json.loads(socket.recv(timeout=10)))["type"] not in {
        "response.completed",
        "response.failed",
        "error",
    }:
        pass
    found: dict[str, Any] = event
    return found


def records(key: Key) -> list[tuple[str, str]]:
    """Return (status, error code) of the requests of a key."""
    return list(UsageRecord.objects.filter(key_id=key.pk).order_by("pk").values_list("status", "error_code"))


def test_g07_a_revoked_key_is_refused_on_every_worker_by_the_next_request(
    gateway: LiveGateway, worker: LiveGateway, issued: Issued, sdk: Sdk
) -> None:
    row, key = issued.key()
    clients = [sdk(key), OpenAI(base_url=worker.base_url, api_key=key, max_retries=0)]
    for client in clients:
        assert client.models.list().data

    revoke_key(row)

    for client in clients:
        with client, pytest.raises(AuthenticationError):
            client.models.list()


def test_g07_without_cut_a_running_stream_ends_by_itself(sdk: Sdk, issued: Issued, emulator: Emulator) -> None:
    row, key = issued.key()
    emulator.script({"chunks": text_chunks("Hel", "lo"), "hold_after": 1})
    hello: Any = [user_message()]
    chunks = iter(sdk(key).chat.completions.create(model=GEMINI_3, messages=hello, stream=True))
    begun = next(chunks).choices[0].delta.content or ""

    revoke_key(row)
    emulator.release()

    assert begun + "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello"
    assert records(row) == [("ok", "")]


def test_g07_cut_ends_a_chat_stream_with_an_error_event(sdk: Sdk, issued: Issued, emulator: Emulator) -> None:
    row, key = issued.key()
    emulator.script({"chunks": text_chunks("Hel", "lo"), "hold_after": 1})
    hello: Any = [user_message()]
    chunks = iter(sdk(key).chat.completions.create(model=GEMINI_3, messages=hello, stream=True))
    next(chunks)

    revoke_key(row, cut=True)

    with pytest.raises(APIError, match="revoked"):
        list(chunks)
    eventually(lambda: records(row) == [("cut_by_server", "api_key_revoked")])
    eventually(lambda: emulator.received()[0]["cancelled"])


def test_g07_cut_ends_a_stream_of_responses_with_response_failed(sdk: Sdk, issued: Issued, emulator: Emulator) -> None:
    row, key = issued.key()
    emulator.script({"chunks": text_chunks("Hel", "lo"), "hold_after": 1})
    events = iter(sdk(key).responses.create(model=GEMINI_3, input="Hi", stream=True))
    next(events)

    revoke_key(row, cut=True)

    assert list(events)[-1].type == "response.failed"
    assert records(row) == [("cut_by_server", "api_key_revoked")]


def test_g07_cut_ends_a_plain_request_with_401(sdk: Sdk, issued: Issued, emulator: Emulator) -> None:
    row, key = issued.key()
    emulator.script({"hold": True})
    refused: list[Exception] = []

    def ask() -> None:
        try:
            sdk(key).chat.completions.create(model=GEMINI_3, messages=[user_message()])  # type: ignore[list-item]
        except AuthenticationError as error:
            refused.append(error)

    asking = Thread(target=ask)
    asking.start()
    eventually(lambda: emulator.count() == 1)
    revoke_key(row, cut=True)
    asking.join(10)

    [error] = refused
    assert isinstance(error, AuthenticationError)
    assert error.code == "api_key_revoked"
    assert error.response.headers["x-should-retry"] == "false"
    assert records(row) == [("cut_by_server", "api_key_revoked")]


def test_g07_cut_ends_a_background_response_as_failed(sdk: Sdk, issued: Issued, emulator: Emulator) -> None:
    project = issued.project()
    row, key = issued.key(project)
    other = sdk(issued.client_key(project))
    emulator.script({"chunks": text_chunks("Hel", "lo"), "hold_after": 1})
    response = sdk(key).responses.create(model=GEMINI_3, input="Hi", background=True)
    eventually(lambda: emulator.count() == 1)

    revoke_key(row, cut=True)

    eventually(lambda: other.responses.retrieve(response.id).status == "failed")
    eventually(lambda: records(row) == [("cut_by_server", "api_key_revoked")])


def test_g07_cut_ends_a_websocket_and_its_running_response(
    gateway: LiveGateway, issued: Issued, emulator: Emulator
) -> None:
    row, key = issued.key()
    emulator.script({"chunks": text_chunks("Hel", "lo"), "hold_after": 1})
    with socket_of(gateway, key) as socket:
        socket.send(json.dumps({"type": "response.create", "model": GEMINI_3, "input": "Hi"}))
        json.loads(socket.recv(timeout=10))

        revoke_key(row, cut=True)

        assert last_frame(socket)["type"] == "response.failed"
        ending = last_frame(socket)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
    assert (ending["status"], ending["error"]["code"]) == (401, "api_key_revoked")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    assert records(row) == [("cut_by_server", "api_key_revoked")]


def test_g07_cut_ends_an_idle_websocket(gateway: LiveGateway, issued: Issued) -> None:
    row, key = issued.key()
    with socket_of(gateway, key) as socket:
        revoke_key(row, cut=True)
        assert last_frame(socket)["error"]["code"] == "api_key_revoked"
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=10)


def test_g07_each_frame_of_a_websocket_checks_its_key(gateway: LiveGateway, issued: Issued) -> None:
    row, key = issued.key()
    with socket_of(gateway, key) as socket:
        frame = json.dumps({"type": "response.create", "model": GEMINI_3, "input": "Hi"})
        socket.send(frame)
        assert last_frame(socket)["type"] == "response.completed"

        revoke_key(row)
        socket.send(frame)
        refused = last_frame(socket)

    assert (refused["status"], refused["error"]["code"]) == (401, "invalid_api_key")


def test_g07_a_change_of_the_settings_applies_to_the_next_frame(gateway: LiveGateway, issued: Issued) -> None:
    row, key = issued.key()
    with socket_of(gateway, key) as socket:
        row.policy = {"strict": True}
        row.save()
        socket.send(json.dumps({"type": "response.create", "model": GEMINI_3, "input": "Hi", "temperature": 0.1}))
        refused = last_frame(socket)

    assert (refused["status"], refused["error"]["param"]) == (400, "temperature")


def test_g07_a_cut_key_does_not_end_the_work_of_another_key(sdk: Sdk, issued: Issued, emulator: Emulator) -> None:
    (row, key), (other, other_key) = issued.key(), issued.key()
    emulator.script(*[{"chunks": text_chunks("Hel", "lo"), "hold_after": 1}] * 2)
    streams = [
        sdk(each).chat.completions.create(model=GEMINI_3, messages=[user_message()], stream=True)  # type: ignore[list-item]
        for each in (key, other_key)
    ]

    revoke_key(row, cut=True)
    with pytest.raises(APIError, match="revoked"):
        list(streams[0])
    emulator.release()

    assert list(streams[1])
    assert records(other) == [("ok", "")]


def test_g08_the_use_of_a_key_is_recorded_with_a_commit(sdk: Sdk, issued: Issued) -> None:
    row, key = issued.key()
    before = datetime.now(UTC)
    changed = row.updated_at

    sdk(key).chat.completions.create(model=GEMINI_3, messages=[user_message()])  # type: ignore[list-item]

    row.refresh_from_db()
    assert row.last_used_at is not None
    assert before - timedelta(seconds=1) <= row.last_used_at
    assert row.last_used_from == "127.0.0.1"
    assert row.updated_at == changed

    first = row.last_used_at
    sdk(key).chat.completions.create(model=GEMINI_3, messages=[user_message()])  # type: ignore[list-item]
    row.refresh_from_db()
    assert row.last_used_at == first


@pytest.mark.usefixtures("live_db")
def test_g08_a_use_is_due_once_a_minute(issued: Issued, monkeypatch: pytest.MonkeyPatch) -> None:
    row, _ = issued.key()
    clock = datetime(2026, 11, 1, 12, tzinfo=UTC)

    class Clock(datetime):
        """A clock that the test moves."""

        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return clock

    monkeypatch.setattr("sessions_store.accounts.key_use.datetime", Clock)
    uses, found = KeyUses(), []
    for seconds, address in ((0, "10.0.0.1"), (59, "10.0.0.2"), (61, "10.0.0.3")):
        clock = datetime(2026, 11, 1, 12, tzinfo=UTC) + timedelta(seconds=seconds)
        uses.note(row.pk, address)
        with hot_transaction() as cursor:
            uses.write(cursor)
        row.refresh_from_db()
        found.append(row.last_used_from)

    assert found == ["10.0.0.1", "10.0.0.1", "10.0.0.3"]


def test_sockets_are_counted_per_key(django_db_setup: None, emulator_url: str, issued: Issued) -> None:
    with LiveGateway.start(upstream=emulator_url, settings={"MAX_SOCKETS_PER_CALLER": "1"}) as gateway:
        first, second = issued.client_key(), issued.client_key()
        with socket_of(gateway, first), socket_of(gateway, second):
            assert not opens(gateway, first)
        eventually(lambda: opens(gateway, first))
