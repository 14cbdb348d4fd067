"""The `name` of a message through the gateway: new, sent again, and in a stored session."""

from typing import Any

import httpx2
import pytest

from tests.api.sessions import ask as ask_in_session
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, GEMINI_3, chat_body
from tests.responses import content_texts

pytestmark = pytest.mark.usefixtures("live_db")


def named(name: str, content: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": content, "name": name}


@pytest.mark.parametrize("stream", [False, True])
def test_names_are_sent_to_gemini(http: httpx2.Client, emulator: Emulator, stream: bool) -> None:
    messages = [named("Ann", "I like tea."), named("Bob", "I like milk.")]
    response = http.post(CHAT, json=chat_body(messages=messages, stream=stream))
    assert response.status_code == 200
    assert "converted messages[0].name" in response.headers["x-gateway-notes"]
    [body] = emulator.bodies()
    assert content_texts(body) == ["Ann: I like tea.\nBob: I like milk."]


def test_an_assistant_message_sent_back_with_a_name_is_recognised(http: httpx2.Client, emulator: Emulator) -> None:
    first = [named("Ann", "I like tea.")]
    response = http.post(CHAT, json=chat_body(model=GEMINI_3, messages=first)).json()["choices"][0]["message"]
    back = [*first, {"role": "assistant", "content": response["content"], "name": "Bob"}, named("Ann", "And you?")]
    assert http.post(CHAT, json=chat_body(model=GEMINI_3, messages=back)).status_code == 200
    *_, body = emulator.bodies()
    assert content_texts(body) == ["Ann: I like tea.", f"Bob: {response['content']}", "Ann: And you?"]
    assert body["contents"][1]["parts"][-1]["thoughtSignature"]


def test_a_session_stores_the_names_of_its_messages(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    ask_in_session(http, user, named("Ann", "I like tea."), named("Bob", "I like milk."))
    ask_in_session(http, user, named("Ann", "Who likes what?"))
    *_, body = emulator.bodies()
    said = content_texts(body)
    assert (said[0], said[-1]) == ("Ann: I like tea.\nBob: I like milk.", "Ann: Who likes what?")
