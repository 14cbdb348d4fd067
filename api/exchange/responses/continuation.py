"""The history that a response continues: that of a previous response or of a conversation, each a node of the
transcript tree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from django.conf import settings

from api.auth.key_settings import require_storage
from api.errors import InvalidRequestError, NotFoundError
from api.exchange.exchange import Exchange
from api.exchange.responses.state_signer import state_signer
from api.openai.responses.request import ResponseParameters
from api.services import Services
from api.translate.responses.carried_state import signed_again
from sessions_store.state.conversations import FoundConversation, all_items, find_conversation, items_size
from sessions_store.state.items import find_items, item_sizes
from sessions_store.state.responses import find_response
from sessions_store.transcript.canonical import NodeKey
from sessions_store.transcript.history import History, history_to
from sessions_store.transcript.stored_messages import StoredMessage

Item = Mapping[str, Any]
CONVERSATION_PREFIX: Final = "conv_"


@dataclass(frozen=True, slots=True)
class LocalResponse:
    """A previous response: its last node (None if it has no messages), the settings that stay in force as JSON, and the
    ids of its calls, in order.
    """

    head: NodeKey | None
    settings: str
    call_ids: Sequence[str] = ()


@dataclass(slots=True, kw_only=True)
class Continuation:
    """The stored history of a request's conversation.

    `path` are the stored messages up to `head`; `whole` is False if the oldest of them were omitted. `items` are those
    of a conversation whose items were added or deleted by hand: it has no head, and its items are put in front of the
    request's. `earlier` are items whose settings stay in force; `call_ids` are the ids of the calls in the last message
    of `path`, if only the WebSocket connection knows them.
    """

    head: NodeKey | None = None
    path: Sequence[StoredMessage] = ()
    whole: bool = True
    items: Sequence[Item] = ()
    earlier: Sequence[Item] = ()
    call_ids: Sequence[str] = ()
    previous_id: str = ""
    conversation: FoundConversation | None = None


async def load_continuation(
    exchange: Exchange, request: ResponseParameters, *, max_tokens: int, local: Mapping[str, LocalResponse]
) -> Continuation:
    """Return the history that the request continues; `max_tokens` applies to `truncation: "auto"` only.

    `local` are the responses of the request's WebSocket connection. A conversation is locked until the exchange ends.
    Raises InvalidRequestError for an unknown previous response and for stored state that the policy does not permit,
    NotFoundError for an unknown conversation.
    """
    services, principal_id = exchange.services, exchange.accounting.caller.owner_id
    bound = max_tokens if request.truncation == "auto" else None
    if request.previous_response_id is not None:
        if request.previous_response_id not in local:
            require_storage(exchange.accounting.caller.policy, "previous_response_id")
        return await _previous(services, principal_id, request.previous_response_id, bound, local)
    if request.conversation_id is not None:
        await exchange.lock((principal_id, "", request.conversation_id))
        return await _conversation(services, principal_id, request.conversation_id, bound)
    return Continuation()


async def _previous(
    services: Services, principal_id: int, public_id: str, bound: int | None, local: Mapping[str, LocalResponse]
) -> Continuation:
    known = local.get(public_id)
    if known is None:
        known = await _stored(services, principal_id, public_id)
    earlier = orjson.loads(known.settings)
    if known.head is None:
        return Continuation(earlier=earlier, previous_id=public_id)
    history = await _history(services, known.head, bound, param="previous_response_id")
    if not history.path:
        raise previous_not_found(public_id)
    return Continuation(
        head=known.head,
        path=history.path,
        whole=history.whole,
        earlier=earlier,
        call_ids=known.call_ids,
        previous_id=public_id,
    )


async def _history(services: Services, head: NodeKey, bound: int | None, *, param: str) -> History:
    """Read the conversation up to a node, at most MAX_BODY_BYTES of it.

    Raises InvalidRequestError if older messages are left and truncation is disabled.
    """
    history = await services.store.read(history_to, head, max_tokens=bound, max_bytes=settings.MAX_BODY_BYTES)
    if bound is None and not history.whole:
        raise too_large("The stored conversation", param, "Compact it, or set 'truncation' to 'auto'.")
    return history


def _items(conversation_id: int) -> list[Item]:
    """Read all items of a conversation; runs in a database thread. Raises InvalidRequestError if they are too large."""
    if items_size(conversation_id) > settings.MAX_BODY_BYTES:
        raise too_large("The stored conversation", "conversation", "Delete some of its items.")
    signer = state_signer()
    return [signed_again(item, signer) for item in all_items(conversation_id)]


def referenced_items(principal_id: int, item_ids: Sequence[str]) -> dict[str, Item]:
    """Read the items that a request refers to by id; runs in a database thread.

    An item counts as often as it is named. Raises InvalidRequestError if they exceed MAX_BODY_BYTES together.
    """
    sizes = item_sizes(principal_id, item_ids)
    if sum(sizes.get(item_id, 0) for item_id in item_ids) > settings.MAX_BODY_BYTES:
        raise too_large("The referenced content", "input", "Refer to fewer items.")
    signer = state_signer()
    return {item_id: signed_again(item, signer) for item_id, item in find_items(principal_id, item_ids).items()}


def too_large(what: str, param: str, advice: str) -> InvalidRequestError:
    """Return the error for stored content beyond MAX_BODY_BYTES."""
    return InvalidRequestError(
        f"{what} is larger than the limit of {settings.MAX_BODY_BYTES} bytes for one request. {advice}",
        param=param,
        code="context_length_exceeded",
    )


async def _stored(services: Services, principal_id: int, public_id: str) -> LocalResponse:
    found = await services.store.read(find_response, principal_id, public_id)
    if found is None:
        raise previous_not_found(public_id)
    if found.answer is None:
        state = "has not ended yet" if found.active else "has no message to continue from"
        raise InvalidRequestError(
            f"Previous response with id '{public_id}' {state}.", param="previous_response_id", code="invalid_value"
        )
    return LocalResponse(found.answer, found.settings)


def previous_not_found(public_id: str) -> InvalidRequestError:
    """Return the error for an id that is no response of this principal."""
    return InvalidRequestError(
        f"Previous response with id '{public_id[:100]}' not found.",
        param="previous_response_id",
        code="previous_response_not_found",
    )


async def find_or_404(services: Services, principal_id: int, public_id: str) -> FoundConversation:
    """Return a conversation; raises NotFoundError, and InvalidRequestError for a malformed id."""
    if not public_id.startswith(CONVERSATION_PREFIX):
        raise InvalidRequestError(
            f"Invalid 'conversation_id': '{public_id[:100]}'. Expected an ID that begins with 'conv_'.",
            param="conversation_id",
            code="invalid_value",
        )
    found = await services.store.read(find_conversation, principal_id, public_id)
    if found is None:
        raise conversation_not_found(public_id)
    return found


def conversation_not_found(public_id: str) -> NotFoundError:
    """Return the 404 of a conversation: the same for a missing one and for one of another principal."""
    return NotFoundError(f"Conversation with id '{public_id[:100]}' not found.", param="conversation_id")


async def _conversation(services: Services, principal_id: int, public_id: str, bound: int | None) -> Continuation:
    found = await find_or_404(services, principal_id, public_id)
    continuation = Continuation(conversation=found, earlier=orjson.loads(found.settings))
    if found.head is not None:
        history = await _history(services, found.head, bound, param="conversation")
        continuation.path, continuation.whole = history.path, history.whole
    if continuation.path:
        continuation.head = found.head
    elif not found.empty:
        continuation.items = await services.store.read(_items, found.id)
    return continuation
