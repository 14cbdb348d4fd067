"""Invalid clients, killed servers, and two servers at once: no acknowledged exchange is lost."""

import signal
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from time import monotonic
from typing import Any

import httpx2
import pytest
from django.conf import settings
from django.core.management import call_command

from sessions_store.models import ChatSession, Message, UsageRecord
from tests.api.sessions import transcript
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, JSON, chat_body, error_of, fresh
from tests.faults.conftest import read_answer
from tests.live_gateway import LiveGateway, by_serve
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("live_db")


def post(origin: str, body: Any, **options: Any) -> httpx2.Response:
    """Send a request to a server on a new connection."""
    return httpx2.post(f"{origin}{CHAT}", json=body, timeout=30, trust_env=False, **options)


@pytest.mark.parametrize("stream", [False, True])
def test_a_killed_server_loses_no_acknowledged_exchange(
    django_db_setup: None, emulator: Emulator, emulator_url: str, stream: bool
) -> None:
    user = fresh("killed")
    acknowledged: list[str] = []
    numbers = count()
    with LiveGateway.start(upstream=emulator_url) as server:

        def ask_until_it_dies(_: int) -> None:
            try:
                while True:
                    response = post(server.origin, chat_body(f"Number {next(numbers)}", user=user, stream=stream))
                    assert response.status_code == 200
                    assert not stream or response.text.endswith("data: [DONE]\n\n")
                    acknowledged.append(response.headers["x-request-id"])
            except httpx2.TransportError:
                return

        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask_until_it_dies, number) for number in range(4)]
            eventually(lambda: len(acknowledged) >= 25 or any(ended.done() for ended in asking), timeout=30)
            server.process.send_signal(signal.SIGKILL)
            for ended in asking:
                ended.result(timeout=30)

    assert len(acknowledged) >= 25
    recorded = UsageRecord.objects.filter(request_id__in=acknowledged, status="ok")
    assert recorded.count() == len(acknowledged)
    session = ChatSession.objects.get(user=user)
    assert session.message_count >= 2 * len(acknowledged)
    assert Message.objects.filter(id__in=recorded.values("answer_id")).count() == len(acknowledged)
    call_command("check_rollups")
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        with sqlite3.connect(settings.DATABASES["default"]["NAME"]) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_two_servers_share_a_session_without_loss(
    gateway: LiveGateway, impatient_gateway: LiveGateway, emulator: Emulator
) -> None:
    user = fresh("shared")
    texts = [f"Message {number}" for number in range(16)]

    def ask(numbered: tuple[int, str]) -> int:
        number, text = numbered
        server = (gateway, impatient_gateway)[number % 2]
        return post(server.origin, chat_body(text, user=user)).status_code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, enumerate(texts))) == [200] * 16

    session = ChatSession.objects.get(user=user)
    path = transcript(session)
    assert [message.role for message in path] == ["user", "assistant"] * 16
    told = sorted(message.openai for message in path if message.role == "user")
    assert told == sorted(f'{{"role":"user","content":"{text}"}}' for text in texts)
    for asked, answered in zip(path[::2], path[1::2], strict=True):
        assert asked.openai.split('"')[-2] in answered.openai  # each response follows its own request
    assert session.message_count == 32


def test_a_declared_too_large_body_is_rejected_before_it_is_read(impatient_gateway: LiveGateway) -> None:
    head = (
        f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 200001\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", impatient_gateway.port), timeout=10) as connection:
        connection.sendall(head.encode())
        answer = read_answer(connection)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"request_too_large"' in answer


def test_a_too_large_body_is_rejected_with_and_without_a_length(impatient_gateway: LiveGateway) -> None:
    url = f"{impatient_gateway.origin}{CHAT}"
    whole = b'{"model": "gpt-4", "messages": [{"role": "user", "content": "' + b"x" * 250_000 + b'"}]}'
    chunks = (whole[start : start + 50_000] for start in range(0, len(whole), 50_000))
    for content in (whole, chunks):
        response = httpx2.post(url, content=content, headers=JSON, timeout=10, trust_env=False)
        assert response.status_code == 413
        assert error_of(response)["code"] == "request_too_large"


def test_a_large_body_within_the_limit_is_accepted(http: httpx2.Client, emulator: Emulator) -> None:
    response = http.post(CHAT, json=chat_body("Count to 3. " + "x" * 3_000_000))

    assert response.status_code == 200
    [sent] = emulator.bodies()
    assert len(sent["contents"][0]["parts"][0]["text"]) > 3_000_000


def seconds_of_an_answer(server: LiveGateway) -> float:
    """Return the duration of a small request."""
    began = monotonic()
    assert post(server.origin, chat_body("Say pong")).status_code == 200
    return monotonic() - began


@by_serve("it sees how much waits for a client and for how long")
def test_a_client_that_does_not_read_is_disconnected_and_others_are_not(
    impatient_gateway: LiveGateway, emulator: Emulator
) -> None:
    large = {"candidates": [{"content": {"role": "model", "parts": [{"text": "x" * 200_000}]}, "index": 0}]}
    emulator.script({"chunks": [large] * 150, "gap": 0.02, "match": {"contains": "slow reader"}})
    user = fresh("slow")
    body = httpx2.Request("POST", "http://x", json=chat_body("slow reader", user=user, stream=True)).read()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    idle = seconds_of_an_answer(impatient_gateway)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", impatient_gateway.port))
        connection.sendall(head.encode() + body)
        # On a busy machine all clients wait.
        assert seconds_of_an_answer(impatient_gateway) < 1 + 5 * idle
        record = eventually(lambda: UsageRecord.objects.filter(user=user).first(), timeout=15)

    assert (record.status, record.stream) == ("client_closed", True)
    entry = next(entry for entry in emulator.received() if "slow reader" in str(entry["body"]))
    assert entry["cancelled"]
    assert entry["chunks_sent"] < 150


def test_many_client_disconnects_leave_no_resources(http: httpx2.Client, emulator: Emulator) -> None:
    user = fresh("leavers")
    emulator.script(*[{"hold_after": 1}] * 20)

    def leave(number: int) -> None:
        with http.stream(
            "POST", CHAT, json=chat_body("Tell me a story", stream=True, user=f"{user}-{number}")
        ) as answer:
            next(answer.iter_lines())

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(leave, range(20)))

    def all_recorded() -> bool:
        return UsageRecord.objects.filter(user__startswith=user, status="client_closed").count() == 20

    eventually(all_recorded)
    assert http.post(CHAT, json=chat_body()).status_code == 200
    assert all(entry["cancelled"] for entry in emulator.received()[:20])


def test_a_half_closed_connection_is_a_client_disconnect(gateway: LiveGateway, emulator: Emulator) -> None:
    user = fresh("half-closed")
    emulator.script({"match": {"contains": user}, "hang_after": 1})
    body = httpx2.Request("POST", gateway.origin, json=chat_body(user, user=user, stream=True)).read()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        fields = ["Host: localhost", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        head = "\r\n".join([f"POST {CHAT} HTTP/1.1", *fields, "", ""])
        connection.sendall(head.encode() + body)
        connection.recv(1)
        connection.shutdown(socket.SHUT_WR)

        eventually(lambda: UsageRecord.objects.filter(session__user=user, status="client_closed").exists())
        eventually(lambda: any(entry["cancelled"] for entry in emulator.received()))
