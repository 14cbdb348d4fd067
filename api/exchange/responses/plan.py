"""From a parsed Responses request to a planned exchange: its history, its upstream body, the object to store."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

import orjson

from api.errors import InvalidRequestError
from api.exchange.accounting import Accounting
from api.exchange.conversation.context import ConversationContext
from api.exchange.conversation.lookup import remember, stored_content
from api.exchange.conversation.media import fetch_media
from api.exchange.conversation.signature_compatibility import Fit
from api.exchange.exchange import Exchange
from api.exchange.generation import Branch, Generation
from api.exchange.ids import call_ids, item_ids, response_id
from api.exchange.planning.plan import resolve_model
from api.exchange.responses.call_ids import client_call_ids
from api.exchange.responses.context import Context, LocalResponse, load_context, referenced_items
from api.exchange.responses.event_log import EventLog
from api.exchange.responses.items import chain_start
from api.exchange.responses.state_signer import state_signer
from api.exchange.responses.stored_response import ResponseKeeper
from api.exchange.running.parallel_calls import PlannedCall
from api.notes import Note
from api.openai.responses.request import CompactRequest, ResponseParameters, ResponsesRequest
from api.resources.worker_threads import off_loop
from api.translate.request.upstream_call import RememberedMessage
from api.translate.request.vertex import final_call
from api.translate.responses.answer import ResponsesAnswer
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
class Turns:
    """The conversation of a request, ready for translation.

    `own` are the messages of its items, `history` are those in front of them. `memory` is its place in the tree.
    """

    context: Context
    items: Sequence[Item]
    own: ItemMessages
    history: Sequence[RememberedMessage]
    memory: ConversationContext
    profile: ModelProfile

    @property
    def first_own(self) -> int:
        """The number of messages in `memory` before the request's own: those of a conversation read as items."""
        return len(self.memory.messages) - len(self.own.messages)


@dataclass(slots=True, kw_only=True)
class PlannedResponse:
    """A response that can be run. `request` has the default parameters of its model mapping.

    `compacted` says that its context must be compacted first.
    """

    request: ResponsesRequest | CompactRequest
    exchange: Exchange
    generation: Generation
    keeper: ResponseKeeper
    answer: ResponsesAnswer
    turns: Turns = field(repr=False)
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
    turns = await read_turns(exchange, request, profile, local=local)
    return planned_response(exchange, request, turns, await translate(exchange, request, turns))


async def read_turns(
    exchange: Exchange,
    request: ResponseParameters,
    profile: ModelProfile,
    *,
    local: Mapping[str, LocalResponse] = NO_LOCAL,
) -> Turns:
    """Return the request's conversation, locked until the exchange ends."""
    runtime, accounting = exchange.runtime, exchange.accounting
    items = request.items
    if named := references(items):
        found = await runtime.store.read(referenced_items, accounting.caller.principal_id, named)
        items = resolved(items, found)  # type: ignore[assignment]
    context = await load_context(exchange, request, max_tokens=profile.input_token_limit, local=local)
    if not context.whole:
        accounting.notes.append(Note("dropped", "input", "oldest messages, to meet the input limit of the model"))
    exchange.hold_bytes(sum(stored.size for stored in context.path))
    return await place_turns(exchange, request, (profile, context), items)


async def place_turns(
    exchange: Exchange,
    request: ResponseParameters,
    known: tuple[ModelProfile, Context],
    items: Sequence[Item],
) -> Turns:
    """Return the conversation of `items` after a history, with its stored contents."""
    profile, context = known
    accounting = exchange.accounting
    fit = Fit(profile.family, accounting.account, exchange.catalogue.family, accounting.notes)
    own = items_to_messages(
        items,
        signer=state_signer(),
        family=profile.family,
        text_input=isinstance(request.input, str),
        earlier=[*context.earlier, *context.items],
    )
    history, memory = await _placed(exchange, context, own, fit)
    return Turns(context=context, items=items, own=own, history=history, memory=memory, profile=profile)


async def _placed(
    exchange: Exchange, context: Context, own: ItemMessages, fit: Fit
) -> tuple[Sequence[RememberedMessage], ConversationContext]:
    """Return the messages before the request's own, and the request's place in the tree."""
    principal_id = exchange.accounting.caller.principal_id
    if context.head is not None:
        call_ids_by_node = await client_call_ids(exchange.runtime, principal_id, context, own.messages)
        history = [
            _remembered(row, f"remembered[{index}]", fit, call_ids_by_node) for index, row in enumerate(context.path)
        ]
        keys = message_keys(principal_id, own.messages, parent=context.head)
        return history, ConversationContext(principal_id, own.messages, keys, path=context.path, head=context.head)
    # A conversation that was changed by hand is looked up in the tree like a client's own history.
    before = items_to_messages(context.items, signer=state_signer()).messages if context.items else []
    memory = await remember(exchange, [*before, *own.messages], None, fit=fit)
    exchange.hold_bytes(memory.read_size)
    history = [
        RememberedMessage(message=message, content=memory.restored.get(index))
        for index, message in enumerate(memory.messages[: len(before)])
    ]
    return history, memory


async def translate(exchange: Exchange, request: ResponseParameters, turns: Turns) -> ResponsesCall:
    """Return the upstream call; media named by URL are fetched first, and their bytes reserved for the exchange."""
    first = turns.first_own
    try:
        fetched = await fetch_media(exchange, turns.memory)
    except InvalidRequestError as error:
        raise turns.own.places.error(error) from None
    upstream = await off_loop(
        exchange.size,
        responses_to_gemini,
        request,
        turns=turns.own,
        profile=turns.profile,
        history=turns.history,
        restored={index - first: content for index, content in turns.memory.restored.items() if index >= first},
        fetched=fetched,
    )
    upstream = final_call(upstream, vertex=exchange.runtime.deployment.vertex)
    return replace(upstream, faces=[*[None] * first, *upstream.faces]) if first else upstream


def planned_response(
    exchange: Exchange, request: ResponsesRequest | CompactRequest, turns: Turns, upstream: ResponsesCall
) -> PlannedResponse:
    """Return the planned response of an upstream call."""
    accounting = exchange.accounting
    accounting.notes += upstream.notes
    answer = ResponsesAnswer(
        id=response_id(),
        created_at=int(accounting.started_at.timestamp()),
        now=lambda: int(time.time()),
        echo=response_echo(request, model=request.model),
        item_ids=item_ids(),
        call_ids=call_ids(),
        tool_names=upstream.tool_names,
        called=upstream.called,
        signer=state_signer(),
        family=turns.profile.family if request.encrypted_reasoning else None,
        top_logprobs=request.rivals,
        empty_stop=upstream.empty_stop,
        thinks=turns.profile.thinking != "none" and upstream.thinking_budget != 0,
    )
    keeper = _keeper(accounting, request, turns, answer)
    exchange.generation = generation = Generation(
        accounting=accounting,
        accumulator=answer,
        branches=(Branch(turns.memory, upstream, 0, 1),),
        calls=[PlannedCall(upstream.body, 0)],
        instructions=request.instructions or "",
        hold=exchange.hold,
        keeper=keeper if keeper.kept or keeper.conversation is not None else None,
    )
    return PlannedResponse(
        request=request, exchange=exchange, generation=generation, keeper=keeper, answer=answer, turns=turns
    )


def _keeper(
    accounting: Accounting, request: ResponsesRequest | CompactRequest, turns: Turns, answer: ResponsesAnswer
) -> ResponseKeeper:
    context = turns.context
    conversation = context.conversation
    named = f"{conversation.public_id}.{conversation.version}" if conversation is not None else ""
    wanted = request.kept or conversation is not None
    return ResponseKeeper(
        principal_id=accounting.caller.principal_id,
        answer=answer,
        model=request.model,
        user=accounting.user,
        kept=request.kept and isinstance(request, ResponsesRequest),
        items=turns.items if wanted else (),
        after=chain_start(context.head, named),
        previous_id=context.previous_id,
        conversation=conversation.turn if conversation is not None else None,
        settings=_settings(turns),
        log=EventLog() if _runs_in_background(request) else None,
    )


def _runs_in_background(request: ResponsesRequest | CompactRequest) -> bool:
    return isinstance(request, ResponsesRequest) and bool(request.background) and not request.prewarms


def _settings(turns: Turns) -> str:
    """Return the items whose settings stay in force, as JSON without duplicates: a client may send them with each
    request.
    """
    once = dict.fromkeys(orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item, _ in turns.own.settings)
    return (b"[" + b",".join(once) + b"]").decode()


def _remembered(
    stored: StoredMessage, path: str, fit: Fit, call_ids_by_node: Mapping[NodeId, Mapping[int, str]]
) -> RememberedMessage:
    content = stored_content(stored, path, fit)
    message = orjson.loads(stored.openai)
    for position, call_id in call_ids_by_node.get(stored.id, {}).items():
        message["tool_calls"][position]["id"] = call_id
    return RememberedMessage(message=message, content=content)
