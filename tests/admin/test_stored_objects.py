"""Responses, conversations and stored completions in the admin: lists, links to transcripts, erasure."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sessions_store.models import (
    Conversation,
    Message,
    StoredCompletion,
    StoredItem,
    StoredResponse,
    UsageRecord,
    User,
)
from sessions_store.state.conversations import create_conversation
from sessions_store.transcript.canonical import NodeKey
from sessions_store.transcript.reading import message_keys
from sessions_store.writing.records import ExchangeRecord, NewMessage, UsageRow
from sessions_store.writing.state_records import CompletionState, ResponseState, new_item
from sessions_store.writing.writer import write_batch
from tests.admin.conftest import Operator

ASKED = {"role": "user", "content": "What is the capital of Peru?"}
ANSWERED = {"role": "assistant", "content": "Lima."}
KINDS = {"storedresponse": "resp_1", "conversation": "conv_1", "storedcompletion": "chatcmpl-1"}


@pytest.fixture
def stored(db: None) -> dict[str, Any]:
    """One object of each kind, written like the gateway's."""
    principal = User.objects.local().pk
    leaf, answer = message_keys(principal, [ASKED, ANSWERED])
    now = timezone.now()
    create_conversation(principal, "conv_1", {"topic": "x"}, [_item(principal, "msg_0", "Hello")], now)
    found = Conversation.objects.get()
    nodes = (leaf, answer)
    response = ResponseState(
        public_id="resp_1",
        principal_id=principal,
        request_id="req_1",
        status="completed",
        model="gpt-4",
        body='{"id": "resp_1"}',
        created_at=now,
        completed_at=now,
        user="ada",
        message=leaf,
        answer=answer,
        inputs=(_item(principal, "msg_1", "What is the capital of Peru?"),),
        outputs=(_item(principal, "msg_2", "Lima."),),
    )
    completion = CompletionState(
        public_id="chatcmpl-1",
        principal_id=principal,
        request_id="req_2",
        model="gpt-4",
        body='{"id": "chatcmpl-1", "content": "Lima."}',
        created_at=now,
        message=leaf,
        answer=answer,
        message_count=1,
    )
    write_batch([_exchange(principal, "req_1", nodes, response), _exchange(principal, "req_2", nodes, completion)])
    node = Message.objects.get(key=answer).pk
    Conversation.objects.filter(pk=found.pk).update(head=node)
    return {
        "storedresponse": StoredResponse.objects.get().pk,
        "conversation": found.pk,
        "storedcompletion": StoredCompletion.objects.get().pk,
        "answer": node,
    }


def _item(principal: int, item_id: str, text: str) -> Any:
    return new_item(principal, {"id": item_id, "type": "message", "content": [{"type": "input_text", "text": text}]})


def _exchange(principal: int, request_id: str, nodes: tuple[NodeKey, NodeKey], state: Any) -> ExchangeRecord:
    leaf, answer = nodes
    usage = UsageRow(
        request_id=request_id,
        principal_id=principal,
        owner_id=principal,
        endpoint="responses",
        status="ok",
        http_status=200,
        started_at=timezone.now(),
        message=leaf,
        answer=answer,
    )
    messages = (
        NewMessage(key=leaf, parent=None, role="user", openai='{"role": "user", "content": "What is it?"}'),
        NewMessage(key=answer, parent=leaf, role="assistant", openai='{"role": "assistant", "content": "Lima."}'),
    )
    return ExchangeRecord(usage=usage, messages=messages, state=state)


@pytest.mark.parametrize(("kind", "name"), KINDS.items())
def test_lists_link_to_the_transcript(operator: Client, stored: dict[str, Any], kind: str, name: str) -> None:
    page = operator.get(reverse(f"admin:sessions_store_{kind}_changelist")).content.decode()

    assert name in page
    assert reverse("admin:sessions_store_message", args=[stored["answer"]]) in page


@pytest.mark.parametrize("kind", KINDS)
def test_the_content_of_a_page_requires_the_right_to_read_messages(
    clerk: Operator, stored: dict[str, Any], kind: str
) -> None:
    address = reverse(f"admin:sessions_store_{kind}_change", args=[stored[kind]])
    word = "Hello" if kind == "conversation" else "Lima."

    assert word not in clerk(f"view_{kind}").get(address).content.decode()
    User.objects.get(username="clerk").delete()
    assert word in clerk(f"view_{kind}", "view_message").get(address).content.decode()


def test_a_transcript_links_to_the_objects_of_its_messages(clerk: Operator, stored: dict[str, Any]) -> None:
    address = reverse("admin:sessions_store_message", args=[stored["answer"]])
    links = {
        "view_storedresponse": reverse("admin:sessions_store_storedresponse_change", args=[stored["storedresponse"]]),
        "view_storedcompletion": reverse(
            "admin:sessions_store_storedcompletion_change", args=[stored["storedcompletion"]]
        ),
        "view_conversation": reverse("admin:sessions_store_conversation_change", args=[stored["conversation"]]),
        "view_usagerecord": reverse(
            "admin:sessions_store_usagerecord_change", args=[UsageRecord.objects.get(request_id="req_2").pk]
        ),
    }
    for right in links:  # each object is a link only with the right to open it
        page = clerk("view_message", right).get(address).content.decode()
        assert [other for other, link in links.items() if f'href="{link}"' in page] == [right]
        User.objects.get(username="clerk").delete()


@pytest.mark.parametrize("kind", KINDS)
def test_the_transcript_of_an_object_shows_its_own_request(operator: Client, stored: dict[str, Any], kind: str) -> None:
    StoredResponse.objects.update(conversation_id=stored["conversation"])
    principal = User.objects.local().pk
    nodes = message_keys(principal, [ASKED, ANSWERED])
    write_batch([_exchange(principal, "req_9", (nodes[0], nodes[1]), None)])  # the same exchange again

    page = operator.get(reverse(f"admin:sessions_store_{kind}_changelist")).content.decode()
    address = page.partition(f'href="{reverse("admin:sessions_store_message", args=[stored["answer"]])}')[2]
    query = address.partition('"')[0].replace("&amp;", "&")
    text = operator.get(reverse("admin:sessions_store_message", args=[stored["answer"]]) + query).content.decode()

    own = "req_2" if kind == "storedcompletion" else "req_1"
    linked = [
        usage.request_id
        for usage in UsageRecord.objects.all()
        if f'href="{reverse("admin:sessions_store_usagerecord_change", args=[usage.pk])}"' in text
    ]
    assert linked == [own]


def test_a_response_links_to_its_related_records(operator: Client, stored: dict[str, Any]) -> None:
    StoredResponse.objects.update(previous_id="resp_0", conversation_id=stored["conversation"])
    page = operator.get(reverse("admin:sessions_store_storedresponse_change", args=[stored["storedresponse"]]))
    usage = UsageRecord.objects.get(request_id="req_1")

    text = page.content.decode()
    assert reverse("admin:sessions_store_usagerecord_change", args=[usage.pk]) in text
    assert reverse("admin:sessions_store_conversation_change", args=[stored["conversation"]]) in text
    assert reverse("admin:sessions_store_message", args=[stored["answer"]]) in text
    assert "resp_0" in text  # the object is deleted, so there is no link
    assert f"{timezone.now():%Y}, " in text
    assert " UTC" in text


@pytest.mark.parametrize(
    ("kind", "hint"),
    [("storedresponse", "/v1/responses"), ("conversation", "/v1/conversations"), ("storedcompletion", "store: true")],
)
def test_an_empty_list_has_a_hint(operator: Client, kind: str, hint: str) -> None:
    assert hint in operator.get(reverse(f"admin:sessions_store_{kind}_changelist")).content.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_stored_objects_are_found_by_their_id(operator: Client, stored: dict[str, Any], kind: str) -> None:
    address = reverse(f"admin:sessions_store_{kind}_changelist")

    assert KINDS[kind] in operator.get(address, {"q": KINDS[kind]}).content.decode()
    assert KINDS[kind] not in operator.get(address, {"q": "nothing"}).content.decode().partition("id_q")[2][500:]


def test_a_deletion_erases_the_content_and_keeps_the_usage_record(operator: Client, stored: dict[str, Any]) -> None:
    for kind in KINDS:
        address = reverse(f"admin:sessions_store_{kind}_delete", args=[stored[kind]])
        assert "cannot be undone" in operator.get(address).content.decode()
        assert operator.post(address, {"post": "yes"}).status_code == 302

    assert not StoredResponse.objects.exists()
    assert not Conversation.objects.exists()
    assert not StoredCompletion.objects.exists()
    assert not StoredItem.objects.exists()
    assert not Message.objects.exists()
    assert UsageRecord.objects.count() == 2


@pytest.mark.parametrize("kind", KINDS)
def test_stored_objects_cannot_be_added_or_changed(operator: Client, stored: dict[str, Any], kind: str) -> None:
    assert operator.get(reverse(f"admin:sessions_store_{kind}_add")).status_code == 403
    operator.post(reverse(f"admin:sessions_store_{kind}_change", args=[stored[kind]]), {"public_id": "other"})
    page = operator.get(reverse(f"admin:sessions_store_{kind}_changelist")).content.decode()
    assert KINDS[kind] in page
