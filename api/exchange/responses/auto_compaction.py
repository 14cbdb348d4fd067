"""Automatic compaction of a response's context: if it has more tokens than the client's threshold
(`context_management`), or if the input ends with a `compaction_trigger`.

The summary is an upstream call with its own usage record. The response then continues from the summary, the
instructions and the latest step, as if the client had sent only the compaction item; so does every later response.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from api.exchange.exchange import Exchange
from api.exchange.generation import Branch
from api.exchange.ids import item_ids
from api.exchange.planning.plan import RequestOrigin, open_exchange
from api.exchange.responses.compaction import summary_of
from api.exchange.responses.continuation import LocalResponse
from api.exchange.responses.input_tokens import counted
from api.exchange.responses.plan import (
    NO_LOCAL,
    ConversationInput,
    PlannedResponse,
    place_input,
    plan_response,
    planned_response,
    translate,
)
from api.exchange.responses.state_signer import state_signer
from api.exchange.running.parallel_calls import PlannedCall
from api.notes import Note
from api.openai.responses.request import ResponseParameters, ResponsesRequest
from api.openai.responses.response import ResponseUsage
from api.translate.responses.input.compaction import can_be_compacted, compacted_state, summarising
from api.translate.responses.output.builder import Events
from sessions_store.writing.records import COMPACTION_SUFFIX

# The share of the model's input limit that is the threshold if the client sends none.
DEFAULT_SHARE: Final = 0.8


async def plan_managed(
    exchange: Exchange, request: ResponsesRequest, *, local: Mapping[str, LocalResponse] = NO_LOCAL
) -> PlannedResponse:
    """Plan a response like `plan_response`, and decide whether its context must be compacted first."""
    planned = await plan_response(exchange, request, local=local)
    if (request.compacts_only or request.context_management) and not request.prewarms:
        planned.compacted = request.compacts_only or await _is_due(planned)
    return planned


async def compact_context(planned: PlannedResponse) -> Events:
    """Generate the summary and plan the response again after it; return the events that end the compaction item.

    Raises GatewayError; only the exchange of the summary is recorded then.
    """
    conversation_input, request, exchange, generation = (
        planned.conversation_input,
        planned.request,
        planned.exchange,
        planned.generation,
    )
    summary, used = await _summary(planned)
    settings = [item for item, _ in conversation_input.own.settings]
    state = compacted_state(
        conversation(conversation_input), settings, summary, item_ids=item_ids(), signer=state_signer()
    )
    item = {"type": "compaction", "encrypted_content": state}
    continuation = replace(conversation_input.continuation, head=None, path=(), items=(), whole=True, earlier=settings)
    behind = await place_input(exchange, request, (conversation_input.profile, continuation), [item])
    upstream = await translate(exchange, request, behind)
    notes = exchange.accounting.notes
    notes += [note for note in upstream.notes if note not in notes]
    generation.branches = (Branch(behind.context, upstream, 0, 1),)
    generation.calls = [PlannedCall(upstream.body, 0)]
    return planned.accumulator.compacted(state, used)


def conversation(conversation_input: ConversationInput) -> list[Mapping[str, Any]]:
    """Return all messages of a request's conversation, the stored history first."""
    return [*(entry.message for entry in conversation_input.history), *conversation_input.own.messages]


async def _is_due(planned: PlannedResponse) -> bool:
    """Whether the context has more tokens than the threshold.

    A text never has more tokens than bytes, so most contexts need no call of countTokens. Raises the errors of
    `counted`.
    """
    exchange, generation, conversation_input = planned.exchange, planned.generation, planned.conversation_input
    threshold = _threshold(planned.request, conversation_input.profile.input_token_limit)
    body = generation.branches[0].upstream.body
    encoded = generation.calls[0].encode()
    if threshold is None or (len(encoded) <= threshold and b'"fileData"' not in encoded):
        return False
    if await counted(exchange, body) <= threshold:
        return False
    if not can_be_compacted(conversation(conversation_input)):
        reason = "no messages before the latest message to compact"
        exchange.accounting.notes.append(Note("dropped", "context_management", reason))
        return False
    exchange.accounting.notes.append(
        Note("added", "output", f"compaction: the context has more than {threshold} tokens")
    )
    return True


def _threshold(request: ResponseParameters, input_limit: int) -> int | None:
    """Return the lowest threshold of the request in tokens; None without compaction."""
    entries = request.context_management or ()
    named = [entry.get("compact_threshold") or int(input_limit * DEFAULT_SHARE) for entry in entries]
    return min(named, default=None)


async def _summary(planned: PlannedResponse) -> tuple[str, ResponseUsage]:
    """Generate the summary in its own exchange: the same conversation with one more message."""
    conversation_input, exchange = planned.conversation_input, planned.exchange
    accounting = exchange.accounting
    summary_request = summarising(planned.request, accounting.public_model, conversation_input.items)
    request_id = f"{accounting.request_id}{COMPACTION_SUFFIX}"
    origin = RequestOrigin(request_id, accounting.caller, exchange.catalogue, peer=accounting.peer)
    async with open_exchange(exchange.services, summary_request, origin, "responses.compact").within(exchange) as own:
        continuation = replace(conversation_input.continuation, conversation=None)
        placed = await place_input(
            own, summary_request, (conversation_input.profile, continuation), summary_request.items
        )
        return await summary_of(
            planned_response(own, summary_request, placed, await translate(own, summary_request, placed))
        )
