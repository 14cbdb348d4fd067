"""Stored chat completions (`store: true`): list, retrieve, update, delete, and their messages."""

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from api.auth.key_settings import require_storage
from api.errors import NotFoundError
from api.exchange.responses.retrieval import page_of, unknown_after
from api.http.view import GatewayView, json_body, json_response
from api.openai.chat.completion import ChatCompletion
from api.openai.conversations.objects import Deleted, ListPage, list_page
from api.openai.conversations.requests import MetadataUpdate, parse_metadata_update
from api.openai.shared.list_query import MAX_FILTERS, parse_list_query
from api.views.operation import Operation, OperationParameter, page_parameters
from sessions_store.state.stored_completions import (
    CompletionQuery,
    completion_messages,
    delete_completion,
    find_completion,
    list_completions,
    update_completion,
)

FILTERS: Final = (
    OperationParameter(
        name="model", schema={"type": "string"}, what="Only chat completions with this requested model."
    ),
    OperationParameter(
        name="metadata",
        schema={
            "type": "object",
            "maxProperties": MAX_FILTERS,
            "propertyNames": {"minLength": 1, "maxLength": 64},
            "additionalProperties": {"type": "string"},
        },
        what="Only chat completions with this metadata.",
    ),
)


async def list_stored(view: GatewayView, request: HttpRequest) -> HttpResponse:
    """Return a page of the caller's stored completions, by default the oldest first, filtered by model and metadata."""
    query = parse_list_query(view.query_pairs(request), order="asc")
    wanted = CompletionQuery(
        model=query.model or "",
        metadata=query.metadata,
        after=query.after,
        limit=query.limit,
        max_bytes=settings.MAX_BODY_BYTES,
        newest=query.order == "desc",
    )
    page = await view.services.store.read(list_completions, view.caller.owner_id, wanted)
    if page is None:
        raise unknown_after(query.after or "")
    return json_response(list_page(page.completions, has_more=page.more))


class StoredCompletionView(GatewayView):
    """One stored completion."""

    family = "chat"

    @Operation(name="getChatCompletion", what="Return a stored chat completion.", response=ChatCompletion)
    async def get(self, request: HttpRequest, completion: str) -> HttpResponse:
        """Return the completion."""
        found = await self.services.store.read(find_completion, self.caller.owner_id, completion)
        return json_response(_or_404(found, completion))

    @Operation(
        name="updateChatCompletion",
        what="Set the metadata of a stored chat completion.",
        body=MetadataUpdate,
        response=ChatCompletion,
    )
    async def post(self, request: HttpRequest, completion: str) -> HttpResponse:
        """Set the completion's metadata."""
        require_storage(self.caller.policy, "metadata")
        metadata = self.noted(parse_metadata_update(await json_body(request))).metadata or {}
        updated = await self.services.store.write(update_completion, self.caller.owner_id, completion, metadata)
        return json_response(_or_404(updated, completion))

    @Operation(
        name="deleteChatCompletion", what="Delete a stored chat completion; its usage record stays.", response=Deleted
    )
    async def delete(self, request: HttpRequest, completion: str) -> HttpResponse:
        """Delete the completion; its usage stays."""
        if not await self.services.store.write(delete_completion, self.caller.owner_id, completion):
            raise _missing(completion)
        body: Deleted = {"id": completion, "object": "chat.completion.deleted", "deleted": True}
        return json_response(body)


class StoredMessagesView(GatewayView):
    """List the request messages of a stored completion."""

    family = "chat"

    @Operation(
        name="getChatCompletionMessages",
        what="List the request messages of a stored chat completion.",
        response=ListPage,
        parameters=page_parameters("asc"),
    )
    async def get(self, request: HttpRequest, completion: str) -> HttpResponse:
        """List the request's messages, by default in order; the id of a message is the completion's id and an index."""
        query = parse_list_query(self.query_pairs(request), order="asc")
        messages = await self.services.store.read(completion_messages, self.caller.owner_id, completion)
        if messages is None:
            raise _missing(completion)
        listed = [_message(message, f"{completion}-{number}") for number, message in enumerate(messages)]
        return json_response(page_of(listed if query.order == "asc" else listed[::-1], query))


def _message(message: dict[str, Any], message_id: str) -> dict[str, Any]:
    """Return a message in the form of the list: its text in `content`, a list of parts in `content_parts`."""
    content, parts = message.get("content"), None
    if isinstance(content, list):
        parts = content
        content = "".join(part["text"] for part in content if part.get("type") == "text")
    return {"name": None, **message, "id": message_id, "content": content, "content_parts": parts}


def _or_404(found: dict[str, Any] | None, completion: str) -> dict[str, Any]:
    if found is None:
        raise _missing(completion)
    return found


def _missing(completion: str) -> NotFoundError:
    return NotFoundError(f"Chat completion with id '{completion[:100]}' not found.", param="completion_id")
