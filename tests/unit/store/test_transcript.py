"""Reading the tree: the stored contents of a history, and the last messages of a conversation within the limits."""

import time
from typing import Any
from uuid import uuid4

import pytest

from sessions_store.models import Message
from sessions_store.transcript.canonical import NodeKey
from sessions_store.transcript.history import calls_made
from sessions_store.transcript.reading import find_contents, path_to
from sessions_store.writing.writer import write_batch
from tests.unit.store.exchanges import Json, exchange, message_pair, new_principal, nodes, stored_message

pytestmark = pytest.mark.django_db
PLENTY = {"max_messages": 1000, "max_tokens": 1_000_000}


def calling(*ids: str) -> Json:
    """Return an assistant message with tool calls."""
    calls = [{"id": key, "type": "function", "function": {"name": "f", "arguments": "{}"}} for key in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def answering(key: str) -> Json:
    """Return a tool message."""
    return {"role": "tool", "tool_call_id": key, "content": f"result of {key}"}


def stored(messages: list[Json]) -> tuple[int, Any]:
    """Record a conversation; return the principal and the last node."""
    principal_id = new_principal()
    [committed] = write_batch([exchange(principal_id, messages)])
    return principal_id, committed.head


def test_stored_contents_belong_to_the_principal() -> None:
    principal_id, stranger = new_principal(), new_principal()
    chain = nodes(principal_id, [stored_message("user", "a"), calling("call_1", "call_2"), answering("call_1")])
    write_batch(
        [exchange(principal_id, [stored_message("user", "a"), calling("call_1", "call_2"), answering("call_1")])]
    )
    keys = [node.key for node in chain]

    known = find_contents(principal_id, [*keys, NodeKey(uuid4().hex)], ["call_2", "call_9"])
    foreign = find_contents(stranger, keys, ["call_2"])

    contents = {key: content.gemini for key, [content] in known.contents.items()}
    assert contents == {keys[0]: "", keys[1]: '{"face":"assistant"}', keys[2]: ""}
    assert known.by_call_id == {"call_2": (keys[1], 1)}
    assert (foreign.contents, foreign.by_call_id) == ({}, {})


def test_calls_are_found_by_ids_of_any_length() -> None:
    long, other = "x" * 5000, "x" * 4999 + "y"
    principal_id, _ = stored(
        [stored_message("user", "a"), calling("call_1", long), answering(long), answering("call_1")]
    )

    known = find_contents(principal_id, [], [long, other, "call_1"])

    made = calls_made(principal_id, [long, other])
    assert {call_id: position for call_id, (_, position) in known.by_call_id.items()} == {"call_1": 0, long: 1}
    assert {call_id: position for call_id, (_, position) in made.items()} == {long: 1}


def test_stored_contents_of_a_long_history_are_found() -> None:
    principal_id = new_principal()
    messages = [message for number in range(1000) for message in message_pair(str(number))]
    write_batch([exchange(principal_id, messages)])

    known = find_contents(principal_id, [node.key for node in nodes(principal_id, messages)], [])

    assert len(known.contents) == 2000


@pytest.mark.parametrize(
    ("messages", "bounds", "expected"),
    [
        pytest.param(
            message_pair("1") + message_pair("2"),
            PLENTY,
            ["user:1", "assistant:1", "user:2", "assistant:2"],
            id="whole",
        ),
        pytest.param(
            message_pair("1") + message_pair("2"),
            PLENTY | {"max_messages": 3},
            ["user:2", "assistant:2"],
            id="begins at a user turn",
        ),
        pytest.param(
            message_pair("1") + message_pair("2"),
            PLENTY | {"max_tokens": 29},
            ["user:2", "assistant:2"],
            id="by tokens",
        ),
        pytest.param(message_pair("1"), PLENTY | {"max_tokens": 9}, [], id="nothing fits"),
        pytest.param(message_pair("1"), PLENTY | {"max_messages": 1}, [], id="half a turn is none"),
        pytest.param(
            [stored_message("system", "s"), *message_pair("1"), *message_pair("2")],
            PLENTY | {"max_messages": 3},
            ["system:s", "user:2", "assistant:2"],
            id="instructions stay",
        ),
        pytest.param(
            [stored_message("system", "s"), stored_message("developer", "d"), *message_pair("1"), *message_pair("2")],
            PLENTY | {"max_messages": 2},
            ["system:s", "developer:d", "user:2", "assistant:2"],
            id="all leading instructions stay",
        ),
        pytest.param(
            [
                stored_message("system", "s"),
                *message_pair("1"),
                stored_message("system", "t"),
                *message_pair("2"),
                *message_pair("3"),
            ],
            PLENTY | {"max_messages": 2},
            ["system:t", "user:3", "assistant:3"],
            id="the latest instructions are in force",
        ),
        pytest.param(
            [stored_message("system", "s"), *message_pair("1")],
            PLENTY,
            ["system:s", "user:1", "assistant:1"],
            id="nothing is doubled",
        ),
        pytest.param(
            [
                stored_message("user", "1"),
                calling("a"),
                answering("a"),
                stored_message("assistant", "2"),
                *message_pair("3"),
            ],
            PLENTY | {"max_messages": 4},
            ["user:3", "assistant:3"],
            id="a result does not stand without its call",
        ),
        pytest.param(
            [*message_pair("1"), stored_message("user", "2"), calling("a")],
            PLENTY,
            ["user:1", "assistant:1", "user:2"],
            id="a call nobody answered is left out",
        ),
    ],
)
def test_the_path_to_a_node_has_its_messages(messages: list[Json], bounds: dict[str, int], expected: list[str]) -> None:
    _, head = stored(messages)

    path = path_to(head, **bounds)

    assert [f"{message.role}:{message.openai[-3]}" for message in path] == expected


def test_a_path_has_messages_and_contents() -> None:
    _, head = stored(message_pair("1"))

    [_, response] = path_to(head, **PLENTY)

    assert (response.key, response.contents[0].gemini, response.tokens) == (head, '{"face":"assistant"}', 10)
    assert response.openai == '{"role":"assistant","content":"You said 1"}'


def test_a_path_to_a_missing_node_is_empty() -> None:
    assert path_to(NodeKey(uuid4().hex), **PLENTY) == []


def test_a_request_in_a_long_session_reads_only_the_rows_within_the_budget() -> None:
    """With ten thousand messages above the head, only the rows within the limits are read."""
    principal_id, head = stored(
        [stored_message("system", "s"), *(message for number in range(5000) for message in message_pair(str(number)))]
    )
    _, short = stored([message for number in range(100) for message in message_pair(str(number))])
    bounds = {"max_messages": 100, "max_tokens": 1_000_000}

    def seconds(node: Any) -> float:
        """Return the shortest duration of ten reads."""
        took = []
        for _ in range(10):
            start = time.perf_counter()
            path_to(node, **bounds)
            took.append(time.perf_counter() - start)
        return min(took)

    path = path_to(head, **bounds)
    assert Message.objects.filter(principal_id=principal_id).count() == 10_001
    assert [path[0].role, path[1].role, len(path)] == ["system", "user", 101]
    assert seconds(head) < 3 * seconds(short)
