"""The call ids that a client knows for the calls of its conversation.

Two identical assistant messages are one node of the transcript tree, with the call ids of the first message. A client
that received the second message uses the ids of the second message.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from api.exchange.responses.continuation import Continuation
from api.services import Services
from sessions_store.state.responses import calls_given
from sessions_store.transcript.canonical import NodeId, call_ids_of
from sessions_store.transcript.history import calls_made
from sessions_store.transcript.stored_messages import StoredMessage

Message = Mapping[str, Any]
# Node id → index of the call in the message → the client's id, if it differs from the stored one.
CallIds = dict[NodeId, dict[int, str]]


async def client_call_ids(
    services: Services, principal_id: int, continuation: Continuation, messages: Sequence[Message]
) -> CallIds:
    """Return the client's ids for calls of the context: those in `messages`, and those of calls without a result."""
    made = {row.id: ids for row in continuation.path if (ids := _call_ids(row))}
    if not made:
        return {}
    results = _results(messages)
    known = {call_id for ids in made.values() for call_id in ids}
    renamed: CallIds = {}
    if unknown := results - known:
        for call_id, (node, position) in (await services.store.read(calls_made, principal_id, unknown)).items():
            renamed.setdefault(node, {})[position] = call_id
    results |= _results(orjson.loads(row.openai) for row in continuation.path if row.role == "tool")
    for node, ids in made.items():
        own = renamed.get(node, {})
        still_open = [place for place, call_id in enumerate(ids) if place not in own and call_id not in results]
        if still_open and (given := await _given(services, principal_id, continuation, node)):
            renamed[node] = {place: given[place] for place in still_open if place < len(given)} | own
    return renamed


async def _given(services: Services, principal_id: int, continuation: Continuation, node: NodeId) -> Sequence[str]:
    """Return the ids under which this client received the calls of a message; () if they are unknown."""
    if continuation.call_ids and continuation.path[-1].id == node:
        return continuation.call_ids
    conversation_id = continuation.conversation.id if continuation.conversation is not None else None
    return await services.store.read(calls_given, principal_id, node, continuation.previous_id, conversation_id)


def _call_ids(stored: StoredMessage) -> list[str]:
    if stored.role != "assistant" or '"tool_calls"' not in stored.openai:
        return []
    return call_ids_of(orjson.loads(stored.openai))


def _results(messages: Iterable[Message]) -> set[str]:
    return {message["tool_call_id"] for message in messages if message.get("tool_call_id")}
