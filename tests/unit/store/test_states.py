"""Responses, conversations and completions in the writer's transaction: stored with the exchange, or not at all."""

import pytest

from sessions_store.models import Message, StoredItem, StoredResponse, ToolCall, UsageRecord
from sessions_store.state.conversations import (
    add_items,
    all_items,
    create_conversation,
    delete_conversation,
    find_conversation,
)
from sessions_store.state.responses import begin_response, delete_response, end_response, find_response, read_response
from sessions_store.transcript.history import history_to
from sessions_store.transcript.reading import message_keys, path_to
from sessions_store.writing.records import ExchangeRecord
from sessions_store.writing.state_records import ConversationVersion, EventBatch, NewItem, ResponseState, new_item
from sessions_store.writing.writer import write_batch
from tests.unit.store.exchanges import (
    NOON,
    Json,
    exchange,
    key_of,
    message_pair,
    new_principal,
    nodes,
    stored_message,
    usage,
)

pytestmark = pytest.mark.django_db


def item(principal_id: int, name: str) -> NewItem:
    """Return an item with a unique text."""
    return new_item(principal_id, {"id": f"msg_{name}", "text": name})


def responded(principal_id: int, name: str, **changes: object) -> ExchangeRecord:
    """Return an exchange with a response `resp_<name>`."""
    chain = nodes(principal_id, message_pair(name))
    row = usage(principal_id, chain, message=chain[0].key, answer=chain[-1].key)
    given: Json = {
        "public_id": f"resp_{name}{principal_id}",
        "principal_id": principal_id,
        "request_id": row.request_id,
        "status": "completed",
        "model": "m",
        "body": '{"status": "completed"}',
        "created_at": NOON,
        "completed_at": NOON,
        "message": chain[0].key,
        "answer": chain[-1].key,
        "inputs": (item(principal_id, f"in-{name}"),),
        "outputs": (item(principal_id, f"out-{name}"),),
        **changes,
    }
    return ExchangeRecord(usage=row, messages=tuple(chain), state=ResponseState(**given))


def bodies(principal_id: int) -> dict[str, int]:
    """Return the stored items by id, with the number of their uses."""
    return dict(StoredItem.objects.filter(principal_id=principal_id).values_list("item_id", "uses"))


def test_a_response_is_stored_with_its_exchange() -> None:
    principal_id = new_principal()
    write_batch([responded(principal_id, "a")])

    read = read_response(principal_id, f"resp_a{principal_id}")

    assert read is not None
    found, output = read
    assert found.answer == key_of(Message.objects.get(principal_id=principal_id, role="assistant"))
    assert [one["id"] for one in output] == ["msg_out-a"]
    assert find_response(new_principal(), f"resp_a{principal_id}") is None


def test_shared_items_are_erased_with_their_last_use() -> None:
    principal_id = new_principal()
    shared = item(principal_id, "shared")
    write_batch([responded(principal_id, name, inputs=(shared, shared)) for name in ("a", "b")])
    assert bodies(principal_id)["msg_shared"] == 4

    assert delete_response(principal_id, f"resp_a{principal_id}")
    assert bodies(principal_id) == {"msg_shared": 2, "msg_out-b": 1}
    assert delete_response(principal_id, f"resp_b{principal_id}")
    assert bodies(principal_id) == {}
    assert UsageRecord.objects.filter(principal_id=principal_id).count() == 2


def test_a_conversation_appends_messages_in_the_order_of_commits() -> None:
    principal_id = new_principal()
    made = create_conversation(principal_id, f"conv_{principal_id}", {}, [item(principal_id, "0")], NOON)
    seen = ConversationVersion(id=made.id, version=made.version)
    write_batch([responded(principal_id, "a", conversation=seen)])
    first = find_conversation(principal_id, made.public_id)
    write_batch([responded(principal_id, "b", conversation=seen)])
    second = find_conversation(principal_id, made.public_id)

    assert first is not None
    assert second is not None
    assert (first.head is None, second.head) == (False, None)  # `b` was planned without `a`: the head is rebuilt
    order = [one["id"] for one in all_items(made.id)]
    assert order == ["msg_0", "msg_in-a", "msg_out-a", "msg_in-b", "msg_out-b"]


def test_an_item_added_by_hand_changes_the_version() -> None:
    principal_id = new_principal()
    made = create_conversation(principal_id, f"conv_{principal_id}", {}, [], NOON)
    write_batch([responded(principal_id, "a", conversation=made.lock_version)])
    add_items(principal_id, made.public_id, [item(principal_id, "x")], NOON)

    found = find_conversation(principal_id, made.public_id)

    assert found is not None
    assert (found.head, found.version) == (None, made.version + 2)


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_only_a_response_is_appended(status: str) -> None:
    principal_id = new_principal()
    made = create_conversation(principal_id, f"conv_{principal_id}", {}, [], NOON)

    write_batch([responded(principal_id, "a", conversation=made.lock_version, status=status)])

    assert all_items(made.id) == []
    assert bodies(principal_id) == {"msg_in-a": 1, "msg_out-a": 1}


def test_a_response_of_a_deleted_conversation_is_stored() -> None:
    principal_id = new_principal()
    made = create_conversation(principal_id, f"conv_{principal_id}", {}, [], NOON)
    delete_conversation(principal_id, made.public_id)

    write_batch([responded(principal_id, "a", conversation=made.lock_version)])

    assert find_response(principal_id, f"resp_a{principal_id}") is not None
    assert bodies(principal_id) == {"msg_in-a": 1, "msg_out-a": 1}


def test_a_running_response_is_finished_with_its_last_events() -> None:
    principal_id = new_principal()
    record = responded(principal_id, "a", background=True, running=True, events=EventBatch(3, 4, "{}\n{}"))
    assert isinstance(record.state, ResponseState)
    begin_response(responded(principal_id, "a", status="queued", background=True, outputs=(), worker="w").state)  # type: ignore[arg-type]

    write_batch([record])

    row = StoredResponse.objects.get(public_id=record.state.public_id)
    assert (row.status, [(one.first, one.last) for one in row.events.all()]) == ("completed", [(3, 4)])
    assert bodies(principal_id) == {"msg_in-a": 1, "msg_out-a": 1}


def test_a_cancelled_response_stays_cancelled() -> None:
    principal_id = new_principal()
    record = responded(principal_id, "a", background=True, running=True)
    assert isinstance(record.state, ResponseState)
    begin_response(responded(principal_id, "a", status="queued", background=True, outputs=(), worker="w").state)  # type: ignore[arg-type]
    end_response(principal_id, record.state.public_id, "cancelled", {}, NOON)

    write_batch([record])

    assert StoredResponse.objects.get(public_id=record.state.public_id).status == "cancelled"
    assert bodies(principal_id) == {"msg_in-a": 1}


def test_results_have_the_call_ids_of_their_path() -> None:
    principal_id = new_principal()
    ends = []
    for name in ("first", "second"):
        calls: list[Json] = [
            {"id": f"call_{name}_{number}", "type": "function", "function": {"name": f"f{number}", "arguments": "{}"}}
            for number in (0, 1)
        ]
        messages: list[Json] = [
            stored_message("user", "go"),
            {"role": "assistant", "content": None, "tool_calls": calls},
            *(
                {"role": "tool", "tool_call_id": call["id"], "content": f"{name} {call['function']['name']}"}
                for call in reversed(calls)
            ),
            stored_message("assistant", "done"),
        ]
        write_batch([exchange(principal_id, messages)])
        ends.append(message_keys(principal_id, messages)[-1])

    assert ToolCall.objects.filter(principal_id=principal_id).values("message").distinct().count() == 1
    for path in (history_to(ends[1]).path, path_to(ends[1], max_messages=50, max_tokens=10_000)):
        results = [stored.openai for stored in path if stored.role == "tool"]
        assert ['"call_first_1"' in results[0], '"call_first_0"' in results[1]] == [True, True]
        assert ["second f1" in results[0], "second f0" in results[1]] == [True, True]


def test_a_bounded_history_begins_with_a_user_message_and_is_marked_as_cut() -> None:
    principal_id = new_principal()
    messages = [stored_message("system", "s"), *message_pair("one"), *message_pair("two"), *message_pair("three")]
    write_batch([exchange(principal_id, messages)])  # ten tokens each
    end = message_keys(principal_id, messages)[-1]

    cut = history_to(end, max_tokens=35)

    assert [stored.role for stored in cut.path] == ["user", "assistant"]
    assert not cut.whole
    assert history_to(end).whole
    assert len(history_to(end).path) == len(messages)


def test_a_history_ends_at_the_bound_of_its_bytes() -> None:
    principal_id = new_principal()
    picture = "x" * 10_000
    messages = [stored_message("system", "s"), *message_pair(picture), *message_pair("two"), *message_pair("three")]
    write_batch([exchange(principal_id, messages)])
    end = message_keys(principal_id, messages)[-1]

    cut = history_to(end, max_bytes=5_000)

    assert [stored.role for stored in cut.path] == ["user", "assistant"] * 2
    assert not cut.whole
    assert history_to(end, max_bytes=50_000).whole
    assert cut.path == path_to(end, max_messages=50, max_tokens=10_000, max_bytes=5_000)[-4:]
