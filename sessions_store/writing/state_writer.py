"""Writes responses and chat completions in the transaction of their exchange.

The order is items, responses, conversations, each sorted by key, so that writers cannot deadlock.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sessions_store.database.cursors import Cursor
from sessions_store.database.sql import Insert, Row, an_id, from_datetime, without_nul
from sessions_store.models import ConversationItem, ResponseEvents, StoredCompletion, StoredItem, StoredResponse
from sessions_store.transcript.canonical import NodeId, NodeKey
from sessions_store.writing.state_records import ACTIVE, CompletionState, NewItem, ResponseState, State, ids_of

# The ids of the nodes to which a state refers by key.
Ids = Mapping[NodeKey, NodeId | None]
Pending = tuple[State, Ids]

INSERT_ITEMS = Insert(
    StoredItem, "ON CONFLICT (id) DO UPDATE SET uses = sessions_store_storeditem.uses + excluded.uses"
)
INSERT_RESPONSES = Insert(StoredResponse)
INSERT_EVENTS = Insert(ResponseEvents)
INSERT_CONVERSATION_ITEMS = Insert(ConversationItem)
INSERT_COMPLETIONS = Insert(StoredCompletion)

_FINISH = (
    "UPDATE sessions_store_storedresponse SET status = %s, body = %s, message_id = %s, answer_id = %s,"
    " completed_at = %s, output_items = %s"
    " WHERE public_id = %s AND status IN ('queued', 'in_progress') RETURNING id"
)
# A conversation whose version has changed has items that this response did not read: the next response builds its head.
_APPEND = (
    "UPDATE sessions_store_conversation SET next_position = next_position + %s,"
    " head_id = CASE WHEN version = %s THEN {head} ELSE NULL END, settings = %s,"
    " version = version + 1, last_active_at = %s WHERE id = %s AND principal_id = %s RETURNING next_position"
)


def write_states(cursor: Cursor, states: Sequence[Pending]) -> None:
    """Write the states of a batch."""
    completions = [(state, ids) for state, ids in states if isinstance(state, CompletionState)]
    INSERT_COMPLETIONS.run(cursor, [_completion_row(state, ids) for state, ids in completions])
    responses = [(state, ids) for state, ids in states if isinstance(state, ResponseState)]
    # A response that was cancelled or deleted while it ran writes nothing.
    responses = [pair for pair in responses if not pair[0].running or _finished(cursor, *pair)]
    uses: dict[NewItem, int] = {}
    for completion, _ in completions:
        for item in completion.inputs:
            uses[item] = uses.get(item, 0) + 1
    appended: list[tuple[ResponseState, Ids, int]] = []
    for state, ids in sorted(responses, key=_conversation_of):
        own_items = _items_of(state)
        appends = _appended(state)
        position = _append(cursor, state, ids, len(appends)) if appends else None
        if position is not None:
            appended.append((state, ids, position))
        for item in (*own_items, *(appends if position is not None else ())):
            uses[item] = uses.get(item, 0) + 1
    owners = {item: state.principal_id for state, _ in responses for item in _all(state)}
    owners |= {item: completion.principal_id for completion, _ in completions for item in completion.inputs}
    write_items(cursor, uses, owners)
    INSERT_RESPONSES.run(
        cursor, [response_row(state, ids) for state, ids in responses if state.stored and not state.running]
    )
    rows: list[Row] = []
    for state, _, position in appended:
        assert state.conversation is not None  # noqa: S101 - only such states are in `appended`
        rows += [[state.conversation.id, position + number, item.id] for number, item in enumerate(_appended(state))]
    INSERT_CONVERSATION_ITEMS.run(cursor, rows)


def write_items(cursor: Cursor, uses: Mapping[NewItem, int], principals: Mapping[NewItem, int]) -> None:
    """Insert items, or increment the uses of stored items."""
    ordered = sorted(uses, key=lambda item: item.id)
    INSERT_ITEMS.run(cursor, [[item.id, principals[item], item.item_id, item.body, uses[item]] for item in ordered])


def response_row(state: ResponseState, ids: Ids) -> Row:
    """Return the table row of a response."""
    values: dict[str, Any] = {
        "public_id": state.public_id,
        "principal_id": state.principal_id,
        "request_id": state.request_id,
        "previous_id": state.previous_id,
        "conversation_id": state.conversation.id if state.conversation else None,
        "status": state.status,
        "background": state.background,
        "model": state.model,
        "user": state.user,
        "message_id": _id(state.message, ids),
        "answer_id": _id(state.answer, ids),
        "body": state.body,
        "input_items": ids_of(state.inputs),
        "output_items": ids_of(state.outputs),
        "settings": state.settings,
        "created_at": state.created_at,
        "completed_at": state.completed_at,
        "worker": state.worker,
        "heartbeat_at": state.created_at if state.worker else None,
    }
    return [values[column] for column in INSERT_RESPONSES.columns]


def _completion_row(state: CompletionState, ids: Ids) -> Row:
    values: dict[str, Any] = {
        "public_id": state.public_id,
        "principal_id": state.principal_id,
        "request_id": state.request_id,
        "model": state.model,
        "user": state.user,
        "metadata": dict(state.metadata),
        "message_id": _id(state.message, ids),
        "answer_id": _id(state.answer, ids),
        "message_count": state.message_count,
        "input_items": ids_of(state.inputs),
        "body": state.body,
        "created_at": state.created_at,
    }
    return [values[column] for column in INSERT_COMPLETIONS.columns]


def _finished(cursor: Cursor, state: ResponseState, ids: Ids) -> bool:
    """Complete a stored response; False if it was cancelled or deleted before."""
    found = cursor.rows(
        _FINISH,
        [
            state.status,
            without_nul(state.body),
            _id(state.message, ids),
            _id(state.answer, ids),
            from_datetime(state.completed_at),
            _json_array(ids_of(state.outputs)),
            state.public_id,
        ],
    )
    if found and state.events is not None:
        INSERT_EVENTS.run(cursor, [[found[0][0], state.events.first, state.events.last, state.events.body]])
    return bool(found)


def _append(cursor: Cursor, state: ResponseState, ids: Ids, count: int) -> int | None:
    """Reserve `count` positions at the end of the response's conversation; return the first, None if it was deleted."""
    assert state.conversation is not None  # noqa: S101 - the caller has items for it
    found = cursor.rows(
        _APPEND.format(head=an_id()),
        [
            count,
            state.conversation.version,
            _id(state.answer, ids),
            without_nul(state.settings),
            from_datetime(state.completed_at or state.created_at),
            state.conversation.id,
            state.principal_id,
        ],
    )
    return None if not found else int(found[0][0]) - count


def _conversation_of(pair: tuple[ResponseState, Ids]) -> int:
    conversation = pair[0].conversation
    return conversation.id if conversation is not None else 0


def _items_of(state: ResponseState) -> tuple[NewItem, ...]:
    """Return the items to which the response adds a use; the inputs of a running response are counted already."""
    if state.running:
        return state.outputs
    return (*state.inputs, *state.outputs) if state.stored else ()


def _appended(state: ResponseState) -> tuple[NewItem, ...]:
    """Return the items that a response appends to its conversation; none without an assistant message."""
    if state.conversation is None or state.answer is None or state.status in {*ACTIVE, "failed", "cancelled"}:
        return ()
    return (*state.inputs, *state.outputs)


def _all(state: ResponseState) -> tuple[NewItem, ...]:
    return (*state.inputs, *state.outputs)


def _id(node: NodeKey | None, ids: Ids) -> NodeId | None:
    return None if node is None else ids.get(node)


def _json_array(values: list[str]) -> str:
    return "[" + ",".join(f'"{value}"' for value in values) + "]"
