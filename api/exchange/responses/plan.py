"""From a parsed Responses request to a planned exchange: what it goes on from, its turns, its body, what is stored."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

import orjson
from django.conf import settings

from api.errors import InvalidRequestError
from api.exchange.encoding import ResponsesEncoding
from api.exchange.exchange import Branch, Exchange
from api.exchange.families import Fit
from api.exchange.fanout import PlannedCall
from api.exchange.identity import call_ids, item_ids, response_id
from api.exchange.media import fetch_media
from api.exchange.memory import Memory, remember, stored_content
from api.exchange.plan import Asker, resolve_model
from api.exchange.record import record_failure
from api.exchange.responses.call_ids import client_call_ids
from api.exchange.responses.context import Context, LocalResponse, load_context, referenced_items
from api.exchange.responses.items import chain_start
from api.exchange.responses.keeper import ResponseKeeper
from api.gemini.profile import ModelProfile
from api.large_work import off_loop
from api.notes import Note
from api.openai.responses_request import CompactRequest, InputTokensRequest, ResponseParameters, ResponsesRequest
from api.runtime import Runtime
from api.translate.responses.answer import ResponsesAnswer
from api.translate.responses.echo import response_echo
from api.translate.responses.items import ItemMessages, items_to_messages, references, resolved
from api.translate.responses.request import ResponsesCall, responses_to_gemini
from api.translate.upstream_call import RememberedMessage
from api.translate.vertex import call_for_vertex
from sessions_store.canonical import NodeId
from sessions_store.catalogue import latest
from sessions_store.transcript import StoredMessage, message_keys

Item = Mapping[str, Any]
Named = ResponsesRequest | InputTokensRequest | CompactRequest

NO_LOCAL: Final[Mapping[str, LocalResponse]] = MappingProxyType({})


@dataclass(slots=True, kw_only=True)
class Turns:
    """A request's conversation, ready to be translated.

    `own` are the messages of its items, which come after `history`. `memory` is its place in the tree.
    """

    context: Context
    items: Sequence[Item]
    own: ItemMessages
    history: Sequence[RememberedMessage]
    memory: Memory
    profile: ModelProfile

    @property
    def first_own(self) -> int:
        """How many messages of the memory come before the request's own: those of a conversation read anew."""
        return len(self.memory.messages) - len(self.own.messages)


@dataclass(slots=True, kw_only=True)
class PlannedResponse:
    """A response that can be carried out. `request` has the defaults of its model's mapping.

    `compacted` says that its context is to be compacted first.
    """

    request: ResponsesRequest | CompactRequest
    exchange: Exchange
    keeper: ResponseKeeper
    answer: ResponsesAnswer
    turns: Turns = field(repr=False)
    compacted: bool = False


async def plan_response(
    runtime: Runtime,
    request: ResponsesRequest | CompactRequest,
    asker: Asker,
    *,
    endpoint: str = "responses",
    local: Mapping[str, LocalResponse] = NO_LOCAL,
) -> PlannedResponse:
    """Plan a response. A request that cannot be served is recorded and raises.

    `local` are responses that only the request's connection remembers. A background response is streamed from Gemini
    whatever its client asks for, because its events are kept.
    """
    exchange = new_exchange(request, asker, endpoint)
    try:
        request, profile = resolve_model(request, exchange)
        turns = await read_turns(runtime, request, exchange, profile, local=local)
        try:
            planned = planned_response(exchange, request, turns, await translate(runtime, request, turns, exchange))
        except BaseException:
            turns.context.release()
            raise
    except BaseException as error:
        await record_failure(runtime, exchange, error)
        raise
    turns.memory.turn, turns.context.turn = turns.context.turn, None
    return planned


def new_exchange(request: Named, asker: Asker, endpoint: str) -> Exchange:
    """Return the exchange of a request as it comes in."""
    return Exchange(
        request_id=asker.request_id,
        endpoint=endpoint,
        caller=asker.caller,
        public_model=request.model or "",
        upstream_model="",
        stream=bool(request.stream or request.background),
        user=request.user or "",
        metadata=request.metadata or {},
        notes=[*asker.notes, *request.notes],
        instructions=request.instructions or "",
        encoding=ResponsesEncoding(),
        hold=asker.hold,
    )


async def read_turns(
    runtime: Runtime,
    request: ResponseParameters,
    exchange: Exchange,
    profile: ModelProfile,
    *,
    local: Mapping[str, LocalResponse] = NO_LOCAL,
) -> Turns:
    """Return the request's conversation. Takes its conversation's turn: `Turns.context.release` must follow."""
    principal_id = exchange.caller.principal_id
    items = request.items
    if named := references(items):
        items = resolved(items, await runtime.store.read(referenced_items, principal_id, named))  # type: ignore[assignment]
    context = await load_context(runtime, principal_id, request, max_tokens=profile.input_token_limit, local=local)
    if not context.whole:
        exchange.notes.append(Note("dropped", "input", "oldest messages, to meet the input limit of the model"))
    try:
        exchange.hold_bytes(sum(stored.size for stored in context.path))
        return await place_turns(runtime, request, exchange, (profile, context), items)
    except BaseException:
        context.release()
        raise


async def place_turns(
    runtime: Runtime,
    request: ResponseParameters,
    exchange: Exchange,
    known: tuple[ModelProfile, Context],
    items: Sequence[Item],
) -> Turns:
    """Return the conversation of `items` behind a context, with what the tree knows of it."""
    profile, context = known
    fit = Fit(profile.family, runtime.account, latest().family, exchange.notes)
    own = items_to_messages(
        items,
        family=profile.family,
        text_input=isinstance(request.input, str),
        earlier=[*context.earlier, *context.items],
    )
    history, memory = await _placed(runtime, exchange, context, own, fit)
    return Turns(context=context, items=items, own=own, history=history, memory=memory, profile=profile)


async def _placed(
    runtime: Runtime, exchange: Exchange, context: Context, own: ItemMessages, fit: Fit
) -> tuple[Sequence[RememberedMessage], Memory]:
    """Return the messages before the request's own, and the request's place in the tree."""
    principal_id = exchange.caller.principal_id
    if context.head is not None:
        asked = await client_call_ids(runtime, principal_id, context, own.messages)
        history = [_remembered(row, f"remembered[{index}]", fit, asked) for index, row in enumerate(context.path)]
        keys = message_keys(principal_id, own.messages, parent=context.head)
        return history, Memory(principal_id, own.messages, keys, path=context.path, head=context.head)
    # The items of a conversation that was changed by hand are looked up in the tree like a client's own history.
    before = items_to_messages(context.items).messages if context.items else []
    memory = await remember(runtime, exchange.caller, [*before, *own.messages], None, fit=fit)
    exchange.hold_bytes(memory.read_size)
    history = [
        RememberedMessage(message=message, content=memory.restored.get(index))
        for index, message in enumerate(memory.messages[: len(before)])
    ]
    return history, memory


async def translate(
    runtime: Runtime, request: ResponseParameters, turns: Turns, exchange: Exchange | None = None
) -> ResponsesCall:
    """Return the upstream call; what the request names by URL is fetched first, and held for the `exchange`."""
    first = turns.first_own
    try:
        fetched = await fetch_media(runtime, turns.memory, exchange)
    except InvalidRequestError as error:
        raise turns.own.places.error(error) from None
    upstream = await off_loop(
        0 if exchange is None else exchange.size,
        responses_to_gemini,
        request,
        turns=turns.own,
        profile=turns.profile,
        history=turns.history,
        restored={index - first: content for index, content in turns.memory.restored.items() if index >= first},
        fetched=fetched,
    )
    if settings.GOOGLE_GENAI_USE_VERTEXAI:
        upstream = call_for_vertex(upstream)  # type: ignore[assignment]  # dataclasses.replace keeps the class
    return replace(upstream, faces=[*[None] * first, *upstream.faces]) if first else upstream


def planned_response(
    exchange: Exchange, request: ResponsesRequest | CompactRequest, turns: Turns, upstream: ResponsesCall
) -> PlannedResponse:
    """Return the response that `upstream` is to answer."""
    exchange.notes += upstream.notes
    exchange.branches = (Branch(turns.memory, upstream, 0, 1),)
    exchange.calls = [PlannedCall(upstream.body, 0)]
    answer = ResponsesAnswer(
        id=response_id(),
        created_at=int(exchange.started_at.timestamp()),
        now=lambda: int(time.time()),
        echo=response_echo(request, model=request.model),
        item_ids=item_ids(),
        call_ids=call_ids(),
        tool_names=upstream.tool_names,
        called=upstream.called,
        family=turns.profile.family if request.encrypted_reasoning else None,
        top_logprobs=request.rivals,
        empty_stop=upstream.empty_stop,
    )
    exchange.answer = answer
    keeper = _keeper(exchange, request, turns, answer)
    if keeper.kept or keeper.conversation is not None:
        exchange.keeper = keeper
    return PlannedResponse(request=request, exchange=exchange, keeper=keeper, answer=answer, turns=turns)


def _keeper(
    exchange: Exchange, request: ResponsesRequest | CompactRequest, turns: Turns, answer: ResponsesAnswer
) -> ResponseKeeper:
    context = turns.context
    conversation = context.conversation
    named = f"{conversation.public_id}.{conversation.version}" if conversation is not None else ""
    principal_id = exchange.caller.principal_id
    wanted = request.kept or conversation is not None
    return ResponseKeeper(
        principal_id=principal_id,
        answer=answer,
        model=request.model,
        user=exchange.user,
        kept=request.kept and isinstance(request, ResponsesRequest),
        items=turns.items if wanted else (),
        after=chain_start(context.head, named),
        previous_id=context.previous_id,
        conversation=conversation.turn if conversation is not None else None,
        settings=_settings(turns),
    )


def _settings(turns: Turns) -> str:
    """Return the items whose settings go on, as JSON; what a client sends again with each request stands there once."""
    once = dict.fromkeys(orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item, _ in turns.own.settings)
    return (b"[" + b",".join(once) + b"]").decode()


def _remembered(
    stored: StoredMessage, path: str, fit: Fit, asked: Mapping[NodeId, Mapping[int, str]]
) -> RememberedMessage:
    content = stored_content(stored, path, fit)
    message = orjson.loads(stored.openai)
    for position, call_id in asked.get(stored.id, {}).items():
        message["tool_calls"][position]["id"] = call_id
    return RememberedMessage(message=message, content=content)
