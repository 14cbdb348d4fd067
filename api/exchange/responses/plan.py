"""From a parsed Responses request to a planned exchange: its history, its upstream body, the object to store."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

import orjson

from api.auth.key_settings import refuse_losses
from api.errors import InvalidRequestError
from api.exchange.accounting import Accounting
from api.exchange.conversation.call_signatures import with_signatures
from api.exchange.conversation.context import ConversationContext
from api.exchange.conversation.lookup import load_context, stored_content
from api.exchange.conversation.media import fetch_media
from api.exchange.conversation.signature_compatibility import SignaturePolicy
from api.exchange.exchange import Exchange
from api.exchange.generation import Branch, Generation
from api.exchange.ids import call_ids, item_ids, response_id
from api.exchange.planning.plan import resolve_model, signature_policy
from api.exchange.recording.metadata_only import METADATA
from api.exchange.responses.call_ids import client_call_ids
from api.exchange.responses.continuation import Continuation, LocalResponse, load_continuation, referenced_items
from api.exchange.responses.event_log import EventLog
from api.exchange.responses.items import chain_start
from api.exchange.responses.state_signer import state_signer
from api.exchange.responses.stored_response import StoredResponseBuilder
from api.exchange.running.parallel_calls import PlannedCall
from api.notes import Note
from api.openai.responses.request import CompactRequest, ResponseParameters, ResponsesRequest
from api.translate.request.upstream_call import HistoryMessage
from api.translate.request.vertex import final_call
from api.translate.responses.accumulator import ResponseAccumulator
from api.translate.responses.input.items import ItemMessages, items_to_messages, references, resolved
from api.translate.responses.request import ResponsesCall, responses_to_gemini
from api.translate.responses.request_echo import response_echo
from sessions_store.catalogue.model_profile import ModelProfile
from sessions_store.transcript.canonical import NodeId
from sessions_store.transcript.reading import message_keys
from sessions_store.transcript.stored_messages import StoredMessage

Item = Mapping[str, Any]

NO_LOCAL: Final[Mapping[str, LocalResponse]] = MappingProxyType({})


@dataclass(slots=True, kw_only=True)
class ConversationInput:
    """The conversation of a request, ready for translation.

    `own` are the messages of its items, `history` are those in front of them. `context` is its place in the tree.
    """

    continuation: Continuation
    items: Sequence[Item]
    own: ItemMessages
    history: Sequence[HistoryMessage]
    context: ConversationContext
    profile: ModelProfile

    @property
    def first_own(self) -> int:
        """The number of messages in `context` before the request's own: those of a conversation read as items."""
        return len(self.context.messages) - len(self.own.messages)


@dataclass(slots=True, kw_only=True)
class PlannedResponse:
    """A response that can be run. `request` has the default parameters of its model mapping.

    `compacted` says that its context must be compacted first.
    """

    request: ResponsesRequest | CompactRequest
    exchange: Exchange
    generation: Generation
    state_builder: StoredResponseBuilder
    accumulator: ResponseAccumulator
    conversation_input: ConversationInput = field(repr=False)
    compacted: bool = False


async def plan_response(
    exchange: Exchange,
    request: ResponsesRequest | CompactRequest,
    *,
    local: Mapping[str, LocalResponse] = NO_LOCAL,
) -> PlannedResponse:
    """Plan a response. Raises ModelNotFoundError, NotFoundError, InvalidRequestError, RateLimitError or
    OverloadedError.

    `local` are the responses that only the request's WebSocket connection knows. A background response is always
    streamed from Gemini, because its events are stored.
    """
    request, profile = resolve_model(request, exchange)
    conversation_input = await read_input(exchange, request, profile, local=local)
    upstream = await translate(exchange, request, conversation_input)
    refuse_losses(exchange.accounting.caller.policy, (*exchange.accounting.notes, *upstream.notes))
    return planned_response(exchange, request, conversation_input, upstream)


async def read_input(
    exchange: Exchange,
    request: ResponseParameters,
    profile: ModelProfile,
    *,
    local: Mapping[str, LocalResponse] = NO_LOCAL,
) -> ConversationInput:
    """Return the request's conversation, locked until the exchange ends."""
    services, accounting = exchange.services, exchange.accounting
    items = request.items
    if named := references(items):
        found = await services.store.read(referenced_items, accounting.caller.owner_id, named)
        items = resolved(items, found)  # type: ignore[assignment]
    continuation = await load_continuation(exchange, request, max_tokens=profile.input_token_limit, local=local)
    if not continuation.whole:
        accounting.notes.append(Note("dropped", "input", "oldest messages, to meet the input limit of the model"))
    exchange.hold.grow(sum(stored.size for stored in continuation.path))
    return await place_input(exchange, request, (profile, continuation), items)


async def place_input(
    exchange: Exchange,
    request: ResponseParameters,
    basis: tuple[ModelProfile, Continuation],
    items: Sequence[Item],
) -> ConversationInput:
    """Return the conversation of `items` after a history, with its stored contents."""
    profile, continuation = basis
    own = items_to_messages(
        items,
        signer=state_signer(),
        family=profile.family,
        text_input=isinstance(request.input, str),
        earlier=[*continuation.earlier, *continuation.items],
    )
    policy = signature_policy(exchange, profile)
    if exchange.accounting.caller.policy.content == METADATA:
        own.messages[:] = await with_signatures(exchange, own.messages, policy)
    history, context = await _placed(exchange, continuation, own, policy)
    return ConversationInput(
        continuation=continuation, items=items, own=own, history=history, context=context, profile=profile
    )


async def _placed(
    exchange: Exchange, continuation: Continuation, own: ItemMessages, policy: SignaturePolicy
) -> tuple[Sequence[HistoryMessage], ConversationContext]:
    """Return the messages before the request's own, and the request's place in the tree."""
    principal_id = exchange.accounting.caller.owner_id
    if continuation.head is not None:
        call_ids_by_node = await client_call_ids(exchange.services, principal_id, continuation, own.messages)
        history = [
            _history_message(row, f"remembered[{index}]", policy, call_ids_by_node)
            for index, row in enumerate(continuation.path)
        ]
        keys = message_keys(principal_id, own.messages, parent=continuation.head)
        return history, ConversationContext(
            principal_id, own.messages, keys, path=continuation.path, head=continuation.head
        )
    # A conversation that was changed by hand is looked up in the tree like a client's own history.
    earlier = items_to_messages(continuation.items, signer=state_signer()).messages if continuation.items else []
    context = await load_context(exchange, [*earlier, *own.messages], None, policy=policy)
    exchange.hold.grow(context.read_size)
    history = [
        HistoryMessage(message=message, content=context.restored.get(index))
        for index, message in enumerate(context.messages[: len(earlier)])
    ]
    return history, context


async def translate(
    exchange: Exchange, request: ResponseParameters, conversation_input: ConversationInput
) -> ResponsesCall:
    """Return the upstream call; media named by URL are fetched first, and their bytes reserved for the exchange."""
    first = conversation_input.first_own
    try:
        fetched = await fetch_media(exchange, conversation_input.context)
    except InvalidRequestError as error:
        raise conversation_input.own.places.error(error) from None
    upstream = await exchange.services.worker_threads.off_loop(
        exchange.hold.size,
        responses_to_gemini,
        request,
        own=conversation_input.own,
        profile=conversation_input.profile,
        history=conversation_input.history,
        restored={
            index - first: content for index, content in conversation_input.context.restored.items() if index >= first
        },
        fetched=fetched,
    )
    upstream = final_call(upstream, vertex=exchange.services.deployment.vertex)
    return replace(upstream, gemini_contents=[*[None] * first, *upstream.gemini_contents]) if first else upstream


def planned_response(
    exchange: Exchange,
    request: ResponsesRequest | CompactRequest,
    conversation_input: ConversationInput,
    upstream: ResponsesCall,
) -> PlannedResponse:
    """Return the planned response of an upstream call."""
    accounting = exchange.accounting
    accounting.notes += upstream.notes
    accumulator = ResponseAccumulator(
        id=response_id(),
        created_at=int(accounting.started_at.timestamp()),
        now=lambda: int(time.time()),
        echo=response_echo(request, model=request.model),
        item_ids=item_ids(),
        call_ids=call_ids(),
        tool_names=upstream.tool_names,
        called=upstream.called,
        signer=state_signer(),
        family=conversation_input.profile.family if request.encrypted_reasoning else None,
        top_logprobs=request.wanted_top_logprobs,
        empty_stop=upstream.empty_stop,
        thinks=conversation_input.profile.thinking != "none" and upstream.thinking_budget != 0,
    )
    state_builder = _state_builder(accounting, request, conversation_input, accumulator)
    exchange.generation = generation = Generation(
        accounting=accounting,
        accumulator=accumulator,
        branches=(Branch(conversation_input.context, upstream, 0, 1),),
        calls=[PlannedCall(upstream.body, 0)],
        instructions=request.instructions or "",
        hold=exchange.hold,
        state_builder=state_builder if state_builder.stored or state_builder.conversation is not None else None,
    )
    return PlannedResponse(
        request=request,
        exchange=exchange,
        generation=generation,
        state_builder=state_builder,
        accumulator=accumulator,
        conversation_input=conversation_input,
    )


def _state_builder(
    accounting: Accounting,
    request: ResponsesRequest | CompactRequest,
    conversation_input: ConversationInput,
    accumulator: ResponseAccumulator,
) -> StoredResponseBuilder:
    continuation = conversation_input.continuation
    conversation = continuation.conversation
    named = f"{conversation.public_id}.{conversation.version}" if conversation is not None else ""
    wanted = request.stored or conversation is not None
    return StoredResponseBuilder(
        principal_id=accounting.caller.owner_id,
        accumulator=accumulator,
        model=request.model,
        user=accounting.user,
        stored=request.stored and isinstance(request, ResponsesRequest),
        items=conversation_input.items if wanted else (),
        after=chain_start(continuation.head, named),
        previous_id=continuation.previous_id,
        conversation=conversation.lock_version if conversation is not None else None,
        settings=_settings(conversation_input),
        log=EventLog() if _runs_in_background(request) else None,
    )


def _runs_in_background(request: ResponsesRequest | CompactRequest) -> bool:
    return isinstance(request, ResponsesRequest) and bool(request.background) and not request.prewarms


def _settings(conversation_input: ConversationInput) -> str:
    """Return the items whose settings stay in force, as JSON without duplicates: a client may send them with each
    request.
    """
    once = dict.fromkeys(orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item, _ in conversation_input.own.settings)
    return (b"[" + b",".join(once) + b"]").decode()


def _history_message(
    stored: StoredMessage, path: str, policy: SignaturePolicy, call_ids_by_node: Mapping[NodeId, Mapping[int, str]]
) -> HistoryMessage:
    content = stored_content(stored, path, policy)
    message = orjson.loads(stored.openai)
    for position, call_id in call_ids_by_node.get(stored.id, {}).items():
        message["tool_calls"][position]["id"] = call_id
    return HistoryMessage(message=message, content=content)
