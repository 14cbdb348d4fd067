"""The sent body is rebuilt exactly from its record, unless its content was erased."""

from typing import Any

import httpx2
import pytest
from django.apps import apps
from django.db.models import CharField, JSONField, TextField
from django.db.models.functions import Cast

from sessions_store.admin.display.sent_body import sent_body
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, COMPLETIONS, GEMINI_3, GEMINI_25, chat_body, chat_message, fresh, usage_of

pytestmark = pytest.mark.usefixtures("live_db")
RESPONSES = "/v1/responses"
TOOLS = [{"type": "function", "function": {"name": "look up!", "parameters": {"type": "object", "properties": {}}}}]


def sent(http: httpx2.Client, emulator: Emulator, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send a request, check that the rebuilt body equals the sent one, and return the response."""
    emulator.reset()
    response = http.post(path, json=body)
    assert response.status_code == 200, response.text
    [left] = emulator.bodies()
    assert sent_body(usage_of(response.headers)).body == left
    answer: dict[str, Any] = response.json()
    return answer


CHATS: dict[str, list[Any]] = {
    "instructions, also in the middle": [
        chat_message("Be brief.", "system"),
        chat_message("Be kind.", "developer"),
        chat_message("One"),
        chat_message("Be bold.", "system"),
        chat_message("Two"),
    ],
    "turns that join": [
        chat_message("One"),
        chat_message("Two"),
        chat_message("Three", "assistant"),
        chat_message(""),
        chat_message("Four"),
    ],
    "instructions alone": [chat_message("Be brief.", "system")],
    "a last word that is the assistant's": [chat_message("One"), chat_message("Two", "assistant")],
}


@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
@pytest.mark.parametrize("messages", CHATS.values(), ids=CHATS.keys())
def test_the_sent_body_of_a_chat_is_rebuilt(
    http: httpx2.Client, emulator: Emulator, messages: list[Any], model: str
) -> None:
    own = [chat_message(fresh("Mine:"), "system"), *messages]
    sent(http, emulator, CHAT, chat_body(messages=own, model=model, temperature=0.3, stop=["x"], tools=TOOLS))


@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
def test_the_sent_body_of_a_session_is_rebuilt(http: httpx2.Client, emulator: Emulator, model: str) -> None:
    user = fresh("user")
    for messages in (
        [chat_message(f"You speak with {user}.", "system"), chat_message("My name is Ada.")],
        [chat_message("What is my name?")],
        [chat_message("Be rude.", "system"), chat_message("And now?")],
        [chat_message("One"), chat_message("Be bold.", "system"), chat_message("Two")],
        [chat_message("Three")],
    ):
        sent(http, emulator, CHAT, chat_body(messages=messages, model=model, user=user))


@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
def test_the_sent_body_of_a_history_in_another_spelling_is_rebuilt(
    http: httpx2.Client, emulator: Emulator, model: str
) -> None:
    """The histories are one in the tree; each sent body is rebuilt in its own spelling."""
    word = fresh("Mine:")

    def history(call_id: str, arguments: str, answer: str, **more: Any) -> list[dict[str, Any]]:
        call = {"id": call_id, "type": "function", "function": {"name": "look up!", "arguments": arguments}}
        return [
            {"role": "user", "content": word},
            {"role": "assistant", "content": answer, **more},
            {"role": "user", "content": "Look."},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call_id, "content": "found"},
        ]

    for messages in (
        history("call_a", '{"a":1,"b":[2]}', "Hi."),
        history("call_b", '{"b": [2], "a": 1.0}', " Hi.\n", name="Bob"),
        history("call_c", '{"a":1,"b":[2]}', "Hi.", reasoning_content="Hm."),
        history("call_a", '{"a":1,"b":[2]}', "Hi."),
    ):
        sent(http, emulator, CHAT, chat_body(messages=messages, model=model, tools=TOOLS))
        again = [*messages, {"role": "user", "content": "And now?"}]
        sent(http, emulator, CHAT, chat_body(messages=again, model=model, tools=TOOLS))


@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
def test_the_sent_body_of_a_message_sent_back_with_a_name_is_rebuilt(
    http: httpx2.Client, emulator: Emulator, model: str
) -> None:
    asked = [chat_message(fresh("Hello"))]
    answer = sent(http, emulator, CHAT, chat_body(messages=asked, model=model))["choices"][0]["message"]
    back = {"role": "assistant", "content": f" {answer['content']}", "name": "Bob"}
    sent(http, emulator, CHAT, chat_body(messages=[*asked, back, chat_message("Well?")], model=model))


@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
def test_the_sent_body_of_a_response_is_rebuilt(http: httpx2.Client, emulator: Emulator, model: str) -> None:
    body = {"model": model, "input": fresh("Hello"), "instructions": "Be brief."}
    first = sent(http, emulator, RESPONSES, body)
    then = {"model": model, "input": "And now?", "previous_response_id": first["id"]}
    sent(http, emulator, RESPONSES, {**then, "instructions": "Be bold."})
    sent(http, emulator, RESPONSES, then)


@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
@pytest.mark.parametrize("prompt", ["Once upon", ["One", "Two"]])
def test_the_sent_body_of_a_completion_is_rebuilt(
    http: httpx2.Client, emulator: Emulator, model: str, prompt: str | list[str]
) -> None:
    body = {"model": model, "prompt": prompt, "suffix": fresh("the end"), "max_tokens": 50}
    response = http.post(COMPLETIONS, json=body)
    assert response.status_code == 200, response.text
    assert sent_body(usage_of(response.headers)).body in list(emulator.bodies())


def test_the_sent_body_of_a_completion_in_a_session_is_rebuilt(http: httpx2.Client, emulator: Emulator) -> None:
    user = fresh("user")
    sent(
        http,
        emulator,
        CHAT,
        chat_body(messages=[chat_message("Be brief.", "system"), chat_message("Hello")], user=user),
    )
    sent(http, emulator, COMPLETIONS, {"model": GEMINI_25, "prompt": "Once upon", "suffix": "the end", "user": user})


def places_of(secret: str) -> list[str]:
    """Return every column of the gateway's tables that contains the text."""
    found = []
    for model in apps.get_app_config("sessions_store").get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, TextField | CharField | JSONField):
                rows = model._default_manager.annotate(as_text=Cast(field.name, TextField()))
                if rows.filter(as_text__contains=secret).exists():
                    found.append(f"{model.__name__}.{field.name}")
    return found


def test_a_deleted_response_erases_its_instructions(http: httpx2.Client, emulator: Emulator) -> None:
    secret = fresh("the secret word is")
    body = {"model": GEMINI_25, "input": f"Hello, {secret}", "instructions": f"Never say that {secret}."}
    answer = sent(http, emulator, RESPONSES, body)
    assert places_of(secret)

    http.delete(f"{RESPONSES}/{answer['id']}").raise_for_status()
    assert places_of(secret) == []
