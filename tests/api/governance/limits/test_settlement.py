"""Reserved tokens become those of the usage records, whatever way a request ends (G19)."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import httpx2
import pytest
from django.db.models import Sum
from openai import OpenAI
from websockets.sync.client import connect

from sessions_store.models import UsageRecord
from tests.api.governance.limits.conftest import AddLimit
from tests.emulator_control import Emulator, text_chunks
from tests.exchanges import CHAT, GEMINI_3, chat_body, fresh
from tests.live_gateway import LiveGateway
from tests.responses import ENDS
from tests.waiting import eventually

pytestmark = [pytest.mark.portable, pytest.mark.usefixtures("live_db", "emulator")]

DAILY = 86_400  # one token is refilled per second
RESERVED = 2000


@pytest.fixture
def charged(http: httpx2.Client, add_limit: AddLimit) -> Callable[[], int]:
    """The tokens that count at present. A malformed request shows them: it reserves nothing."""
    add_limit(tokens_per_day=DAILY)

    def look() -> int:
        headers = http.post(CHAT, json={}).headers
        return DAILY - int(headers["x-ratelimit-remaining-tokens"])

    return look


def recorded(user: str) -> int:
    """The tokens of a user's usage records."""
    total: int | None = UsageRecord.objects.filter(user=user).aggregate(total=Sum("total_tokens"))["total"]
    return total or 0


def settled(charged: Callable[[], int], total: int) -> bool:
    """Whether the charge is that of the records, less what a minute refills."""
    return total - 60 <= charged() <= total


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_g19_a_response_is_charged_with_its_usage(
    http: httpx2.Client, charged: Callable[[], int], emulator: Emulator, stream: bool
) -> None:
    user = fresh("user")
    chunk = {**text_chunks("Hi")[0], "usageMetadata": {"promptTokenCount": 300, "totalTokenCount": 1000}}
    chunk["usageMetadata"] |= {"candidatesTokenCount": 600, "thoughtsTokenCount": 100}
    emulator.script({"chunks": [chunk]} if stream else {"body": chunk})

    answer = http.post(CHAT, json=chat_body(user=user, stream=stream, max_tokens=RESERVED))

    assert answer.status_code == 200
    reserved = DAILY - int(answer.headers["x-ratelimit-remaining-tokens"])
    assert RESERVED <= reserved <= RESERVED + 50
    assert recorded(user) == 1000
    assert settled(charged, 1000)


def test_g19_errors_and_refused_requests_are_charged_with_nothing(
    http: httpx2.Client, charged: Callable[[], int], emulator: Emulator
) -> None:
    busy = {"status": 400, "body": {"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}}
    for stream in (False, True):
        emulator.script(busy)
        assert http.post(CHAT, json=chat_body(stream=stream, max_tokens=RESERVED)).status_code == 400
        assert http.post(CHAT, json=chat_body(stream=stream, max_tokens=DAILY // 2 + 1, n=2)).status_code == 429
        assert http.post(CHAT, json=chat_body(stream=stream, model="unknown")).status_code == 404

    assert charged() == 0


def test_g19_a_disconnected_client_is_charged_with_what_was_sent(
    gateway: LiveGateway, charged: Callable[[], int], emulator: Emulator
) -> None:
    user = fresh("user")
    emulator.script({"chunks": text_chunks("one ", "two ", "three"), "hold_after": 1})
    body = chat_body(user=user, stream=True, max_tokens=RESERVED)
    with closing(HTTPConnection("127.0.0.1", gateway.port, timeout=30)) as client:
        client.request("POST", CHAT, json.dumps(body), {"content-type": "application/json"})
        client.getresponse().read(10)
        assert charged() >= RESERVED

    record = eventually(UsageRecord.objects.filter(user=user, status="client_closed").first)
    assert eventually(lambda: settled(charged, record.total_tokens))


def test_g19_a_client_that_disconnects_before_gemini_answers_is_charged_with_nothing(
    gateway: LiveGateway, charged: Callable[[], int], emulator: Emulator
) -> None:
    user = fresh("user")
    emulator.script({"hold": True})
    with closing(HTTPConnection("127.0.0.1", gateway.port, timeout=30)) as client:
        body = chat_body(user=user, max_tokens=RESERVED)
        client.request("POST", CHAT, json.dumps(body), {"content-type": "application/json"})
        eventually(emulator.received)

    record = eventually(UsageRecord.objects.filter(user=user).first)
    assert record.total_tokens == 0
    assert eventually(lambda: charged() == 0)


def test_g19_background_responses_are_settled_when_they_end(
    client: OpenAI, charged: Callable[[], int], emulator: Emulator
) -> None:
    user = fresh("user")
    parameters: dict[str, Any] = {"model": GEMINI_3, "user": user, "background": True, "max_output_tokens": RESERVED}
    done = client.responses.create(input="Hi", **parameters)
    eventually(lambda: client.responses.retrieve(done.id).status == "completed")
    emulator.script({"hold": True})
    cancelled = client.responses.create(input="Hi", **parameters)
    eventually(lambda: emulator.count() == 2)
    assert charged() >= RESERVED
    client.responses.cancel(cancelled.id)

    eventually(lambda: UsageRecord.objects.filter(user=user).count() == 2)
    assert eventually(lambda: settled(charged, recorded(user)))
    assert recorded(user) > 0


def test_g19_a_compaction_is_charged_with_its_summary(client: OpenAI, charged: Callable[[], int]) -> None:
    user = fresh("user")
    first = client.responses.create(model=GEMINI_3, input="Hello " * 800, user=user)
    client.responses.create(
        model=GEMINI_3,
        input="And now?",
        user=user,
        previous_response_id=first.id,
        context_management=[{"type": "compaction", "compact_threshold": 1000}],
    )

    endpoints = list(UsageRecord.objects.filter(user=user).values_list("endpoint", flat=True))
    assert sorted(endpoints) == ["responses", "responses", "responses.compact"]
    assert settled(charged, recorded(user))


def test_g19_requests_of_a_websocket_are_counted_and_settled(
    gateway: LiveGateway, charged: Callable[[], int], add_limit: AddLimit
) -> None:
    add_limit("principal", requests_per_minute=3)
    user = fresh("user")
    frames: list[dict[str, Any]] = [
        {"type": "response.create", "model": GEMINI_3, "input": "Hi", "user": user},
        {"type": "response.create", "model": 7},
        {"type": "response.create", "model": GEMINI_3, "input": "Hi again", "user": user},
        {"type": "response.create", "model": GEMINI_3, "input": "Too many", "user": user},
    ]
    ends = []
    with connect(gateway.origin.replace("http", "ws") + "/v1/responses", proxy=None) as socket:
        for frame in frames:
            socket.send(json.dumps(frame))
            while (event := json.loads(socket.recv(timeout=10)))["type"] not in (*ENDS, "error"):
                pass
            ends.append(event)

    assert [event["type"] for event in ends] == ["response.completed", "error", "response.completed", "error"]
    assert (ends[3]["status"], ends[3]["error"]["type"], ends[3]["code"]) == (429, "requests", "rate_limit_exceeded")
    assert UsageRecord.objects.filter(user=user).count() == 2


def test_g19_a_mix_of_outcomes_settles_to_the_sum_of_the_usage_records(
    gateway: LiveGateway, charged: Callable[[], int], emulator: Emulator
) -> None:
    user = fresh("user")
    busy = {"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}
    emulator.script(*({"status": 400, "body": busy, "match": {"contains": "fail"}} for _ in range(5)))

    def one(number: int) -> None:
        body = chat_body("fail" if number % 4 == 0 else "Hi", user=user, stream=number % 2 == 1, max_tokens=100)
        with closing(HTTPConnection("127.0.0.1", gateway.port, timeout=30)) as client:
            client.request("POST", CHAT, json.dumps(body), {"content-type": "application/json"})
            if number % 3:
                client.getresponse().read()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(20)))

    assert eventually(lambda: recorded(user) > 0 and settled(charged, recorded(user)))
    assert UsageRecord.objects.filter(user=user, status="ok").count() >= 5
