"""Conversations with OpenAI's client: created, read, updated, and continued by responses."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from sessions_store.models import Conversation, ConversationItem, Message, StoredItem, User
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3, JSON, error_of, fresh
from tests.responses import CONVERSATIONS, RESPONSES, WEATHER, ask, content_texts, message_item, named_events

pytestmark = pytest.mark.usefixtures("live_db", "emulator")


def test_a_conversation_is_created_read_updated_and_deleted(client: OpenAI) -> None:
    made = client.conversations.create(items=[message_item("Hello!")], metadata={"topic": "demo"})

    assert made.id.startswith("conv_")
    assert client.conversations.retrieve(made.id) == made
    changed = client.conversations.update(made.id, metadata={"topic": "other"})
    assert (changed.id, changed.metadata) == (made.id, {"topic": "other"})
    assert client.conversations.delete(made.id).deleted is True
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(made.id)


def test_a_conversation_may_be_created_without_items(client: OpenAI) -> None:
    assert list(client.conversations.items.list(client.conversations.create().id)) == []


def test_items_are_appended_listed_retrieved_and_deleted(client: OpenAI, http: httpx2.Client) -> None:
    made = client.conversations.create()
    added = client.conversations.items.create(
        made.id, items=[message_item("one"), message_item("two"), message_item("three")]
    )

    ids = [item.id for item in added.data]
    assert [item.id for item in client.conversations.items.list(made.id, limit=2)] == ids[::-1]
    assert [item.id for item in client.conversations.items.list(made.id, order="asc", limit=1)] == ids
    found = client.conversations.items.retrieve(ids[1] or "", conversation_id=made.id)
    assert found.model_dump() == added.data[1].model_dump()
    assert client.conversations.items.delete(ids[1] or "", conversation_id=made.id).id == made.id
    left = http.get(f"{CONVERSATIONS}/{made.id}/items", params={"order": "asc"}).json()
    assert [item["content"][0]["text"] for item in left["data"]] == ["one", "three"]
    with pytest.raises(openai.NotFoundError):
        client.conversations.items.retrieve(ids[1] or "", conversation_id=made.id)


@pytest.mark.parametrize("stream", [False, True])
def test_responses_read_their_conversation_and_append_to_it(
    client: OpenAI, http: httpx2.Client, emulator: Emulator, stream: bool
) -> None:
    made = client.conversations.create(items=[message_item("My name is Ada.")])
    body = {"model": GEMINI_3, "input": "And?", "conversation": made.id, "stream": stream}
    raw = http.post(RESPONSES, json=body)
    first = named_events(raw.text)[-1]["response"] if stream else raw.json()

    assert first["conversation"] == {"id": made.id}
    second = client.responses.create(model=GEMINI_3, input="Well?", conversation={"id": made.id})

    *_, sent = emulator.bodies()
    [answered] = [item for item in first["output"] if item["type"] == "message"]
    assert content_texts(sent) == ["My name is Ada.And?", answered["content"][0]["text"], "Well?"]
    items = list(client.conversations.items.list(made.id, order="asc"))
    assert [item.id for item in items][-1] == second.output[-1].id
    answer = ["reasoning", "assistant"]
    assert [getattr(item, "role", item.type) for item in items] == ["user", "user", *answer, "user", *answer]


def test_a_client_sends_only_the_result_of_a_call(client: OpenAI, emulator: Emulator) -> None:
    made = client.conversations.create()
    first = client.responses.create(
        model=GEMINI_3, input="What is the weather in Paris? Use the tool.", conversation=made.id, tools=[WEATHER]
    )
    [call] = [item for item in first.output if item.type == "function_call"]

    last = client.responses.create(
        model=GEMINI_3,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "Paris: 21 degrees"}],
        conversation=made.id,
        tools=[WEATHER],
    )

    assert "Paris: 21 degrees" in last.output_text
    *_, sent = emulator.bodies()
    [called] = [part for content in sent["contents"] for part in content["parts"] if "functionCall" in part]
    assert called["thoughtSignature"]


def test_the_next_response_reads_edited_items(client: OpenAI, emulator: Emulator) -> None:
    made = client.conversations.create()
    first = client.responses.create(
        model=GEMINI_3, input="What is the weather in Paris? Use the tool.", conversation=made.id, tools=[WEATHER]
    )
    [call] = [item for item in first.output if item.type == "function_call"]
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "Paris: 21 degrees"}
    client.conversations.items.create(made.id, items=[result, message_item("wrong"), message_item("Now?")])
    wrong = next(item for item in client.conversations.items.list(made.id) if "wrong" in str(item))
    client.conversations.items.delete(wrong.id or "", conversation_id=made.id)

    client.responses.create(model=GEMINI_3, input="Well?", conversation=made.id, tools=[WEATHER])
    client.responses.create(model=GEMINI_3, input="Last.", conversation=made.id, tools=[WEATHER])

    *_, before, sent = emulator.bodies()
    assert "wrong" not in str(sent)
    assert content_texts(before)[-1] == "Now?Well?"
    assert content_texts(sent)[-1] == "Last."
    [called] = [part for content in sent["contents"] for part in content["parts"] if "functionCall" in part]
    assert called["thoughtSignature"]


def test_a_failed_response_appends_nothing(client: OpenAI, emulator: Emulator) -> None:
    made = client.conversations.create(items=[message_item("Hello!")])
    emulator.script({"status": 400, "body": {"error": {"code": 400, "message": "No.", "status": "INVALID_ARGUMENT"}}})

    with pytest.raises(openai.BadRequestError):
        client.responses.create(model=GEMINI_3, input="And?", conversation=made.id)

    assert len(list(client.conversations.items.list(made.id))) == 1


def test_two_simultaneous_responses_are_both_appended(client: OpenAI) -> None:
    made = client.conversations.create()

    with ThreadPoolExecutor(4) as pool:
        texts = [f"turn {number}" for number in range(8)]
        list(pool.map(lambda text: client.responses.create(model=GEMINI_3, input=text, conversation=made.id), texts))

    items = list(client.conversations.items.list(made.id, order="asc"))
    assert [getattr(item, "role", None) for item in items] == ["user", None, "assistant"] * 8
    assert sorted(str(item) for item in items if getattr(item, "role", "") == "user") == sorted(
        str(item) for item in items[::3]
    )
    assert Conversation.objects.get(public_id=made.id).head_id is not None


def test_a_response_with_store_false_is_appended(client: OpenAI) -> None:
    made = client.conversations.create()
    response = client.responses.create(model=GEMINI_3, input="Hello!", conversation=made.id, store=False)

    assert client.conversations.items.list(made.id).data[0].id == response.output[-1].id
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


def test_a_deleted_response_leaves_its_conversation(client: OpenAI, emulator: Emulator) -> None:
    made = client.conversations.create()
    response = client.responses.create(model=GEMINI_3, input="My name is Ada.", conversation=made.id)
    client.responses.delete(response.id)

    client.responses.create(model=GEMINI_3, input="Who am I?", conversation=made.id)

    *_, sent = emulator.bodies()
    assert content_texts(sent)[0] == "My name is Ada."
    said_items = [item for item in client.conversations.items.list(made.id) if item.type == "message"]
    assert len(said_items) == 4


def test_a_deleted_conversation_erases_its_own_messages(client: OpenAI) -> None:
    word = fresh("secret")
    made = client.conversations.create(items=[message_item(word)])
    response = client.responses.create(model=GEMINI_3, input="Hm?", conversation=made.id)
    client.responses.delete(response.id)

    client.conversations.delete(made.id)

    assert not StoredItem.objects.filter(body__contains=word).exists()
    assert not Message.objects.filter(openai__contains=word).exists()
    assert not ConversationItem.objects.filter(conversation__public_id=made.id).exists()


def test_an_edited_conversation_keeps_no_text_of_a_deleted_response(client: OpenAI) -> None:
    word = fresh("secret")
    made = client.conversations.create()
    response = client.responses.create(model=GEMINI_3, input=word, conversation=made.id)
    client.responses.delete(response.id)
    for item in list(client.conversations.items.list(made.id)):
        client.conversations.items.delete(item.id or "", conversation_id=made.id)

    assert not StoredItem.objects.filter(body__contains=word).exists()
    assert not Message.objects.filter(openai__contains=word).exists()


def test_the_responses_of_a_deleted_conversation_stay(client: OpenAI) -> None:
    made = client.conversations.create()
    response = client.responses.create(model=GEMINI_3, input="Hello!", conversation=made.id)
    client.conversations.delete(made.id)

    assert client.responses.retrieve(response.id).output_text == response.output_text
    assert client.responses.create(model=GEMINI_3, input="x", previous_response_id=response.id).output_text


def test_the_conversation_of_another_principal_is_missing(client: OpenAI, http: httpx2.Client) -> None:
    made = client.conversations.create(items=[message_item("mine")])
    [item] = client.conversations.items.list(made.id)
    Conversation.objects.filter(public_id=made.id).update(principal=User.objects.create_user(fresh("other")))
    address = f"{CONVERSATIONS}/{made.id}"

    for method, path, body in (
        ("GET", "", None),
        ("POST", "", {"metadata": {}}),
        ("DELETE", "", None),
        ("GET", "/items", None),
        ("POST", "/items", {"items": [message_item("x")]}),
        ("GET", f"/items/{item.id}", None),
        ("DELETE", f"/items/{item.id}", None),
    ):
        response = http.request(method, address + path, json=body, headers=JSON)
        assert response.status_code == 404, (method, path)
        assert error_of(response)["message"] == f"Conversation with id '{made.id}' not found."
    rejected = http.post(RESPONSES, json={"model": GEMINI_3, "input": "x", "conversation": made.id})
    assert rejected.status_code == 404
    assert ConversationItem.objects.filter(conversation__public_id=made.id).count() == 1


def test_two_sources_of_history_exclude_each_other(client: OpenAI, http: httpx2.Client) -> None:
    made = client.conversations.create()
    first = ask(http, input="Hello!")

    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=GEMINI_3, input="x", conversation=made.id, previous_response_id=first["id"])
    assert caught.value.code == "mutually_exclusive_parameters"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "param"),
    [
        ("GET", "/nonsense", None, 400, "conversation_id"),
        ("GET", "/conv_missing", None, 404, "conversation_id"),
        ("POST", "", {"items": "x"}, 400, "items"),
        ("POST", "", {"metadata": {"a": 1}}, 400, "metadata.a"),
    ],
)
def test_invalid_conversation_requests_are_rejected_by_name(
    http: httpx2.Client, method: str, path: str, body: Any, status: int, param: str
) -> None:
    response = http.request(method, f"{CONVERSATIONS}{path}", json=body)

    assert response.status_code == status
    assert error_of(response)["param"].startswith(param.partition(".")[0])
