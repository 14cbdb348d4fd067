"""The look-up of a request's conversation in the transcript tree.

A request with assistant or tool messages has its own history: it is used as sent, and Gemini's exact content of each
assistant message (thought signatures included) is restored from the tree. A request without them that has a `user`
continues that user's session: the stored transcript is put in front of it. Either way only new messages are added to
the tree.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from django.conf import settings

from api.exchange.conversation.context import ConversationContext, JsonDict, SessionKey
from api.exchange.conversation.signature_compatibility import SignaturePolicy
from api.exchange.exchange import Exchange
from api.gemini.wire import Content
from api.notes import Note
from api.services import Services
from api.translate.request.upstream_call import HistoryMessage
from api.translate.tools.custom import custom_input
from sessions_store.database.cursors import ReadRows
from sessions_store.state.chat_sessions import SessionState, find_session
from sessions_store.transcript.canonical import NodeKey
from sessions_store.transcript.reading import (
    TreeLookup,
    find_contents,
    message_keys,
    path_to,
    sent_contents,
)
from sessions_store.transcript.stored_messages import StoredContent, StoredMessage
from sessions_store.transcript.values import INSTRUCTION_ROLES, RESULT_ROLES

OWN_HISTORY_ROLES: Final = frozenset({"assistant", *RESULT_ROLES})
_NOTHING_FOUND: Final = TreeLookup(contents={}, by_call_id={})


async def load_context(
    exchange: Exchange, messages: Sequence[Mapping[str, Any]], session: SessionKey | None, *, policy: SignaturePolicy
) -> ConversationContext:
    """Load the request's conversation; `policy` decides which stored signatures may be sent.

    A session with a name is locked until the exchange ends. A session of a `user` alone is not locked: each request
    continues from the head that is committed at its start.
    """
    principal_id = exchange.accounting.caller.owner_id
    plain: list[JsonDict] = [dict(message) for message in messages]
    if any(message["role"] in OWN_HISTORY_ROLES for message in plain):
        return await _client_history(exchange, plain, session, policy)
    if session is None:
        return ConversationContext(principal_id, plain, message_keys(principal_id, plain))
    return await _continued(exchange, plain, session, policy)


async def _client_history(
    exchange: Exchange, messages: list[JsonDict], session: SessionKey | None, policy: SignaturePolicy
) -> ConversationContext:
    services, principal_id = exchange.services, exchange.accounting.caller.owner_id
    keys = message_keys(principal_id, messages)
    answers = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
    call_ids = [call["id"] for index in answers for call in messages[index].get("tool_calls") or ()]
    context = ConversationContext(principal_id, messages, keys, session)
    context.state, lookup = await _state_and_lookup(
        services, principal_id, session, [keys[index] for index in answers], call_ids
    )
    if session is not None:
        state, name = context.state, (principal_id, session.user, session.name)
        context.public_id = state.public_id if state is not None else exchange.new_session_id(name)
    if answers:
        if (ordered := _in_gemini_order(messages, answers, lookup)) is not None:
            context = await _client_history(exchange, ordered, session, policy)
            context.changed = True
            return context
        context.stored_count = max((index + 1 for index in answers if keys[index] in lookup.contents), default=0)
        _restore(context, answers, lookup, policy)
        context.in_tree = {key: contents[0].gemini for key in keys if (contents := lookup.contents.get(key))}
        if results := _foreign_results(context, answers):
            context.in_tree |= await services.store.read(sent_contents, principal_id, results)
    return context


def _foreign_results(context: ConversationContext, answers: Sequence[int]) -> list[NodeKey]:
    """Return the keys of all tool results if some calls are not Gemini's: the client chose their ids."""
    made = (context.messages[index] for index in answers if index not in context.restored)
    if not any(message.get("tool_calls") for message in made):
        return []
    return [key for key, message in zip(context.keys, context.messages, strict=True) if message["role"] in RESULT_ROLES]


def _in_gemini_order(messages: Sequence[JsonDict], answers: Sequence[int], lookup: TreeLookup) -> list[JsonDict] | None:
    """Return the messages with the tool calls of each assistant message in Gemini's order; None if they are in that
    order already.

    The first call of a step carries its signature (rule 27); the results are matched by id, in any order.
    """
    ordered = list(messages)
    for index in answers:
        calls = messages[index].get("tool_calls")
        if not calls or len(calls) == 1:
            continue
        made = [lookup.by_call_id[call["id"]] for call in calls if call["id"] in lookup.by_call_id]
        if len(made) == len(calls) == len(set(made)) and len({key for key, _ in made}) == 1 and made != sorted(made):
            places = dict(zip((call["id"] for call in calls), made, strict=True))
            in_order = sorted(calls, key=lambda call: places[call["id"]])
            ordered[index] = {**messages[index], "tool_calls": in_order}
    return ordered if any(new is not old for new, old in zip(ordered, messages, strict=True)) else None


def _restore(context: ConversationContext, answers: Sequence[int], lookup: TreeLookup, policy: SignaturePolicy) -> None:
    """Replace an assistant message that we generated by its stored Gemini content; leave client-authored ones alone.

    Many messages may match one stored content. The restored bytes are limited to MAX_BODY_BYTES, newest message first:
    older messages stay as the client sent them.
    """
    read: dict[str, Content] = {}
    found = [(index, *_answered(context, index, (lookup, read), policy)) for index in answers]
    first = len(found)
    while first and (size := context.read_size + found[first - 1][-1]) <= settings.MAX_BODY_BYTES:
        context.read_size = size
        first -= 1
    if first:
        reason = "stored Gemini content of this and earlier messages: larger than the limit for one request"
        policy.notes.append(Note("dropped", f"messages[{found[first - 1][0]}]", reason))
    for index, source, content, _ in found[first:]:
        if source is not None and content is not None:
            context.restored[index] = policy.apply(content, source, f"messages[{index}]")
            if context.restored[index] is content:
                context.provenance[index] = source


def _answered(
    context: ConversationContext, index: int, stored: tuple[TreeLookup, dict[str, Content]], policy: SignaturePolicy
) -> tuple[StoredContent | None, Content | None, int]:
    """Return the stored variant of a message, its Gemini content, and the bytes of that content.

    `stored` is the result of the look-up in the tree, and a cache of the contents decoded so far.
    """
    lookup, read = stored
    message, contents = context.messages[index], lookup.contents.get(context.keys[index], ())
    source = policy.best(contents) if contents else None
    if source is not None and source.model and source.gemini:
        return source, orjson.loads(source.gemini), len(source.gemini)
    source, content = _by_call_id(message, lookup, read, policy)
    if source is None or content is None:
        return None, None, 0
    whole = content is read[source.gemini]
    return source, content, len(source.gemini) if whole else len(orjson.dumps(content))


def _by_call_id(
    message: JsonDict, lookup: TreeLookup, read: dict[str, Content], policy: SignaturePolicy
) -> tuple[StoredContent | None, Content | None]:
    """Return the stored variant whose tool calls have the ids of this message's calls, and its Gemini content.

    `read` caches the decoded contents, because several messages may match one stored message. A signature belongs to
    exactly one call: a message with fewer calls gets the parts of its own calls only; a message with an unknown or
    changed call gets none.
    """
    calls = message.get("tool_calls") or []
    if not calls or any(call["id"] not in lookup.by_call_id for call in calls):
        return None, None
    keys, positions = zip(*(lookup.by_call_id[call["id"]] for call in calls), strict=True)
    source = policy.best(lookup.contents[keys[0]])
    if len(set(keys)) > 1 or not source.model or not source.gemini:
        return None, None
    content = read.get(source.gemini)
    if content is None:
        content = read[source.gemini] = orjson.loads(source.gemini)
    made = [part for part in content.get("parts", ()) if "functionCall" in part]
    if max(positions) >= len(made) or not all(
        _is_unchanged(call, made[position]["functionCall"].get("args") or {})
        for call, position in zip(calls, positions, strict=True)
    ):
        return None, None
    if positions == tuple(range(len(made))):
        return source, content
    return source, {"role": "model", "parts": [made[position] for position in positions]}


def _is_unchanged(call: JsonDict, args: JsonDict) -> bool:
    """Whether a tool call has the arguments that Gemini gave it; a custom tool has one text as input.

    Arguments that are no JSON are never Gemini's.
    """
    if call.get("type") == "custom":
        given: bool = call["custom"]["input"] == custom_input(orjson.dumps(args).decode())
        return given
    try:
        return bool(orjson.loads(call.get("function", {}).get("arguments") or "{}") == args)
    except orjson.JSONDecodeError:
        return False


async def _continued(
    exchange: Exchange, messages: list[JsonDict], session: SessionKey, policy: SignaturePolicy
) -> ConversationContext:
    services, principal_id = exchange.services, exchange.accounting.caller.owner_id
    name = (principal_id, session.user, session.name)
    if session.name:
        await exchange.lock(name)
    context = ConversationContext(principal_id, messages, [], session, continued=True)
    found = await _load(services, principal_id, session)
    if found is None:
        context.public_id = exchange.new_session_id(name)
    else:
        context.state, context.path = found
        context.public_id = context.state.public_id
        context.read_size = sum(stored.size for stored in context.path)
        _place_history(context, policy)
    context.keys = message_keys(principal_id, context.messages, parent=context.parent)
    return context


async def _load(
    services: Services, principal_id: int, session: SessionKey
) -> tuple[SessionState, Sequence[StoredMessage]] | None:
    """Read a session and the end of its conversation within the limits; None if there is no session."""
    return await services.store.read_one(
        _finder(services, principal_id, session),
        _with_path,
        has_more=lambda state: state is not None and state.head is not None,
    )


def _with_path(state: SessionState | None) -> tuple[SessionState, Sequence[StoredMessage]] | None:
    """Read the end of a session's conversation; a session without a head has none."""
    if state is None:
        return None
    if state.head is None:
        return state, ()
    path = path_to(
        state.head,
        max_messages=settings.SESSION_MAX_MESSAGES,
        max_tokens=settings.SESSION_MAX_TOKENS,
        max_bytes=settings.MAX_BODY_BYTES,  # no more than a client with its own history could send
    )
    return state, path


async def _state_and_lookup(
    services: Services,
    principal_id: int,
    session: SessionKey | None,
    answers: Sequence[NodeKey],
    call_ids: Sequence[str],
) -> tuple[SessionState | None, TreeLookup]:
    """Read a session and the stored Gemini contents of these assistant messages."""

    def with_lookup(state: SessionState | None) -> tuple[SessionState | None, TreeLookup]:
        return state, find_contents(principal_id, answers, call_ids) if answers else _NOTHING_FOUND

    if session is None:
        return await services.store.read(with_lookup, None) if answers else (None, _NOTHING_FOUND)
    find = _finder(services, principal_id, session)
    return await services.store.read_one(find, with_lookup, has_more=lambda _: bool(answers))


def _finder(services: Services, principal_id: int, session: SessionKey) -> Callable[[ReadRows], SessionState | None]:
    """Return the function that reads a session's state by its name or its public id."""
    idle = services.deployment.session_idle

    def find(rows: ReadRows) -> SessionState | None:
        return find_session(principal_id, session.user, session.name, now=datetime.now(UTC), idle=idle, rows=rows)

    return find


def _place_history(context: ConversationContext, policy: SignaturePolicy) -> None:
    """Put the session's messages in front of the request's; system messages of the request replace the stored ones.

    A chat app repeats its system prompt with each message: an equal one is not stored again.
    """
    own = [message for message in context.messages if message["role"] in INSTRUCTION_ROLES]
    systems = _in_force(context.path)
    if own and [_text_of(message) for message in own] == [_text_of(orjson.loads(row.openai)) for row in systems]:
        context.messages = [message for message in context.messages if message["role"] not in INSTRUCTION_ROLES]
        context.changed = True
        own = []
    rows = [] if own else list(systems)
    context.systems = [row.key for row in rows]
    rows += [row for row in context.path if row.role not in INSTRUCTION_ROLES]
    context.history = [_history_message(row, f"remembered[{index}]", policy) for index, row in enumerate(rows)]


def _in_force(path: Sequence[StoredMessage]) -> Sequence[StoredMessage]:
    """Return the last run of system messages: it supersedes earlier ones."""
    end = next((index for index in range(len(path), 0, -1) if path[index - 1].role in INSTRUCTION_ROLES), 0)
    start = end
    while start and path[start - 1].role in INSTRUCTION_ROLES:
        start -= 1
    return path[start:end]


def _history_message(stored: StoredMessage, path: str, policy: SignaturePolicy) -> HistoryMessage:
    return HistoryMessage(message=orjson.loads(stored.openai), content=stored_content(stored, path, policy))


def stored_content(stored: StoredMessage, path: str, policy: SignaturePolicy) -> Content | None:
    """Return the part of a stored Gemini content that may be sent, None without a content; `path` names the message in
    notes.
    """
    source = policy.best(stored.contents)
    return policy.apply(orjson.loads(source.gemini), source, path) if source.gemini else None


def _text_of(message: JsonDict) -> Any:
    content = message.get("content")
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content
