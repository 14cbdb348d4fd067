"""One transaction for a batch: the rows of each exchange, and the order of sessions."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.db import IntegrityError, connection

from sessions_store.models import ChatSession, Message, ModelPrice, ToolCall, UpstreamRequest, UsageRecord
from sessions_store.state.chat_sessions import find_session, list_sessions
from sessions_store.transcript.canonical import NodeKey
from sessions_store.transcript.reading import path_to
from sessions_store.writing.records import ExchangeRecord, request_digest
from sessions_store.writing.writer import write_batch
from tests.unit.store.exchanges import (
    NOON,
    Json,
    exchange,
    key_of,
    message_pair,
    new_principal,
    node_id,
    nodes,
    stored_message,
    usage,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(hours=24)
ANN = {"user": "ann"}


def conversation(head: NodeKey | None) -> list[str]:
    """Return the texts from the root to a head."""
    assert head is not None
    path = path_to(head, max_messages=1000, max_tokens=10**6)
    return [orjson.loads(message.openai)["content"] for message in path]


def test_an_exchange_is_stored_completely() -> None:
    principal_id = new_principal()
    text = '{"generationConfig":{}}'
    record = exchange(
        principal_id,
        [stored_message("system", "s"), *message_pair("1")],
        user="ann",
        started_at=NOON,
        latency_ms=1500,
        metadata={"team": "x"},
        notes=[("mapped", "model", "a -> b")],
        usage_metadata=[{"promptTokenCount": 1000, "candidatesTokenCount": 100}],
        placement=[-1, 0],
    )
    system, _, last = (node.key for node in record.messages)
    columns = replace(record.usage, systems=[system, NodeKey(uuid4().hex)], more_answers=[last])

    [committed] = write_batch(
        [ExchangeRecord(usage=columns, messages=record.messages, upstream_request=(request_digest(text), text))]
    )

    row = UsageRecord.objects.get(request_id=record.usage.request_id)
    price = ModelPrice.objects.get(model__name="gemini-3.8-flash", tier="standard", valid_from__year=2026)
    assert (row.user, row.session, row.metadata, row.notes) == (
        "ann",
        None,
        {"team": "x"},
        [["mapped", "model", "a -> b"]],
    )
    assert (row.cost_nano, row.prices) == (1000 * 750 + 100 * 3750, [price.pk])
    assert (row.placement, row.started_at) == ([-1, 0], NOON)
    assert row.more_answers == [node_id(last).hex]
    assert row.system_ids == [node_id(system).hex]  # an erased message is left out
    assert row.upstream_request is not None
    assert row.upstream_request.body == text
    assert row.answer is not None
    answer = row.answer
    assert (committed.head, committed.session, committed.rebased) == (key_of(answer), None, False)
    assert (answer.depth, answer.role, answer.model) == (2, "assistant", "gemini-3.8-flash")
    assert answer.instructions == node_id(system)
    assert answer.created_at == NOON + timedelta(seconds=1.5)
    assert answer.parent_id == row.message_id


@pytest.mark.parametrize(
    ("columns", "nano"),
    [
        (
            {
                "estimated": True,
                "prompt_tokens": 10,
                "completion_tokens": 1,
                "usage_metadata": [{"promptTokenCount": 1}],
            },
            11250,
        ),
        ({"usage_metadata": [], "prompt_tokens": 10, "completion_tokens": 1}, 11250),
        ({"usage_metadata": [{"promptTokenCount": 10}, {"promptTokenCount": 10}]}, 15000),
        ({"service_tier": "flex", "usage_metadata": [{"promptTokenCount": 10}]}, 3750),
        ({"upstream_model": "gemini-nobody-knows"}, 0),
        ({"status": "client_error", "prompt_tokens": 0, "completion_tokens": 0, "upstream_model": ""}, 0),
    ],
)
def test_the_costs_of_an_exchange_are_stored(columns: Json, nano: int) -> None:
    record = exchange(new_principal(), **columns)
    write_batch([record])

    assert UsageRecord.objects.get(request_id=record.usage.request_id).cost_nano == nano


def test_the_same_messages_are_stored_once() -> None:
    principal_id = new_principal()
    write_batch([exchange(principal_id, message_pair("1")), exchange(principal_id, message_pair("1"))])
    write_batch([exchange(principal_id, message_pair("1") + message_pair("2"))])

    assert Message.objects.filter(principal_id=principal_id).count() == 4
    assert UsageRecord.objects.filter(principal_id=principal_id).count() == 3


def test_a_node_gets_its_gemini_content_later_and_keeps_the_first() -> None:
    principal_id = new_principal()
    [question, answer] = nodes(principal_id, message_pair("1"))

    def contents(gemini: str) -> str:
        """Record the response with this Gemini content; return the stored content."""
        node = replace(answer, gemini=gemini)
        write_batch([ExchangeRecord(usage=usage(principal_id), messages=(question, node))])
        return Message.objects.get(key=answer.key).gemini

    assert [contents(""), contents('{"signed":1}'), contents(""), contents('{"signed":2}')] == [
        "",
        *['{"signed":1}'] * 3,
    ]


def test_a_call_belongs_to_the_first_message_with_its_id() -> None:
    principal_id = new_principal()
    calls = [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    first = exchange(
        principal_id, [stored_message("user", "a"), {"role": "assistant", "content": None, "tool_calls": calls}]
    )
    again = exchange(
        principal_id, [stored_message("user", "b"), {"role": "assistant", "content": None, "tool_calls": calls}]
    )
    write_batch([first])
    write_batch([again])

    assert ToolCall.objects.get(principal_id=principal_id).message_id == node_id(first.messages[1].key)


def test_an_upstream_body_is_stored_once() -> None:
    key = uuid4().hex
    principal_id = new_principal()
    records = [ExchangeRecord(usage=usage(principal_id), upstream_request=(key, "{}")) for _ in range(2)]
    write_batch(records)
    write_batch([ExchangeRecord(usage=usage(principal_id), upstream_request=(key, "{}"))])

    assert UpstreamRequest.objects.filter(pk=key).count() == 1


def test_an_invalid_record_rolls_the_batch_back() -> None:
    principal_id = new_principal()
    good, bad = exchange(principal_id, message_pair("1")), exchange(principal_id, request_id="req_once")
    write_batch([bad])
    with pytest.raises(IntegrityError):
        write_batch([good, bad])

    assert not UsageRecord.objects.filter(request_id=good.usage.request_id).exists()


def test_an_uncertain_batch_is_not_recorded_twice() -> None:
    principal_id = new_principal()
    first = exchange(principal_id, message_pair("1"), session=ANN)
    second = exchange(principal_id, message_pair("2"))
    [committed] = write_batch([first])

    again = write_batch([first, second], uncertain=True)

    assert again[0] == committed
    assert UsageRecord.objects.filter(principal_id=principal_id).count() == 2
    assert ChatSession.objects.get(principal_id=principal_id).message_count == 2


def test_a_session_continues_at_its_head() -> None:
    principal_id = new_principal()
    [first] = write_batch([exchange(principal_id, message_pair("1"), session=ANN)])
    state = find_session(principal_id, "ann", now=NOON, idle=DAY)
    assert state is not None
    [second] = write_batch(
        [exchange(principal_id, message_pair("2"), parent=state.head, session=ANN | {"session_id": state.id})]
    )

    assert (first.session, second.session, second.rebased) == (state.public_id, state.public_id, False)
    assert conversation(second.head) == ["1", "You said 1", "2", "You said 2"]
    row = ChatSession.objects.get(principal_id=principal_id)
    assert (row.title, row.message_count, row.head_id) == ("1", 4, node_id(second.head))


def test_parallel_exchanges_of_a_session_are_appended_in_order() -> None:
    """Three requests read the same head, two more read none: no message is lost or stored twice, even equal texts."""
    principal_id = new_principal()
    [begun] = write_batch([exchange(principal_id, message_pair("0"), session=ANN)])
    parallel = [exchange(principal_id, message_pair("same"), parent=begun.head, session=ANN) for _ in range(3)]
    one = write_batch(parallel[:1])
    two = write_batch(parallel[1:])
    late = write_batch(
        [exchange(principal_id, [stored_message("system", "s"), *message_pair(text)], session=ANN) for text in "ab"]
    )

    assert [outcome.rebased for outcome in one + two + late] == [False, True, True, True, True]
    texts = ["0", "You said 0", *["same", "You said same"] * 3, "s", "a", "You said a", "s", "b", "You said b"]
    assert conversation(late[-1].head) == texts
    assert Message.objects.filter(principal_id=principal_id).count() == 14
    assert ChatSession.objects.get(principal_id=principal_id).message_count == 14
    for record, outcome in zip(parallel[1:], two, strict=True):
        assert outcome.head is not None
        row = UsageRecord.objects.get(request_id=record.usage.request_id)
        assert row.answer_id == node_id(outcome.head)
        assert Message.objects.get(key=outcome.head).parent_id == row.message_id


def test_messages_committed_meanwhile_count_as_not_sent() -> None:
    principal_id = new_principal()
    [begun] = write_batch([exchange(principal_id, message_pair("0"), session=ANN)])
    write_batch([exchange(principal_id, message_pair("1"), parent=begun.head, session=ANN)])
    late = exchange(principal_id, message_pair("2"), parent=begun.head, session=ANN, placement=[-1, 0, 1, 2])
    write_batch([late])

    assert UsageRecord.objects.get(request_id=late.usage.request_id).placement == [-1, 0, 1, -2, -2, 2]


def test_tool_calls_and_further_choices_move_with_their_message() -> None:
    principal_id = new_principal()
    write_batch([exchange(principal_id, message_pair("0"), session=ANN)])
    calls = [{"id": "call_7", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    chain = nodes(
        principal_id, [stored_message("user", "1"), {"role": "assistant", "content": None, "tool_calls": calls}]
    )
    other = nodes(principal_id, [stored_message("assistant", "other")], parent=chain[0].key)
    record = exchange(principal_id, [stored_message("user", "1")], session=ANN | {"new_head": chain[1].key})
    columns = usage(principal_id, chain, more_answers=[other[0].key])
    [committed] = write_batch([ExchangeRecord(usage=columns, messages=(*chain, *other), session=record.session)])

    row = UsageRecord.objects.get(request_id=columns.request_id)
    assert committed.rebased
    assert committed.head is not None
    assert ToolCall.objects.get(principal_id=principal_id).message_id == node_id(committed.head) == row.answer_id
    assert Message.objects.get(pk=row.more_answers[0]).parent_id == row.message_id


def test_the_history_of_a_client_replaces_the_head() -> None:
    principal_id = new_principal()
    write_batch([exchange(principal_id, message_pair("0"), session=ANN)])
    own = message_pair("a") + message_pair("b")
    [committed] = write_batch([exchange(principal_id, own, session=ANN | {"follow": True})])

    assert not committed.rebased
    assert conversation(committed.head) == ["a", "You said a", "b", "You said b"]
    assert ChatSession.objects.filter(principal_id=principal_id).count() == 1


@pytest.mark.parametrize(("hours", "sessions"), [(24, 1), (25, 2)])
def test_a_session_expires_after_the_idle_time(hours: int, sessions: int) -> None:
    principal_id = new_principal()
    later = NOON + timedelta(hours=hours)
    [first] = write_batch([exchange(principal_id, message_pair("1"), session=ANN)])
    found = find_session(principal_id, "ann", now=later, idle=DAY)
    outcomes = write_batch([exchange(principal_id, message_pair(text), session=ANN | {"now": later}) for text in "23"])

    assert (found is None) == (sessions == 2)
    assert (outcomes[0].session == first.session) == (sessions == 1)
    assert outcomes[1].session == outcomes[0].session
    listed = list_sessions(principal_id)
    assert [session.active for session in listed] == [True, False][:sessions]
    assert conversation(outcomes[1].head)[-4:] == ["2", "You said 2", "3", "You said 3"]


def test_sessions_are_found_by_name_and_public_id() -> None:
    principal_id = new_principal()
    outcomes = write_batch(
        [
            exchange(principal_id, message_pair("1"), session=ANN | {"public_id": "sess_mine", "title": "Mine"}),
            exchange(principal_id, message_pair("2"), session=ANN | {"name": "work"}),
            exchange(principal_id, message_pair("3"), session={"user": "bob"}),
        ]
    )
    [again] = write_batch([exchange(principal_id, message_pair("4"), session=ANN | {"name": "sess_mine"})])
    by_id = find_session(principal_id, "ann", "sess_mine", now=NOON, idle=DAY)

    assert (outcomes[0].session, again.session) == ("sess_mine", "sess_mine")
    assert len({outcome.session for outcome in outcomes}) == 3
    assert conversation(again.head) == ["1", "You said 1", "4", "You said 4"]
    assert by_id is not None
    assert (by_id.public_id, by_id.head, by_id.message_count) == ("sess_mine", again.head, 4)
    assert find_session(principal_id, "bob", "sess_mine", now=NOON, idle=DAY) is None
    assert find_session(new_principal(), "ann", "sess_mine", now=NOON, idle=DAY) is None


def test_a_session_named_twice_in_one_batch_is_one() -> None:
    principal_id = new_principal()
    write_batch([exchange(principal_id, message_pair("1"), session=ANN | {"public_id": "sess_one"})])
    outcomes = write_batch(
        [
            exchange(principal_id, message_pair("2"), session=ANN),
            exchange(principal_id, message_pair("3"), session=ANN | {"name": "sess_one"}),
        ]
    )

    assert [outcome.session for outcome in outcomes] == ["sess_one"] * 2
    assert conversation(outcomes[1].head) == [text for n in "123" for text in (n, f"You said {n}")]


def test_an_erased_history_begins_anew() -> None:
    principal_id = new_principal()
    gone = NodeKey(uuid4().hex)
    [appended] = write_batch(
        [exchange(principal_id, message_pair("1"), parent=gone, session=ANN | {"session_id": 10**9})]
    )
    [followed] = write_batch(
        [exchange(principal_id, message_pair("2"), parent=gone, session={"user": "bob", "follow": True})]
    )

    assert conversation(appended.head) == ["1", "You said 1"]
    assert conversation(followed.head) == ["2", "You said 2"]


def test_a_failed_exchange_does_not_move_the_head() -> None:
    principal_id = new_principal()
    [first] = write_batch([exchange(principal_id, message_pair("1"), session=ANN)])
    [failed] = write_batch(
        [exchange(principal_id, status="upstream_error", parent=first.head, session=ANN | {"new_head": None})]
    )

    assert failed.head == first.head


def test_the_longest_names_and_unusual_texts_are_stored() -> None:
    principal_id = new_principal()
    strange = "\u202e 👩‍👩‍👧 \\u0000 \x00 'quote' %s ?"
    record = exchange(
        principal_id,
        [stored_message("user", strange), stored_message("assistant", strange)],
        session={"user": "u" * 256, "name": "n" * 200},
        metadata={"k": strange},
        usage_metadata=[{"promptTokenCount": 1, "note": strange}],
    )
    [committed] = write_batch([record])

    assert committed.head is not None
    assert orjson.loads(Message.objects.get(key=committed.head).openai)["content"] == strange
    row = UsageRecord.objects.get(request_id=record.usage.request_id)
    assert row.metadata["k"].replace("\ufffd", "\x00") == strange
    assert row.session is not None
    assert len(row.session.title) <= 80


def test_a_session_has_a_title() -> None:
    parts: Any = [{"type": "text", "text": "  What\n is "}, {"type": "text", "text": "this?"}]
    principal_id = new_principal()
    write_batch([exchange(principal_id, [{"role": "user", "content": parts}], session={"user": "a"})])
    write_batch([exchange(principal_id, [stored_message("user", "x" * 100)], session={"user": "b"})])
    titles = {session.user: session.title for session in list_sessions(principal_id)}

    assert titles == {"a": "What is this?", "b": "x" * 79 + "…"}


def test_sessions_are_listed_in_pages() -> None:
    principal_id = new_principal()
    write_batch([exchange(principal_id, message_pair("x"), session={"user": user}) for user in ("a", "b", "c")])
    first = list_sessions(principal_id, limit=2)
    rest = list_sessions(principal_id, limit=2, before=first[-1].id)

    assert sorted(session.user for session in first + rest) == ["a", "b", "c"]
    assert [session.user for session in list_sessions(principal_id, user="b")] == ["b"]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="counts the steps of SQLite's machine")
def test_the_cost_of_a_request_does_not_depend_on_the_number_of_sessions() -> None:
    """Clients with session ids only are one user, with the empty name."""
    principal_id = new_principal()

    def steps(name: str) -> int:
        """Begin a session; return the number of virtual-machine steps in hundreds."""
        counted: list[int] = []
        connection.connection.set_progress_handler(lambda: counted.append(1), 100)
        write_batch([exchange(principal_id, message_pair(name), session={"user": "", "name": name})])
        connection.connection.set_progress_handler(None, 0)
        return len(counted)

    before = steps("first")
    for batch in range(10):
        names = [f"other-{batch}-{number}" for number in range(200)]
        write_batch([exchange(principal_id, session={"user": "", "name": name}) for name in names])

    assert steps("last") < 2 * before
