"""`/v1/conversations` and their items (https://platform.openai.com/docs/api-reference/conversations)."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from api.auth.key_settings import require_storage
from api.errors import NotFoundError
from api.exchange.ids import conversation_id
from api.exchange.responses.continuation import conversation_not_found, find_or_404
from api.exchange.responses.items import stored_items
from api.exchange.responses.retrieval import unknown_after
from api.http.view import GatewayView, json_body, json_response
from api.openai.conversations.objects import Conversation, Deleted, ListPage, list_page
from api.openai.conversations.requests import (
    ConversationCreate,
    ItemsCreate,
    MetadataUpdate,
    parse_conversation_create,
    parse_items_create,
    parse_metadata_update,
)
from api.openai.shared.list_query import parse_list_query
from api.views.operation import Operation, page_parameters
from sessions_store.state.conversations import (
    FoundConversation,
    add_items,
    create_conversation,
    delete_conversation,
    delete_item,
    find_item,
    list_items,
    update_conversation,
)


class ConversationsView(GatewayView):
    """Create a conversation."""

    family = "conversations"

    @Operation(
        name="createConversation",
        gives=("conversation", "/id"),
        what="Create a conversation, with the first items if the request has any.",
        body=ConversationCreate,
        optional=True,
        response=Conversation,
    )
    async def post(self, request: HttpRequest) -> HttpResponse:
        """Create the conversation, with its first items if the request has any."""
        require_storage(self.caller.policy, "conversation")
        parsed = self.noted(parse_conversation_create(await json_body(request)))
        principal_id, public_id = self.caller.owner_id, conversation_id()
        items = stored_items(principal_id, parsed.items or (), after=public_id)
        created = await self.services.store.write(
            create_conversation, principal_id, public_id, parsed.metadata or {}, items, datetime.now(UTC)
        )
        return json_response(_conversation(created))


class ConversationView(GatewayView):
    """One conversation."""

    family = "conversations"

    @Operation(name="getConversation", what="Return a conversation.", response=Conversation)
    async def get(self, request: HttpRequest, conversation: str) -> HttpResponse:
        """Return the conversation."""
        return json_response(_conversation(await find_or_404(self.services, self.caller.owner_id, conversation)))

    @Operation(
        name="updateConversation",
        what="Set the metadata of a conversation.",
        body=MetadataUpdate,
        response=Conversation,
    )
    async def post(self, request: HttpRequest, conversation: str) -> HttpResponse:
        """Set the conversation's metadata."""
        require_storage(self.caller.policy, "conversation")
        metadata = self.noted(parse_metadata_update(await json_body(request))).metadata or {}
        updated = await self.services.store.write(update_conversation, self.caller.owner_id, conversation, metadata)
        if updated is None:
            raise conversation_not_found(conversation)
        return json_response(_conversation(updated))

    @Operation(name="deleteConversation", what="Delete a conversation; its responses stay.", response=Deleted)
    async def delete(self, request: HttpRequest, conversation: str) -> HttpResponse:
        """Delete the conversation; its responses stay."""
        if not await self.services.store.write(delete_conversation, self.caller.owner_id, conversation):
            raise conversation_not_found(conversation)
        body: Deleted = {"id": conversation, "object": "conversation.deleted", "deleted": True}
        return json_response(body)


class ConversationItemsView(GatewayView):
    """The items of a conversation."""

    family = "conversations"

    @Operation(
        name="listConversationItems",
        what="List the items of a conversation, newest first.",
        response=ListPage,
        parameters=page_parameters("desc"),
    )
    async def get(self, request: HttpRequest, conversation: str) -> HttpResponse:
        """List the items, by default the newest first."""
        query = parse_list_query(self.query_pairs(request))
        principal_id = self.caller.owner_id
        page = await self.services.store.read(
            list_items,
            principal_id,
            conversation,
            after=query.after,
            limit=query.limit,
            newest=query.order == "desc",
            max_bytes=settings.MAX_BODY_BYTES,
        )
        if page is None:
            await find_or_404(self.services, principal_id, conversation)
            raise unknown_after(query.after or "")
        return json_response(list_page(page.items, has_more=page.more))

    @Operation(
        name="createConversationItems",
        gives=("item", "/data/0/id"),
        what="Append items to a conversation and return the items.",
        body=ItemsCreate,
        response=ListPage,
    )
    async def post(self, request: HttpRequest, conversation: str) -> HttpResponse:
        """Append items and return them."""
        require_storage(self.caller.policy, "conversation")
        parsed = self.noted(parse_items_create(await json_body(request)))
        principal_id = self.caller.owner_id
        found = await find_or_404(self.services, principal_id, conversation)
        items = stored_items(principal_id, parsed.items, after=f"{conversation}.{found.version}")
        added = await self.services.store.write(add_items, principal_id, conversation, items, datetime.now(UTC))
        if added is None:
            raise conversation_not_found(conversation)
        return json_response(list_page(added, has_more=False))


class ConversationItemView(GatewayView):
    """One item of a conversation."""

    family = "conversations"

    @Operation(name="getConversationItem", what="Return an item of a conversation.", response=dict[str, Any])
    async def get(self, request: HttpRequest, conversation: str, item: str) -> HttpResponse:
        """Return the item."""
        found = await self.services.store.read(find_item, self.caller.owner_id, conversation, item)
        if found is None:
            raise await self._missing(conversation, item)
        return json_response(found)

    @Operation(
        name="deleteConversationItem",
        what="Delete an item of a conversation and return the conversation.",
        response=Conversation,
    )
    async def delete(self, request: HttpRequest, conversation: str, item: str) -> HttpResponse:
        """Delete the item and return the conversation, like OpenAI."""
        changed = await self.services.store.write(delete_item, self.caller.owner_id, conversation, item)
        if changed is None:
            raise await self._missing(conversation, item)
        return json_response(_conversation(changed))

    async def _missing(self, conversation: str, item: str) -> NotFoundError:
        await find_or_404(self.services, self.caller.owner_id, conversation)
        return NotFoundError(f"Item with id '{item[:100]}' not found in conversation.", param="item_id")


def _conversation(found: FoundConversation) -> Conversation:
    return {
        "id": found.public_id,
        "object": "conversation",
        "created_at": int(found.created_at.timestamp()),
        "metadata": found.metadata,
    }
