"""Equal responses of models of two families are one message: each family gets its own thought signatures."""

import base64
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.emulator_control import Emulator
from tests.exchanges import CHAT, GEMINI_3, chat_body, chat_message, fresh

pytestmark = [pytest.mark.usefixtures("live_db"), pytest.mark.portable]
RESPONSES = "/v1/responses"
GEMINI_4 = "gemini-4-argon"
MADE_BY_THE_EMULATOR = b"emulated-signature:"


def post(http: httpx2.Client, path: str, body: dict[str, Any], **headers: str) -> Any:
    response = http.post(path, json=body, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


class History:
    """A client that sends its whole history."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http
        self.question = chat_message(fresh("Is it so?"))

    def ask(self, model: str) -> None:
        answer = post(self.http, CHAT, chat_body(model=model, messages=[self.question]))
        self.answer = answer["choices"][0]["message"]["content"]

    def go_on(self, model: str) -> None:
        messages = [self.question, chat_message(self.answer, "assistant"), chat_message("And now?")]
        post(self.http, CHAT, chat_body(model=model, messages=messages))


class Session:
    """Send a chat request with a user, with one session per model."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http
        self.user = fresh("user")

    def ask(self, model: str) -> None:
        post(self.http, CHAT, chat_body("Is it so?", model=model, user=self.user), **{"x-session-id": model})

    def go_on(self, model: str) -> None:
        post(self.http, CHAT, chat_body("And now?", model=model, user=self.user), **{"x-session-id": model})


class Thread:
    """Send a request to the Responses API."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http
        self.question = fresh("Is it so?")
        self.ids: dict[str, str] = {}

    def ask(self, model: str) -> None:
        self.ids[model] = post(self.http, RESPONSES, {"model": model, "input": self.question})["id"]

    def go_on(self, model: str) -> None:
        body = {"model": model, "input": "And now?", "previous_response_id": self.ids[model]}
        post(self.http, RESPONSES, body)


@pytest.mark.parametrize("kind", [History, Session, Thread])
def test_rule_035_each_family_gets_its_own_signature(
    http: httpx2.Client, emulator: Emulator, kind: Callable[[httpx2.Client], History | Session | Thread]
) -> None:
    client = kind(http)
    for model in (GEMINI_3, GEMINI_4, GEMINI_3, GEMINI_4):
        client.ask(model)
    for model in (GEMINI_3, GEMINI_4):
        emulator.reset()
        client.go_on(model)

        [sent] = emulator.bodies()  # once: the emulator binds the signature to a family and did not reject it
        responses = [content["parts"] for content in sent["contents"] if content["role"] == "model"]
        assert responses
        for answer in responses:
            [signature] = [part["thoughtSignature"] for part in answer if "thoughtSignature" in part]
            assert base64.b64decode(signature).startswith(MADE_BY_THE_EMULATOR)
