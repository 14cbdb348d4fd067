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
from api.exchange.conversation.signature_compatibility import Fit
from api.exchange.exchange import Exchange
from api.gemini.wire import Content
from api.notes import Note
from api.services import Runtime
from api.translate.request.upstream_call import RememberedMessage
from api.translate.tools.custom import custom_input
from sessions_store.database.cursors import ReadRows
from sessions_store.state.chat_sessions import SessionState, find_session
from sessions_store.transcript.canonical import Key
from sessions_store.transcript.reading import (
    Known,
    known_contents,
    message_keys,
    path_to,
    sent_contents,
)
from sessions_store.transcript.stored_messages import Face, StoredMessage
from sessions_store.transcript.values import INSTRUCTION_ROLES, RESULT_ROLES

OWN_HISTORY_ROLES: Final = frozenset({"assistant", *RESULT_ROLES})
_NOTHING_KNOWN: Final = Known(faces={}, by_call_id={})


async def remember(
    exchange: Exchange, messages: Sequence[Mapping[str, Any]], session: SessionKey | None, *, fit: Fit
) -> ConversationContext:
    """Load the request's conversation; `fit` decides which stored signatures may be sent.

    A session with a name is locked until the exchange ends. A session of a `user` alone is not locked: each request
    continues from the head that is committed at its start.
    """
    principal_id = exchange.accounting.caller.principal_id
    plain: list[JsonDict] = [dict(message) for message in messages]
    if any(message["role"] in OWN_HISTORY_ROLES for message in plain):
        return await _own_history(exchange, plain, session, fit)
    if session is None:
        return ConversationContext(principal_id, plain, message_keys(principal_id, plain))
    return await _continued(exchange, plain, session, fit)


async def _own_history(
    exchange: Exchange, messages: list[JsonDict], session: SessionKey | None, fit: Fit
) -> ConversationContext:
    runtime, principal_id = exchange.runtime, exchange.accounting.caller.principal_id
    keys = message_keys(principal_id, messages)
    answers = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
    call_ids = [call["id"] for index in answers for call in messages[index].get("tool_calls") or ()]
    memory = ConversationContext(principal_id, messages, keys, session)
    memory.state, known = await _state_and_known(
        runtime, principal_id, session, [keys[index] for index in answers], call_ids
    )
    if session is not None:
        state, name = memory.state, (principal_id, session.user, session.name)
        memory.public_id = state.public_id if state is not None else exchange.new_session_id(name)
    if answers:
        if (ordered := _in_gemini_order(messages, answers, known)) is not None:
            memory = await _own_history(exchange, ordered, session, fit)
            memory.changed = True
            return memory
        memory.known = max((index + 1 for index in answers if keys[index] in known.faces), default=0)
        _restore(memory, answers, known, fit)
        memory.in_tree = {key: faces[0].gemini for key in keys if (faces := known.faces.get(key))}
        if results := _foreign_results(memory, answers):
            memory.in_tree |= await runtime.store.read(sent_contents, principal_id, results)
    return memory


def _foreign_results(memory: ConversationContext, answers: Sequence[int]) -> list[Key]:
    """Return the keys of all tool results if some calls are not Gemini's: the client chose their ids."""
    made = (memory.messages[index] for index in answers if index not in memory.restored)
    if not any(message.get("tool_calls") for message in made):
        return []
    return [key for key, message in zip(memory.keys, memory.messages, strict=True) if message["role"] in RESULT_ROLES]


def _in_gemini_order(messages: Sequence[JsonDict], answers: Sequence[int], known: Known) -> list[JsonDict] | None:
    """Return the messages with the tool calls of each assistant message in Gemini's order; None if they are in that
    order already.

    The first call of a step carries its signature (rule 27); the results are matched by id, in any order.
    """
    ordered = list(messages)
    for index in answers:
        calls = messages[index].get("tool_calls")
        if not calls or len(calls) == 1:
            continue
        made = [known.by_call_id[call["id"]] for call in calls if call["id"] in known.by_call_id]
        if len(made) == len(calls) == len(set(made)) and len({key for key, _ in made}) == 1 and made != sorted(made):
            places = dict(zip((call["id"] for call in calls), made, strict=True))
            in_order = sorted(calls, key=lambda call: places[call["id"]])
            ordered[index] = {**messages[index], "tool_calls": in_order}
    return ordered if any(new is not old for new, old in zip(ordered, messages, strict=True)) else None


def _restore(memory: ConversationContext, answers: Sequence[int], known: Known, fit: Fit) -> None:
    """Replace an assistant message that we generated by its stored Gemini content; leave client-authored ones alone.

    Many messages may match one stored content. The restored bytes are limited to MAX_BODY_BYTES, newest message first:
    older messages stay as the client sent them.
    """
    read: dict[str, Content] = {}
    found = [(index, *_answered(memory, index, (known, read), fit)) for index in answers]
    first = len(found)
    while first and (size := memory.read_size + found[first - 1][-1]) <= settings.MAX_BODY_BYTES:
        memory.read_size = size
        first -= 1
    if first:
        reason = "stored Gemini content of this and earlier messages: larger than the limit for one request"
        fit.notes.append(Note("dropped", f"messages[{found[first - 1][0]}]", reason))
    for index, face, content, _ in found[first:]:
        if face is not None and content is not None:
            memory.restored[index] = fit.fitted(content, face, f"messages[{index}]")
            if memory.restored[index] is content:
                memory.makers[index] = face


def _answered(
    memory: ConversationContext, index: int, stored: tuple[Known, dict[str, Content]], fit: Fit
) -> tuple[Face | None, Content | None, int]:
    """Return the stored variant of a message, its Gemini content, and the bytes of that content.

    `stored` is the result of the look-up in the tree, and a cache of the contents decoded so far.
    """
    known, read = stored
    message, faces = memory.messages[index], known.faces.get(memory.keys[index], ())
    face = fit.best(faces) if faces else None
    if face is not None and face.model and face.gemini:
        return face, orjson.loads(face.gemini), len(face.gemini)
    face, content = _by_call_id(message, known, read, fit)
    if face is None or content is None:
        return None, None, 0
    whole = content is read[face.gemini]
    return face, content, len(face.gemini) if whole else len(orjson.dumps(content))


def _by_call_id(
    message: JsonDict, known: Known, read: dict[str, Content], fit: Fit
) -> tuple[Face | None, Content | None]:
    """Return the stored variant whose tool calls have the ids of this message's calls, and its Gemini content.

    `read` caches the decoded contents, because several messages may match one stored message. A signature belongs to
    exactly one call: a message with fewer calls gets the parts of its own calls only; a message with an unknown or
    changed call gets none.
    """
    calls = message.get("tool_calls") or []
    if not calls or any(call["id"] not in known.by_call_id for call in calls):
        return None, None
    keys, positions = zip(*(known.by_call_id[call["id"]] for call in calls), strict=True)
    face = fit.best(known.faces[keys[0]])
    if len(set(keys)) > 1 or not face.model or not face.gemini:
        return None, None
    content = read.get(face.gemini)
    if content is None:
        content = read[face.gemini] = orjson.loads(face.gemini)
    made = [part for part in content.get("parts", ()) if "functionCall" in part]
    if max(positions) >= len(made) or not all(
        _was_given(call, made[position]["functionCall"].get("args") or {})
        for call, position in zip(calls, positions, strict=True)
    ):
        return None, None
    if positions == tuple(range(len(made))):
        return face, content
    return face, {"role": "model", "parts": [made[position] for position in positions]}


def _was_given(call: JsonDict, args: JsonDict) -> bool:
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
    exchange: Exchange, messages: list[JsonDict], session: SessionKey, fit: Fit
) -> ConversationContext:
    runtime, principal_id = exchange.runtime, exchange.accounting.caller.principal_id
    name = (principal_id, session.user, session.name)
    if session.name:
        await exchange.lock(name)
    memory = ConversationContext(principal_id, messages, [], session, continued=True)
    found = await _load(runtime, principal_id, session)
    if found is None:
        memory.public_id = exchange.new_session_id(name)
    else:
        memory.state, memory.path = found
        memory.public_id = memory.state.public_id
        memory.read_size = sum(stored.size for stored in memory.path)
        _place_before(memory, fit)
    memory.keys = message_keys(principal_id, memory.messages, parent=memory.parent)
    return memory


async def _load(
    runtime: Runtime, principal_id: int, session: SessionKey
) -> tuple[SessionState, Sequence[StoredMessage]] | None:
    """Read a session and the end of its conversation within the limits; None if there is no session."""
    return await runtime.store.read_one(
        _finder(runtime, principal_id, session),
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


async def _state_and_known(
    runtime: Runtime, principal_id: int, session: SessionKey | None, answers: Sequence[Key], call_ids: Sequence[str]
) -> tuple[SessionState | None, Known]:
    """Read a session and the stored Gemini contents of these assistant messages."""

    def with_known(state: SessionState | None) -> tuple[SessionState | None, Known]:
        return state, known_contents(principal_id, answers, call_ids) if answers else _NOTHING_KNOWN

    if session is None:
        return await runtime.store.read(with_known, None) if answers else (None, _NOTHING_KNOWN)
    find = _finder(runtime, principal_id, session)
    return await runtime.store.read_one(find, with_known, has_more=lambda _: bool(answers))


def _finder(runtime: Runtime, principal_id: int, session: SessionKey) -> Callable[[ReadRows], SessionState | None]:
    """Return the function that reads a session's state by its name or its public id."""
    idle = runtime.deployment.session_idle

    def find(rows: ReadRows) -> SessionState | None:
        return find_session(principal_id, session.user, session.name, now=datetime.now(UTC), idle=idle, rows=rows)

    return find


def _place_before(memory: ConversationContext, fit: Fit) -> None:
    """Put the session's messages in front of the request's; system messages of the request replace the stored ones.

    A chat app repeats its system prompt with each message: an equal one is not stored again.
    """
    own = [message for message in memory.messages if message["role"] in INSTRUCTION_ROLES]
    systems = _in_force(memory.path)
    if own and [_text_of(message) for message in own] == [_text_of(orjson.loads(row.openai)) for row in systems]:
        memory.messages = [message for message in memory.messages if message["role"] not in INSTRUCTION_ROLES]
        memory.changed = True
        own = []
    rows = [] if own else list(systems)
    memory.systems = [row.key for row in rows]
    rows += [row for row in memory.path if row.role not in INSTRUCTION_ROLES]
    memory.before = [_remembered(row, f"remembered[{index}]", fit) for index, row in enumerate(rows)]


def _in_force(path: Sequence[StoredMessage]) -> Sequence[StoredMessage]:
    """Return the last run of system messages: it supersedes earlier ones."""
    end = next((index for index in range(len(path), 0, -1) if path[index - 1].role in INSTRUCTION_ROLES), 0)
    start = end
    while start and path[start - 1].role in INSTRUCTION_ROLES:
        start -= 1
    return path[start:end]


def _remembered(stored: StoredMessage, path: str, fit: Fit) -> RememberedMessage:
    return RememberedMessage(message=orjson.loads(stored.openai), content=stored_content(stored, path, fit))


def stored_content(stored: StoredMessage, path: str, fit: Fit) -> Content | None:
    """Return the part of a stored Gemini content that may be sent, None without a content; `path` names the message in
    notes.
    """
    face = fit.best(stored.faces)
    return fit.fitted(orjson.loads(face.gemini), face, path) if face.gemini else None


def _text_of(message: JsonDict) -> Any:
    content = message.get("content")
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content
