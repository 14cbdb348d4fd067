"""Sessions: listed, erased, expired, limited, disabled, and used by many requests at once."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from sessions_store.models import ChatSession, Message, UsageRecord, User
from tests.api.sessions import ask, completion_text, content_texts, session_of, transcript
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, GEMINI_25, chat_body, chat_message, error_of, fresh, usage_of
from tests.live_gateway import LiveGateway
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("live_db")


def test_sessions_are_listed(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    began = datetime.now(UTC).timestamp() - 1
    answer = ask(http, user, "My name is Ada.", session="work")
    body = http.get("/v1/sessions").json()

    assert body["object"] == "list"
    session = next(session for session in body["data"] if session["user"] == user)
    assert (session["id"], session["object"]) == (answer.headers["x-session-id"], "session")
    assert (session["name"], session["title"], session["messages"]) == ("work", "My name is Ada.", 2)
    assert session["active"] is True
    assert began <= session["created_at"] + 1
    assert session["created_at"] <= session["last_active_at"]


def test_the_sessions_of_a_user_are_erased(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    secret = fresh("the secret word is")
    kept = ask(http, user, f"Remember: {secret}")
    ask(http, user, "More of it", session="work")
    gone = http.delete(f"/v1/sessions/{user}")

    assert gone.json() == {"object": "session.deleted", "user": user, "deleted": True, "sessions": 2}
    assert not Message.objects.filter(openai__contains=secret).exists()
    assert not ChatSession.objects.filter(user=user).exists()
    record = usage_of(kept.headers)
    assert (record.message_id, record.session_id) == (None, None)
    assert record.total_tokens > 0
    assert ask(http, user, "What did I just say?").headers["x-session-messages"] == "0"


def test_one_session_of_several_is_erased(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    ask(http, user, "My name is Ada.", session="work")
    ask(http, user, "My name is Grace.", session="home")

    assert http.delete(f"/v1/sessions/{user}", headers={"x-session-id": "work"}).json()["sessions"] == 1
    assert "Ada" not in completion_text(ask(http, user, "What is my name?", session="work"))
    assert "Grace" in completion_text(ask(http, user, "What is my name?", session="home"))


@pytest.mark.parametrize("name", ["", "two words", "x" * 201])
def test_an_invalid_session_name_erases_no_session(
    http: httpx2.Client, emulator: Emulator, user: str, name: str
) -> None:
    ask(http, user, "My name is Ada.", session="work")
    rejected = http.delete(f"/v1/sessions/{user}", headers={"x-session-id": name})

    assert rejected.status_code == 400
    assert error_of(rejected)["param"] == "X-Session-Id"
    assert ChatSession.objects.filter(user=user).count() == 1


def test_users_may_have_unusual_names(http: httpx2.Client, emulator: Emulator) -> None:
    user = fresh("team/ünï codé+?#%")
    ask(http, user, "My name is Ada.")

    gone = http.delete(f"/v1/sessions/{httpx2.QueryParams({'u': user})!s}".replace("u=", "").replace("+", "%20"))
    assert gone.json()["user"] == user


def test_erasure_of_an_unknown_user_is_a_404(http: httpx2.Client) -> None:
    response = http.delete(f"/v1/sessions/{fresh('nobody')}")

    assert response.status_code == 404
    assert error_of(response)["param"] == "user"


@pytest.fixture(scope="module")
def frugal(django_db_setup: None, emulator_url: str) -> Iterator[httpx2.Client]:
    """A gateway whose sessions expire after a minute and send about three hundred tokens of history."""
    settings = {"SESSION_IDLE_SECONDS": "60", "SESSION_MAX_TOKENS": "300"}
    with (
        LiveGateway.start(upstream=emulator_url, settings=settings) as server,
        httpx2.Client(base_url=server.origin, timeout=30, trust_env=False) as connected,
    ):
        yield connected


def test_an_idle_session_expires_and_a_new_one_begins(
    frugal: httpx2.Client, http: httpx2.Client, emulator: Emulator, user: str
) -> None:
    first = ask(http, user, "My name is Ada.")
    ChatSession.objects.filter(user=user).update(last_active_at=datetime.now(UTC) - timedelta(minutes=2))
    assert "Ada" in completion_text(ask(http, user, "What is my name?"))
    ChatSession.objects.filter(user=user).update(last_active_at=datetime.now(UTC) - timedelta(minutes=2))

    later = ask(frugal, user, "What is my name?")

    assert "Ada" not in completion_text(later)
    assert later.headers["x-session-id"] != first.headers["x-session-id"]
    sessions = ChatSession.objects.filter(user=user).order_by("id")
    assert [session.ended_at is None for session in sessions] == [False, True]
    assert [session["active"] for session in frugal.get("/v1/sessions").json()["data"] if session["user"] == user] == [
        True,
        False,
    ]


def test_the_sent_history_is_cut_oldest_first(frugal: httpx2.Client, emulator: Emulator, user: str) -> None:
    long = "word " * 60  # about 75 tokens, repeated in the response
    ask(frugal, user, chat_message("You are a pirate.", "system"), f"First {long}")
    for number in range(6):
        last = ask(frugal, user, f"Number {number} {long}")

    *_, sent = emulator.bodies()
    asked = content_texts(sent)[::2]
    assert asked[-1].startswith("Number 5")
    assert 2 <= len(asked) < 7
    assert not asked[0].startswith("First")
    assert [text.split(maxsplit=2)[1] for text in asked] == [str(number) for number in range(6 - len(asked), 6)]
    assert sent["contents"][0]["role"] == "user"
    assert sent["systemInstruction"]["parts"] == [{"text": "You are a pirate."}]
    # The database keeps all messages, and the header has the number of sent messages.
    assert session_of(user).message_count == 15
    assert int(last.headers["x-session-messages"]) == len(
        sent["contents"]
    )  # with the system message, without the new message


def test_a_message_pair_larger_than_the_budget_is_left_out(
    frugal: httpx2.Client, emulator: Emulator, user: str
) -> None:
    ask(frugal, user, "word " * 2000)
    answer = ask(frugal, user, "What did I say?")

    assert answer.headers["x-session-messages"] == "0"


def test_memory_may_be_disabled(http: httpx2.Client, emulator: Emulator, emulator_url: str, user: str) -> None:
    ask(http, user, "My name is Ada.")
    with (
        LiveGateway.start(upstream=emulator_url, settings={"MEMORY_ENABLED": "0"}) as server,
        httpx2.Client(base_url=server.origin, timeout=30, trust_env=False) as off,
    ):
        answer = ask(off, user, "What is my name?", session="work")

    assert "Ada" not in completion_text(answer)
    assert "x-session-id" not in answer.headers
    assert session_of(user).message_count == 2
    assert usage_of(answer.headers).user == user


def test_memory_may_be_disabled_for_a_principal(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    local = User.objects.local()
    ask(http, user, "My name is Ada.")
    local.memory = False
    local.save()
    try:
        answer = ask(http, user, "What is my name?")
    finally:
        local.memory = True
        local.save()

    assert "x-session-id" not in answer.headers
    assert "Ada" not in completion_text(answer)
    assert "Ada" in completion_text(ask(http, user, "What is my name?"))


def test_headers_have_the_session_and_the_number_of_its_messages(
    http: httpx2.Client, emulator: Emulator, user: str
) -> None:
    responses = [ask(http, user, f"Number {number}") for number in range(3)]

    assert [answer.headers["x-session-messages"] for answer in responses] == ["0", "2", "4"]
    assert {answer.headers["x-session-id"] for answer in responses} == {session_of(user).public_id}


@pytest.mark.parametrize(
    ("step", "stream"),
    [
        ({"status": 503, "body": {}}, False),
        ({"status": 503, "body": {}}, True),
        ({"body": {"candidates": [{"content": {"role": "model", "parts": [{"text": "Once"}]}}]}}, False),
        ({"no_finish": True}, True),
        ({"cut_after": 2}, False),
        ({"cut_after": 2}, True),
    ],
    ids=["refused", "refused stream", "truncated", "truncated stream", "cut", "cut stream"],
)
def test_a_failed_exchange_does_not_move_the_head(
    http: httpx2.Client, emulator: Emulator, user: str, step: dict[str, Any], stream: bool
) -> None:
    ask(http, user, "My name is Ada.")
    head = session_of(user).head_id
    emulator.script(step)
    failed = http.post(CHAT, json=chat_body("Tell me a story", user=user, stream=stream))
    assert failed.status_code >= 500 or "[DONE]" not in failed.text

    assert session_of(user).head_id == head
    ask(http, user, "What is my name?")
    *_, sent = emulator.bodies()
    assert content_texts(sent)[::2] == ["My name is Ada.", "What is my name?"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["", "work"], ids=["user", "named session"])
def test_parallel_requests_of_a_session_lose_no_message(
    http: httpx2.Client, emulator: Emulator, user: str, name: str, stream: bool
) -> None:
    texts = [f"Message {number}" for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        responses = list(pool.map(lambda text: ask(http, user, text, session=name, stream=stream), texts))

    path = transcript(session_of(user, name))
    assert [message.role for message in path] == ["user", "assistant"] * 12
    told = [message.openai for message in path if message.role == "user"]
    assert sorted(told) == sorted(f'{{"role":"user","content":"{text}"}}' for text in texts)
    assert ChatSession.objects.filter(user=user).count() == 1
    assert session_of(user, name).message_count == 24
    assert {answer.headers["x-session-id"] for answer in responses} == {session_of(user, name).public_id}
    if name:  # each request read all earlier messages, in this order
        assert sorted(int(answer.headers["x-session-messages"]) for answer in responses) == list(range(0, 24, 2))
        assert [len(body["contents"]) for body in emulator.bodies()] == list(range(1, 25, 2))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("known", [False, True], ids=["new session", "known session"])
def test_requests_of_one_user_overlap_and_are_recorded_in_the_order_of_their_ends(
    http: httpx2.Client, emulator: Emulator, user: str, stream: bool, known: bool
) -> None:
    if known:
        ask(http, user, "Before.")
    emulator.script({"match": {"contains": "Slow."}, "hold": True})
    began = len(emulator.received())
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(ask, http, user, "Slow.", stream=stream)
        eventually(lambda: len(emulator.received()) == began + 1)
        faster = pool.submit(ask, http, user, "Faster.", stream=stream).result()
        assert not slow.done()
        emulator.release()
        first = slow.result()

    path = transcript(session_of(user))
    told = [json.loads(message.openai)["content"] for message in path if message.role == "user"]
    assert told == [*(["Before."] if known else []), "Faster.", "Slow."]
    before = "2" if known else "0"
    assert [answer.headers["x-session-messages"] for answer in (first, faster)] == [before, before]
    assert [usage_of(answer.headers).status for answer in (first, faster)] == ["ok", "ok"]
    assert {answer.headers["x-session-id"] for answer in (first, faster)} == {session_of(user).public_id}
    assert usage_of(first.headers).answer_id == session_of(user).head_id

    after = ask(http, user, "After.")
    *_, sent = emulator.bodies()
    assert content_texts(sent)[::2] == [*told, "After."]
    assert after.headers["x-session-messages"] == str(len(path))


@pytest.mark.parametrize("stream", [False, True])
def test_requests_with_one_session_id_are_served_in_their_order(
    http: httpx2.Client, emulator: Emulator, user: str, stream: bool
) -> None:
    emulator.script({"match": {"contains": "Slow."}, "hold": True})
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(ask, http, user, "Slow.", session="work", stream=stream)
        eventually(emulator.received)
        faster = pool.submit(ask, http, user, "Faster.", session="work", stream=stream)
        for number in range(5):  # requests of other sessions do not wait
            ask(http, user, "Other.", session=f"other-{number}")
        assert len(emulator.received()) == 1 + 5
        emulator.release()
        responses = [slow.result(), faster.result()]

    assert [answer.headers["x-session-messages"] for answer in responses] == ["0", "2"]
    told = [json.loads(message.openai)["content"] for message in transcript(session_of(user, "work"))]
    assert told[::2] == ["Slow.", "Faster."]


def test_a_failure_beside_a_request_of_the_same_user_loses_no_message(
    http: httpx2.Client, emulator: Emulator, user: str
) -> None:
    emulator.script(
        {"match": {"contains": "Slow."}, "hold": True},
        {"match": {"contains": "Refused."}, "status": 400, "body": {"error": {"code": 400, "message": "No."}}},
    )
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, http, user, "Slow.")
        eventually(emulator.received)
        assert http.post(CHAT, json=chat_body("Refused.", user=user)).status_code == 400
        assert not slow.done()
        emulator.release()
        told = slow.result()

    assert told.headers["x-session-id"] == session_of(user).public_id
    assert session_of(user).message_count == 2


def test_two_servers_share_a_session_and_lose_no_message(
    http: httpx2.Client, impatient_gateway: LiveGateway, emulator: Emulator, user: str
) -> None:
    ask(http, user, "The first.")
    emulator.script({"match": {"contains": "The slow one."}, "hold": True})
    with (
        ThreadPoolExecutor(1) as pool,
        httpx2.Client(base_url=impatient_gateway.origin, trust_env=False, timeout=30) as other,
    ):
        slow = pool.submit(ask, http, user, "The slow one.")
        eventually(lambda: len(emulator.received()) == 2)
        ask(other, user, "The fast one.")
        assert not slow.done()
        emulator.release()
        slow.result()

    session = session_of(user)
    told = [json.loads(message.openai)["content"] for message in transcript(session) if message.role == "user"]
    assert told == ["The first.", "The fast one.", "The slow one."]
    assert session.message_count == 6


def test_the_record_refers_to_its_messages(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    ask(http, user, chat_message("You are a pirate.", "system"), "My name is Ada.")
    record: UsageRecord = usage_of(ask(http, user, "What is my name?").headers)

    assert record.session == session_of(user)
    assert record.answer_id == session_of(user).head_id
    assert record.answer is not None
    assert record.message is not None
    assert (record.answer.role, record.answer.parent) == ("assistant", record.message)
    assert "What is my name?" in record.message.openai


def test_an_unsupported_session_header_of_a_response_is_noted(
    http: httpx2.Client, emulator: Emulator, user: str
) -> None:
    ask(http, user, "My name is Ada.", session="work")
    body = {"model": GEMINI_25, "input": "What is my name?", "user": user}
    response = http.post("/v1/responses", json=body, headers={"x-session-id": "work"})

    assert response.status_code == 200
    assert "dropped X-Session-Id" in response.headers["x-gateway-notes"]
    assert ["dropped", "X-Session-Id"] in [note[:2] for note in usage_of(response.headers).notes]
    *_, sent = emulator.bodies()
    assert content_texts(sent) == ["What is my name?"]
    assert session_of(user, "work").message_count == 2
