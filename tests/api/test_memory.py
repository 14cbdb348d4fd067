"""Sessions: identified by `user`, without duplicate messages, separate for each user."""

from typing import Any

import httpx2
import pytest
from openai import OpenAI

from sessions_store.models import ChatSession, Message, User
from tests.api.sessions import ask, completion_text, content_texts, session_of, transcript
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, GEMINI_3, GEMINI_25, chat_body, chat_message, error_of, events, fresh
from tests.live_gateway import LiveGateway

pytestmark = pytest.mark.usefixtures("live_db")


@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
def test_a_client_may_send_only_the_new_message(client: OpenAI, emulator: Emulator, user: str, model: str) -> None:
    for text in ("My name is Ada.", "My cat is called Tom."):
        client.chat.completions.create(model=model, messages=[chat_message(text)], user=user)
    answer = client.chat.completions.create(model=model, messages=[chat_message("What is my name?")], user=user)

    assert "Ada" in (answer.choices[0].message.content or "")
    *_, sent = emulator.bodies()
    assert [content["role"] for content in sent["contents"]] == ["user", "model", "user", "model", "user"]
    assert content_texts(sent)[::2] == ["My name is Ada.", "My cat is called Tom.", "What is my name?"]


def test_a_streamed_response_is_part_of_the_session(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    streamed = events(ask(http, user, "My name is Ada.", model=GEMINI_3, stream=True))
    text = "".join(event["choices"][0]["delta"].get("content") or "" for event in streamed)
    ask(http, user, "What is my name?", model=GEMINI_3)

    *_, sent = emulator.bodies()
    assert content_texts(sent) == ["My name is Ada.", text, "What is my name?"]


def test_a_session_survives_a_restart(
    gateway: LiveGateway, http: httpx2.Client, emulator: Emulator, emulator_url: str, user: str
) -> None:
    with LiveGateway.start(upstream=emulator_url) as before:
        with httpx2.Client(base_url=before.origin, trust_env=False) as other:
            told = ask(other, user, "My name is Ada.")
        before.terminate()
        assert before.ended_well()

    asked = ask(http, user, "What is my name?")
    assert "Ada" in completion_text(asked)
    assert asked.headers["x-session-id"] == told.headers["x-session-id"]


def test_the_history_of_a_client_is_not_stored_twice(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    history: list[Any] = []
    for text in ("My name is Ada.", "My cat is called Tom.", "What is my name?"):
        history.append(chat_message(text))
        answer = ask(http, user, *history)
        assert "x-session-messages" in answer.headers
        history.append(chat_message(completion_text(answer), "assistant"))

    assert [len(body["contents"]) for body in emulator.bodies()] == [1, 3, 5]
    session = session_of(user)
    assert session.message_count == 6
    assert [message.role for message in transcript(session)] == ["user", "assistant"] * 3
    assert ChatSession.objects.filter(user=user).count() == 1


def test_a_client_may_switch_between_history_and_session(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    first = ask(http, user, "My name is Ada.")
    own = ask(http, user, "My name is Ada.", chat_message(completion_text(first), "assistant"), "My cat is called Tom.")
    ask(http, user, "What is my name?")

    *_, sent = emulator.bodies()
    assert content_texts(sent) == [
        "My name is Ada.",
        completion_text(first),
        "My cat is called Tom.",
        completion_text(own),
        "What is my name?",
    ]
    assert session_of(user).message_count == 6


def test_a_rewritten_history_replaces_the_session(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    ask(http, user, "My name is Ada.")
    ask(http, user, "My name is Grace.", chat_message("Hello, Grace.", "assistant"), "My cat is called Tom.")
    answer = ask(http, user, "What is my name?")

    assert "Grace" in completion_text(answer)
    *_, sent = emulator.bodies()
    assert "Ada" not in str(sent)


def test_equal_histories_are_stored_once(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    texts = [fresh("a beginning"), fresh("an end"), fresh("another end")]
    first = completion_text(ask(http, user, texts[0]))
    for end in texts[1:]:
        ask(http, user, texts[0], chat_message(first, "assistant"), end)

    stored = Message.objects.filter(openai__contains=texts[0], role="user")
    assert stored.count() == 1
    assert Message.objects.filter(parent__parent=stored.get()).count() == 2


def test_a_session_may_change_its_model(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    """Signatures of another family are rejected: the session continues without signatures, and the header notes it."""
    for model in (GEMINI_3, "gemini-4-argon", GEMINI_25, GEMINI_3):
        last = ask(http, user, f"My name is Ada, asked of {model}.", model=model)

    assert len(emulator.received()) == 4  # no call was rejected and retried
    *_, sent = emulator.bodies()
    assert [content["role"] for content in sent["contents"]] == ["user", "model"] * 3 + ["user"]
    signed = [any("thoughtSignature" in part for part in content["parts"]) for content in sent["contents"][1::2]]
    assert signed == [True, False, False]
    assert "written by another model family" in last.headers["x-gateway-notes"]


def test_two_users_have_separate_sessions(http: httpx2.Client, emulator: Emulator) -> None:
    one, other = fresh("user"), fresh("user")
    ask(http, one, "My name is Ada.")
    answer = ask(http, other, "What is my name?")

    assert "Ada" not in completion_text(answer)
    assert answer.headers["x-session-messages"] == "0"


def test_two_principals_never_share_a_session(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    """The same `user` of another principal has another session: when sent, listed and erased."""
    ask(http, user, "My name is Ada.")
    stranger, _ = User.objects.get_or_create(username="stranger")
    ChatSession.objects.filter(user=user).update(principal=stranger)

    answer = ask(http, user, "What is my name?")
    assert "Ada" not in completion_text(answer)
    assert ChatSession.objects.filter(user=user).count() == 2
    ChatSession.objects.filter(user=user).exclude(principal=stranger).delete()
    assert user not in http.get("/v1/sessions").text
    assert error_of(http.delete(f"/v1/sessions/{user}")) == error_of(http.delete(f"/v1/sessions/{fresh('nobody')}"))
    assert ChatSession.objects.filter(user=user).count() == 1


def test_a_user_may_have_several_sessions(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    work = ask(http, user, "My name is Ada.", session="work")
    home = ask(http, user, "My name is Grace.", session="home")
    plain = ask(http, user, "What is my name?")

    assert "Ada" in completion_text(ask(http, user, "What is my name?", session="work"))
    assert "Grace" in completion_text(ask(http, user, "What is my name?", session="home"))
    assert "You have not told me" in completion_text(plain)
    assert len({response.headers["x-session-id"] for response in (work, home, plain)}) == 3


def test_the_returned_session_id_continues_the_session(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    told = ask(http, user, "My name is Ada.")
    handed_out = told.headers["x-session-id"]
    assert handed_out.startswith("sess_")

    again = ask(http, user, "What is my name?", session=handed_out)
    assert "Ada" in completion_text(again)
    assert again.headers["x-session-id"] == handed_out
    assert "Ada" not in completion_text(ask(http, fresh("thief"), "What is my name?", session=handed_out))


def test_a_session_id_without_a_user_names_a_session(http: httpx2.Client, emulator: Emulator) -> None:
    name = fresh("session")
    headers = {"x-session-id": name}
    http.post(CHAT, json=chat_body("My name is Ada."), headers=headers)

    assert "Ada" in completion_text(http.post(CHAT, json=chat_body("What is my name?"), headers=headers))


def test_system_messages_are_stored_and_replaced(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    ask(http, user, chat_message("You are a pirate.", "system"), "Hello!")
    ask(http, user, "How are you?")
    replaced = ask(http, user, chat_message("You are a poet.", "developer"), "And now?")
    ask(http, user, "Still?")

    assert replaced.headers["x-session-messages"] == "4"  # without the system message about the pirate
    instructions = [body["systemInstruction"]["parts"] for body in emulator.bodies()]
    assert instructions == [[{"text": f"You are a {role}."}] for role in ("pirate", "pirate", "poet", "poet")]
    *_, sent = emulator.bodies()
    assert content_texts(sent)[::2] == ["Hello!", "How are you?", "And now?", "Still?"]


def test_a_repeated_system_message_is_not_stored_again(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    for text in ("One", "Two", "Three"):
        ask(http, user, chat_message("You are a pirate.", "system"), text)

    session = session_of(user)
    assert [message.role for message in transcript(session)] == ["system", *["user", "assistant"] * 3]
    assert session.message_count == 7
    *_, sent = emulator.bodies()
    assert sent["systemInstruction"]["parts"] == [{"text": "You are a pirate."}]
    assert len(sent["contents"]) == 5
