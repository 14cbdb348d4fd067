"""Failures during planning, before the upstream call, are recorded like any other failure."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from sessions_store.models import ChatSession, Message, UsageRecord
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, COMPLETIONS, GEMINI_3, chat_body, chat_message, error_of, fresh, usage_of
from tests.live_gateway import LiveGateway
from tests.waiting import eventually

pytestmark = [pytest.mark.usefixtures("live_db"), pytest.mark.portable]
RESPONSES = "/v1/responses"


def spoil(secret: str) -> None:
    """Corrupt the stored content of a message, like an edit of the database or a disk error."""
    assert Message.objects.filter(parent__openai__contains=secret).update(gemini=f"{secret} is no JSON")


def chat(http: httpx2.Client, secret: str, user: str) -> tuple[str, dict[str, Any]]:
    """Send a chat request with the client's history."""
    question = chat_message(secret)
    answer = http.post(CHAT, json=chat_body(messages=[question], model=GEMINI_3)).json()["choices"][0]["message"]
    return CHAT, chat_body(
        messages=[question, chat_message(answer["content"], "assistant"), chat_message("And?")], model=GEMINI_3
    )


def session(http: httpx2.Client, secret: str, user: str) -> tuple[str, dict[str, Any]]:
    """Send a chat request with a user."""
    http.post(CHAT, json=chat_body(secret, user=user)).raise_for_status()
    return CHAT, chat_body("And?", user=user)


def completion(http: httpx2.Client, secret: str, user: str) -> tuple[str, dict[str, Any]]:
    """Send a legacy completion request with a user."""
    body = {"model": GEMINI_3, "prompt": secret, "user": user}
    http.post(COMPLETIONS, json=body).raise_for_status()
    return COMPLETIONS, body


def response(http: httpx2.Client, secret: str, user: str) -> tuple[str, dict[str, Any]]:
    """Create a response that continues another one."""
    first = http.post(RESPONSES, json={"model": GEMINI_3, "input": secret}).json()
    return RESPONSES, {"model": GEMINI_3, "input": "And?", "previous_response_id": first["id"]}


@pytest.mark.parametrize("begin", [chat, session, completion, response])
@pytest.mark.parametrize("stream", [False, True])
def test_an_unexpected_failure_is_recorded(http: httpx2.Client, emulator: Emulator, begin: Any, stream: bool) -> None:
    """The response is a 500 without details, and the failure is recorded."""
    secret = fresh("secret")
    path, body = begin(http, secret, fresh("user"))
    spoil(secret)
    emulator.reset()
    [state] = ChatSession.objects.filter(user=body["user"]) if "user" in body else [None]
    headers = {} if state is None else {"x-session-id": state.public_id}
    for _ in range(2):  # the second request would time out if the first one still held the session lock
        rejected = http.post(path, json=body | {"stream": stream}, headers=headers, timeout=10)

        error = error_of(rejected)
        assert (rejected.status_code, error["type"]) == (500, "server_error")
        assert secret not in rejected.text
        record = usage_of(rejected.headers)
        assert (record.status, record.http_status, record.attempts) == ("internal_error", 500, 0)
        assert record.error_code == "server_error"
    assert emulator.received() == []


def test_a_disconnect_while_waiting_for_the_session_lock_is_recorded(
    gateway: LiveGateway, http: httpx2.Client, emulator: Emulator
) -> None:
    user = fresh("user")
    named = {"x-session-id": "work"}
    emulator.script({"hold": True})
    with ThreadPoolExecutor() as pool:
        first = pool.submit(http.post, CHAT, json=chat_body("One", user=user), headers=named)
        eventually(lambda: len(emulator.received()) == 1)
        with pytest.raises(httpx2.ReadTimeout), httpx2.Client(base_url=gateway.origin, timeout=1.0) as impatient:
            impatient.post(CHAT, json=chat_body("Two", user=user), headers=named)
        emulator.release()
        assert first.result().status_code == 200

    eventually(lambda: UsageRecord.objects.filter(user=user).count() == 2)
    left = UsageRecord.objects.get(user=user, status="client_closed")
    assert (left.http_status, left.attempts, left.choices) == (499, 0, 0)
    third = http.post(CHAT, json=chat_body("Three", user=user), headers=named)
    assert third.headers["x-session-messages"] == "2"  # no message of the disconnected client, and the lock is free
