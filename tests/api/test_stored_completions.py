"""Stored chat completions with OpenAI's client: stored on request, listed, updated, deleted."""

import httpx2
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletion

from sessions_store.models import Message, StoredCompletion, StoredItem, User
from tests.api.sessions import ask as ask_in_session
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, GEMINI_3, GEMINI_25, JSON, chat_body, chat_message, error_of, events, fresh, usage_of

pytestmark = pytest.mark.usefixtures("live_db", "emulator")


def stored(client: OpenAI, run: str, *, model: str = GEMINI_25, text: str = "Hello!") -> ChatCompletion:
    """Create a stored completion with a unique `run` in its metadata."""
    return client.chat.completions.create(
        model=model,
        messages=[chat_message("Be kind.", "system"), chat_message(text)],
        store=True,
        metadata={"run": run},
    )


def test_a_stored_completion_is_retrieved_with_its_metadata(client: OpenAI) -> None:
    run = fresh("run")
    made = stored(client, run)

    found = client.chat.completions.retrieve(made.id)

    assert found == made
    assert found.metadata == {"run": run}
    bare = client.chat.completions.create(model=GEMINI_25, messages=[chat_message("Hello!")], store=True)
    assert client.chat.completions.retrieve(bare.id) == bare
    assert bare.metadata == {}


def test_a_streamed_completion_is_stored_completely(http: httpx2.Client) -> None:
    chunks = events(http.post(CHAT, json=chat_body("Tell me a story", stream=True, store=True)))

    found = http.get(f"{CHAT}/{chunks[0]['id']}").json()

    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"])
    assert found["object"] == "chat.completion"
    assert found["choices"][0]["message"]["content"] == text


def test_only_completions_with_store_are_stored(http: httpx2.Client) -> None:
    for body in (chat_body(), chat_body(store=False)):
        made = http.post(CHAT, json=body).json()
        assert http.get(f"{CHAT}/{made['id']}").status_code == 404


def test_completions_are_listed_by_model_and_metadata_in_pages(client: OpenAI, http: httpx2.Client) -> None:
    run = fresh("run")
    made = [stored(client, run, model=model).id for model in (GEMINI_25, GEMINI_3, GEMINI_25)]

    assert [one.id for one in client.chat.completions.list(metadata={"run": run}, limit=1)] == made
    newest = client.chat.completions.list(metadata={"run": run}, order="desc")
    assert [one.id for one in newest] == made[::-1]
    of_model = client.chat.completions.list(metadata={"run": run}, model=GEMINI_3)
    assert [one.id for one in of_model] == [made[1]]
    assert list(client.chat.completions.list(metadata={"run": run, "other": "x"})) == []
    page = http.get(CHAT, params={"metadata[run]": run, "limit": "2"}).json()
    assert (page["first_id"], page["last_id"], page["has_more"]) == (made[0], made[1], True)
    rejected = http.get(CHAT, params={"after": "chatcmpl-nothing"})
    assert (rejected.status_code, error_of(rejected)["param"]) == (400, "after")


def test_the_key_of_a_metadata_filter_may_be_any_text(client: OpenAI) -> None:
    run = fresh("run")
    metadata = {"0": run, 'q"uo.te[0]': "1", "a__b": "%"}
    made = client.chat.completions.create(
        model=GEMINI_25, messages=[chat_message("Hello!")], store=True, metadata=metadata
    )

    assert [one.id for one in client.chat.completions.list(metadata=metadata)] == [made.id]


def test_the_messages_of_a_completion_are_those_of_its_request(client: OpenAI, http: httpx2.Client) -> None:
    made = stored(client, fresh("run"), text="What is it?")

    listed = list(client.chat.completions.messages.list(made.id, limit=1))

    assert [(message.id, message.role, message.content) for message in listed] == [
        (f"{made.id}-0", "system", "Be kind."),
        (f"{made.id}-1", "user", "What is it?"),
    ]
    newest = http.get(f"{CHAT}/{made.id}/messages", params={"order": "desc"}).json()
    assert [message["id"] for message in newest["data"]] == [f"{made.id}-1", f"{made.id}-0"]


def test_the_messages_of_a_completion_in_a_session_are_those_of_its_request(http: httpx2.Client, user: str) -> None:
    ask_in_session(http, user, "First")
    made = ask_in_session(http, user, "Second", store=True).json()

    listed = http.get(f"{CHAT}/{made['id']}/messages").json()

    assert [message["content"] for message in listed["data"]] == ["Second"]


def test_parts_are_listed_beside_their_text(http: httpx2.Client) -> None:
    parts = [{"type": "text", "text": "One "}, {"type": "text", "text": "two"}]
    made = http.post(CHAT, json=chat_body(messages=[{"role": "user", "content": parts}], store=True)).json()

    [message] = http.get(f"{CHAT}/{made['id']}/messages").json()["data"]

    assert (message["content"], message["content_parts"]) == ("One two", parts)


def test_metadata_can_be_changed(client: OpenAI, http: httpx2.Client) -> None:
    made = stored(client, fresh("run"))

    assert client.chat.completions.update(made.id, metadata={"x": "y"}).metadata == {"x": "y"}
    assert client.chat.completions.retrieve(made.id).metadata == {"x": "y"}
    rejected = http.post(f"{CHAT}/{made.id}", json={})
    assert (rejected.status_code, error_of(rejected)["param"]) == (400, "metadata")


def test_a_deletion_erases_the_content_and_keeps_the_usage_record(client: OpenAI) -> None:
    word = fresh("secret")
    raw = client.chat.completions.with_raw_response.create(model=GEMINI_25, messages=[chat_message(word)], store=True)
    made = raw.parse()

    assert client.chat.completions.delete(made.id).deleted is True

    with pytest.raises(openai.NotFoundError):
        client.chat.completions.retrieve(made.id)
    assert not Message.objects.filter(openai__contains=word).exists()
    assert usage_of(raw.headers).total_tokens > 0


def test_the_erasure_of_a_user_erases_stored_completions(http: httpx2.Client, user: str) -> None:
    made = ask_in_session(http, user, "First", store=True).json()

    assert http.delete(f"/v1/sessions/{user}").status_code == 200

    assert http.get(f"{CHAT}/{made['id']}").status_code == 404


def test_the_completion_of_another_principal_is_missing(client: OpenAI, http: httpx2.Client) -> None:
    run = fresh("run")
    made = stored(client, run)
    StoredCompletion.objects.filter(public_id=made.id).update(principal=User.objects.create_user(fresh("other")))

    for method, path, body in (
        ("GET", "", None),
        ("POST", "", {"metadata": {}}),
        ("DELETE", "", None),
        ("GET", "/messages", None),
    ):
        response = http.request(method, f"{CHAT}/{made.id}{path}", json=body, headers=JSON)
        assert response.status_code == 404, (method, path)
        error_of(response)
    assert list(client.chat.completions.list(metadata={"run": run})) == []


def test_messages_are_listed_in_the_spelling_of_their_request(http: httpx2.Client, emulator: Emulator) -> None:
    """The tree recognises a history in any spelling; each request is listed in its own spelling."""
    word = fresh("word")

    def history(role: str, call_id: str, arguments: str, blank: str, name: str | None) -> list[dict[str, object]]:
        function = {"name": "get_weather", "arguments": arguments}
        return [
            {"role": role, "content": f"Be kind. {word}"},
            {"role": "user", "content": "Hello!" if blank else [{"type": "text", "text": "Hello!"}]},
            {"role": "assistant", "content": f"{blank}Hi.{blank}", "name": name},
            {"role": "user", "content": "What is the weather?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": call_id, "type": "function", "function": function}],
            },
            {"role": "tool", "tool_call_id": call_id, "content": "21 degrees"},
        ]

    sent = [
        history("system", "call_a", '{"city":"Paris","days":1}', "", None),
        history("developer", "call_b", '{ "days": 1.0, "city": "Paris" }', "\n", "Bob"),
        history("system", "call_c", '{"days": 1,  "city": "Paris"}', " ", None),
    ]
    made = [http.post(CHAT, json=chat_body(model=GEMINI_3, messages=messages, store=True)) for messages in sent]

    for answer, messages in zip(made, sent, strict=True):
        assert answer.status_code == 200, answer.text
        listed = http.get(f"{CHAT}/{answer.json()['id']}/messages").json()["data"]
        for shown, message in zip(listed, messages, strict=True):
            content = message.get("content")
            if isinstance(content, list):
                assert shown["content_parts"] == content
            else:
                assert shown["content"] == content
            for name in ("role", "tool_calls", "tool_call_id"):
                assert shown.get(name) == message.get(name)


def test_calls_in_another_order_are_listed_in_the_sent_order(http: httpx2.Client, emulator: Emulator) -> None:
    calls = [{"functionCall": {"name": "get_weather", "args": {"city": city}}} for city in ("Paris", "Rome")]
    emulator.script(
        {"body": {"candidates": [{"content": {"role": "model", "parts": calls}, "finishReason": "STOP"}]}},
    )
    asked = chat_message(fresh("weather"))
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
    first = http.post(CHAT, json=chat_body(messages=[asked], tools=tools)).json()["choices"][0]["message"]
    turned = first["tool_calls"][::-1]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "warm"} for call in turned]
    messages = [asked, {"role": "assistant", "content": None, "tool_calls": turned}, *results]

    made = http.post(CHAT, json=chat_body(messages=messages, tools=tools, store=True)).json()

    listed = http.get(f"{CHAT}/{made['id']}/messages").json()["data"]
    assert listed[1]["tool_calls"] == turned


def test_a_deleted_completion_leaves_messages_of_another_completion(http: httpx2.Client) -> None:
    word = fresh("secret")
    one, other = (
        http.post(CHAT, json=chat_body(messages=[chat_message(word)], store=True)).json()["id"] for _ in range(2)
    )
    http.delete(f"{CHAT}/{one}")
    [message] = http.get(f"{CHAT}/{other}/messages").json()["data"]
    assert message["content"] == word
    http.delete(f"{CHAT}/{other}")
    assert not StoredItem.objects.filter(body__contains=word).exists()
