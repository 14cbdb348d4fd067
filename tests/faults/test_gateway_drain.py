"""SIGTERM while the gateway streams: streams that finish in time are complete, other streams end with an error, all
exchanges are recorded, and the server exits with status 0.
"""

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx2
import pytest
from websockets.sync.client import connect

from sessions_store.models import UsageRecord
from tests.emulator_control import Emulator, text_chunk
from tests.exchanges import GEMINI_3
from tests.live_gateway import UNDER_UVICORN, LiveGateway
from tests.waiting import eventually

CUT = "cut"

pytestmark = pytest.mark.usefixtures("live_db")


@pytest.fixture
def draining_gateway(emulator: Emulator) -> Iterator[LiveGateway]:
    """A server with a drain time of three seconds."""
    with LiveGateway.start(upstream=emulator.base_url, settings={"DRAIN_SECONDS": "3"}) as server:
        yield server


def begin_stream(stack: ExitStack, server: LiveGateway, user: str) -> httpx2.Response:
    """Request a stream; return after its head."""
    body = {"model": "gpt-3.5-turbo", "stream": True, "user": user, "messages": [{"role": "user", "content": "Hi"}]}
    request = httpx2.stream("POST", f"{server.base_url}/chat/completions", json=body, timeout=30, trust_env=False)
    response = stack.enter_context(request)
    assert response.status_code == 200
    return response


def last_event(response: httpx2.Response) -> str:
    """Return the last `data:` line of a stream; CUT if the connection ended before."""
    last = ""
    try:
        for line in response.iter_lines():
            if line.startswith("data: "):
                last = line.removeprefix("data: ")
    except httpx2.RemoteProtocolError:
        return CUT
    return last


def test_streams_in_time_are_complete_and_others_end_with_a_recorded_error(
    draining_gateway: LiveGateway, emulator: Emulator
) -> None:
    run = uuid.uuid4().hex
    short = {"chunks": [text_chunk("a"), text_chunk("b"), text_chunk("c", finishReason="STOP")], "hold_after": 1}
    endless = {"chunks": [text_chunk("a"), *[text_chunk("b")] * 1000], "gap": 0.2}
    emulator.script([short] * 10)
    with ExitStack() as stack, ThreadPoolExecutor(12) as pool:
        streams = [begin_stream(stack, draining_gateway, f"{run}-short-{number}") for number in range(10)]
        emulator.script([endless] * 2)
        streams += [begin_stream(stack, draining_gateway, f"{run}-endless-{number}") for number in range(2)]

        draining_gateway.terminate()
        draining_gateway.wait_for("Stopping: waiting|Shutting down")
        emulator.release()
        endings = list(pool.map(last_event, streams))

    assert endings[:10] == ["[DONE]"] * 10
    if UNDER_UVICORN:  # uvicorn closes the connections: clients see incomplete responses
        assert endings[10:] == [CUT] * 2
    else:
        assert {json.loads(ending)["error"]["code"] for ending in endings[10:]} == {"server_shutting_down"}
    assert draining_gateway.ended_well()
    rows = UsageRecord.objects.filter(user__startswith=run)
    assert Counter(rows.values_list("status", flat=True)) == {"ok": 10, "cut_by_server": 2}
    for row in rows.filter(status="cut_by_server"):
        assert "endless" in row.user
        assert (row.http_status, row.error_code) == (503, "server_shutting_down")
        assert row.completion_tokens == 5
    assert "Traceback" not in draining_gateway.log


def test_the_gateway_is_not_ready_after_the_signal(draining_gateway: LiveGateway, emulator: Emulator) -> None:
    emulator.script({"chunks": [text_chunk("a"), text_chunk("b", finishReason="STOP")], "hold_after": 1})
    with ExitStack() as stack:
        # A load balancer's kept-alive connection with a running request: the only connection after the port is closed.
        stream = begin_stream(stack, draining_gateway, "")
        draining_gateway.terminate()
        draining_gateway.wait_for("Stopping: waiting|Shutting down")

        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{draining_gateway.origin}/readyz", trust_env=False)
        emulator.release()
        assert last_event(stream) == "[DONE]"
    assert draining_gateway.ended_well()


def test_the_reason_of_a_cancelled_exchange_is_recorded_while_the_server_stops(
    draining_gateway: LiveGateway, emulator: Emulator
) -> None:
    run = uuid.uuid4().hex
    emulator.script(*[{"chunks": [text_chunk("a"), *[text_chunk("b")] * 1000], "gap": 0.2}] * 3, {"hang": True})
    body = {"model": GEMINI_3, "input": "Hi"}
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        begin_stream(stack, draining_gateway, f"{run}-stays")
        left = begin_stream(stack, draining_gateway, f"{run}-leaves")
        socket = stack.enter_context(connect(f"ws://127.0.0.1:{draining_gateway.port}/v1/responses", proxy=None))
        socket.send(json.dumps({"type": "response.create", "user": f"{run}-socket", **body}))
        socket.recv(timeout=10)
        plain = pool.submit(
            httpx2.post,
            f"{draining_gateway.base_url}/responses",
            json={"user": f"{run}-plain", **body},
            timeout=30,
            trust_env=False,
        )
        eventually(lambda: len([entry for entry in emulator.received() if entry["method"] == "POST"]) == 4)

        draining_gateway.terminate()
        draining_gateway.wait_for("Stopping: waiting|Shutting down")
        left.close()
        assert draining_gateway.ended_well()
        if not UNDER_UVICORN:
            assert (plain.result().status_code, plain.result().json()["error"]["code"]) == (503, "server_shutting_down")

    found = dict(UsageRecord.objects.filter(user__startswith=run).values_list("user", "status"))
    assert found == {
        f"{run}-stays": "cut_by_server",
        f"{run}-leaves": "client_closed",
        f"{run}-socket": "cut_by_server",
        f"{run}-plain": "cut_by_server",
    }
    assert "Traceback" not in draining_gateway.log
