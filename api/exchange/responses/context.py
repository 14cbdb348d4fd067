"""What a response goes on from: a previous response or a conversation, both of them places in the transcript tree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from api.errors import InvalidRequestError, NotFoundError
from api.openai.responses_request import ResponseParameters
from api.runtime import Runtime
from api.session_turns import SessionTurn
from sessions_store.canonical import Key
from sessions_store.conversations import FoundConversation, all_items, find_conversation
from sessions_store.history import history_to, is_whole
from sessions_store.responses import find_response
from sessions_store.transcript import StoredMessage

Item = Mapping[str, Any]
CONVERSATION_PREFIX: Final = "conv_"


@dataclass(frozen=True, slots=True)
class LocalResponse:
    """A response that one goes on from: where it ended (None: nothing was said yet), the settings that go on, and the
    ids of its calls, in order.
    """

    head: Key | None
    settings: str
    call_ids: Sequence[str] = ()


@dataclass(slots=True, kw_only=True)
class Context:
    """Where a request's conversation stands.

    `path` are the stored messages that lead to `head`, `whole` unless the oldest of them were left out. `items` are
    those of a conversation that was changed by hand: then there is no head, and they come before the request's own.
    `earlier` are items whose settings still hold; `call_ids` are those of the calls that the path ends in, where only
    the request's connection remembers them.
    """

    head: Key | None = None
    path: Sequence[StoredMessage] = ()
    whole: bool = True
    items: Sequence[Item] = ()
    earlier: Sequence[Item] = ()
    call_ids: Sequence[str] = ()
    previous_id: str = ""
    conversation: FoundConversation | None = None
    turn: SessionTurn | None = field(default=None, repr=False)

    def release(self) -> None:
        """Let the next response of the conversation go on."""
        if self.turn is not None:
            self.turn.end()
            self.turn = None


async def load_context(
    runtime: Runtime,
    principal_id: int,
    request: ResponseParameters,
    *,
    max_tokens: int,
    local: Mapping[str, LocalResponse],
) -> Context:
    """Return what the request goes on from; `max_tokens` holds for `truncation: "auto"` only.

    `local` are the responses that the request's connection remembers. Takes the conversation's turn:
    `Context.release` must follow. Raises InvalidRequestError for a previous response and NotFoundError for a
    conversation that do not exist.
    """
    bound = max_tokens if request.truncation == "auto" else None
    if request.previous_response_id is not None:
        return await _previous(runtime, principal_id, request.previous_response_id, bound, local)
    if request.conversation_id is not None:
        return await _conversation(runtime, principal_id, request.conversation_id, bound)
    return Context()


async def _previous(
    runtime: Runtime, principal_id: int, public_id: str, bound: int | None, local: Mapping[str, LocalResponse]
) -> Context:
    known = local.get(public_id)
    if known is None:
        known = await _stored(runtime, principal_id, public_id)
    earlier = orjson.loads(known.settings)
    if known.head is None:
        return Context(earlier=earlier, previous_id=public_id)
    path, whole = await runtime.store.read(_history, known.head, bound)
    if not path:
        raise previous_not_found(public_id)
    return Context(
        head=known.head, path=path, whole=whole, earlier=earlier, call_ids=known.call_ids, previous_id=public_id
    )


def _history(head: Key, bound: int | None) -> tuple[list[StoredMessage], bool]:
    """Read the conversation up to a node, and whether all of it was read; runs in a database thread."""
    path = history_to(head, max_tokens=bound)
    return path, bound is None or is_whole(path)


async def _stored(runtime: Runtime, principal_id: int, public_id: str) -> LocalResponse:
    found = await runtime.store.read(find_response, principal_id, public_id)
    if found is None:
        raise previous_not_found(public_id)
    if found.answer is None:
        state = "has not ended yet" if found.active else "has no answer to go on from"
        raise InvalidRequestError(
            f"Previous response with id '{public_id}' {state}.", param="previous_response_id", code="invalid_value"
        )
    return LocalResponse(found.answer, found.settings)


def previous_not_found(public_id: str) -> InvalidRequestError:
    """Return the refusal of an id that this principal has no response of."""
    return InvalidRequestError(
        f"Previous response with id '{public_id[:100]}' not found.",
        param="previous_response_id",
        code="previous_response_not_found",
    )


async def find_or_404(runtime: Runtime, principal_id: int, public_id: str) -> FoundConversation:
    """Return a conversation; raises NotFoundError, and InvalidRequestError for what is no conversation's id."""
    if not public_id.startswith(CONVERSATION_PREFIX):
        raise InvalidRequestError(
            f"Invalid 'conversation_id': '{public_id[:100]}'. Expected an ID that begins with 'conv_'.",
            param="conversation_id",
            code="invalid_value",
        )
    found = await runtime.store.read(find_conversation, principal_id, public_id)
    if found is None:
        raise conversation_not_found(public_id)
    return found


def conversation_not_found(public_id: str) -> NotFoundError:
    """Return the 404 of a missing conversation and of somebody else's."""
    return NotFoundError(f"Conversation with id '{public_id[:100]}' not found.", param="conversation_id")


async def _conversation(runtime: Runtime, principal_id: int, public_id: str, bound: int | None) -> Context:
    turn = await runtime.session_turns.take((principal_id, "", public_id), patience=runtime.deployment.session_wait)
    try:
        found = await find_or_404(runtime, principal_id, public_id)
        context = Context(conversation=found, earlier=orjson.loads(found.settings), turn=turn)
        if found.head is not None:
            context.path, context.whole = await runtime.store.read(_history, found.head, bound)
        if context.path:
            context.head = found.head
        elif not found.empty:
            context.items = await runtime.store.read(all_items, found.id)
    except BaseException:
        if turn is not None:
            turn.end()
        raise
    return context
