"""Erasure: the content of a user is erased, shared messages stay, and the usage records stay complete."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from uuid import NAMESPACE_OID, uuid4, uuid5

import pytest

from sessions_store.models import ChatSession, Message, ToolCall, UpstreamRequest, UsageRecord
from sessions_store.state.chat_sessions import erase_session, erase_sessions, list_sessions
from sessions_store.transcript.reading import path_to
from sessions_store.writing.records import Committed
from sessions_store.writing.writer import write_batch
from tests.unit.store.exchanges import Json, exchange, message_pair, new_principal, stored_message

pytestmark = pytest.mark.django_db
CommitCallbacks = Callable[..., AbstractContextManager[object]]
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def talk(principal_id: int, messages: list[Json], user: str, **session: object) -> Committed:
    """Record a conversation of a user's session."""
    [committed] = write_batch([exchange(principal_id, messages, session={"user": user, "follow": True, **session})])
    return committed


def texts(principal_id: int) -> set[str]:
    """Return all stored texts of a principal."""
    return {
        text.split('"')[-2]
        for text in Message.objects.filter(principal_id=principal_id).values_list("openai", flat=True)
    }


def test_erasure_removes_content_and_keeps_usage_records() -> None:
    principal_id = new_principal()
    talk(principal_id, message_pair("secret"), "ann")
    UsageRecord.objects.filter(principal_id=principal_id).update(upstream_error="Invalid value: secret")
    record = UsageRecord.objects.get(principal_id=principal_id)
    before = (record.cost_nano, record.prompt_tokens)

    assert erase_sessions(principal_id, "ann") == 1

    record.refresh_from_db()
    assert texts(principal_id) == set()
    assert record.upstream_error == ""
    assert (record.cost_nano, record.prompt_tokens) == before
    assert (record.session, record.message_id, record.answer_id, record.user) == (None, None, None, "ann")
    assert list_sessions(principal_id) == []
    assert erase_sessions(principal_id, "ann") == 0


def test_messages_shared_with_other_sessions_stay() -> None:
    principal_id = new_principal()
    shared = [stored_message("system", "s"), *message_pair("hello")]
    talk(principal_id, [*shared, *message_pair("ann")], "ann")
    bob = talk(principal_id, [*shared, *message_pair("bob")], "bob")
    carol = talk(principal_id, shared, "carol")

    erase_sessions(principal_id, "ann")

    assert texts(principal_id) == {"s", "hello", "You said hello", "bob", "You said bob"}
    for head, length in ((bob.head, 5), (carol.head, 3)):
        assert head is not None
        assert len(path_to(head, max_messages=100, max_tokens=10**6)) == length
    erase_sessions(principal_id, "bob")
    assert texts(principal_id) == {"s", "hello", "You said hello"}
    erase_sessions(principal_id, "carol")
    assert texts(principal_id) == set()


def test_messages_of_exchanges_without_a_session_stay() -> None:
    principal_id = new_principal()
    write_batch([exchange(principal_id, message_pair("hello"))])
    talk(principal_id, message_pair("hello") + message_pair("more"), "ann")

    erase_sessions(principal_id, "ann")

    assert texts(principal_id) == {"hello", "You said hello"}


def test_abandoned_branches_are_erased() -> None:
    principal_id = new_principal()
    talk(principal_id, message_pair("one"), "ann")
    talk(principal_id, message_pair("two"), "ann")
    write_batch([exchange(principal_id, message_pair("three"), user="ann")])

    erase_sessions(principal_id, "ann")

    assert texts(principal_id) == set()


def test_a_single_session_of_several_is_erased() -> None:
    principal_id = new_principal()
    talk(principal_id, message_pair("home"), "ann")
    work = talk(principal_id, message_pair("work"), "ann", name="work")
    talk(principal_id, message_pair("play"), "ann", name="play")

    assert erase_sessions(principal_id, "ann", "work") == 1
    assert erase_sessions(principal_id, "ann", work.session) == 0
    assert texts(principal_id) == {"home", "You said home", "play", "You said play"}
    assert erase_session(ChatSession.objects.get(principal_id=principal_id, name="play").pk) == 1
    assert erase_session(0) == 0
    assert texts(principal_id) == {"home", "You said home"}


def test_messages_of_another_principal_are_never_touched() -> None:
    mine, theirs = new_principal(), new_principal()
    talk(mine, message_pair("x"), "ann")
    talk(theirs, message_pair("x"), "ann")

    erase_sessions(mine, "ann")

    assert (texts(mine), texts(theirs)) == (set(), {"x", "You said x"})


def test_tool_calls_are_erased_with_their_message() -> None:
    principal_id = new_principal()
    talk(
        principal_id, [stored_message("user", "x"), {"role": "assistant", "content": None, "tool_calls": [CALL]}], "ann"
    )
    assert ToolCall.objects.filter(principal_id=principal_id).exists()

    erase_sessions(principal_id, "ann")

    assert not ToolCall.objects.filter(principal_id=principal_id).exists()


def test_a_long_conversation_is_erased() -> None:
    principal_id = new_principal()
    talk(principal_id, [message for number in range(1000) for message in message_pair(str(number))], "ann")

    erase_sessions(principal_id, "ann")

    assert texts(principal_id) == set()


def sent_with(principal_id: int, tools: str, text: str, user: str) -> str:
    """Record an exchange with these tools in the request body; return the key of the tools."""
    key = uuid5(NAMESPACE_OID, tools).hex
    record = exchange(principal_id, message_pair(text), session={"user": user, "follow": True})
    write_batch([replace(record, upstream_request=(key, tools))])
    return key


def test_settings_and_tools_are_erased_with_their_last_exchange(
    django_capture_on_commit_callbacks: CommitCallbacks,
) -> None:
    principal_id, own = new_principal(), uuid4().hex
    alone = sent_with(principal_id, f"a private tool {own}", "one", "ann")
    shared = sent_with(principal_id, f"a shared tool {own}", "two", "ann")
    assert sent_with(principal_id, f"a shared tool {own}", "three", "bob") == shared

    with django_capture_on_commit_callbacks(execute=True):
        erase_sessions(principal_id, "ann")
    assert [row.pk.hex for row in UpstreamRequest.objects.filter(pk__in=[alone, shared])] == [shared]

    with django_capture_on_commit_callbacks(execute=True):
        erase_sessions(principal_id, "bob")
    assert not UpstreamRequest.objects.filter(pk=shared).exists()
