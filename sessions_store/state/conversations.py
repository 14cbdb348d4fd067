"""Conversations of one principal: their items, their head in the tree, and edits by the client.

Functions that write run in the store's transaction and lock the conversation first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db.models import Q, QuerySet

from sessions_store.database.cursors import hot_cursor, read_rows
from sessions_store.database.sql import octets
from sessions_store.erasing.erasure import erase_exchanges
from sessions_store.models import Conversation, ConversationItem, UsageRecord
from sessions_store.state.items import bodies, fitting, release, sizes_of
from sessions_store.transcript.canonical import NodeKey
from sessions_store.transcript.reading import key_of
from sessions_store.writing.state_records import ConversationVersion, NewItem
from sessions_store.writing.state_writer import INSERT_CONVERSATION_ITEMS, write_items

_ITEMS_SIZE = """
SELECT SUM({size}) FROM sessions_store_conversationitem place
  JOIN sessions_store_storeditem item ON item.id = place.item_id WHERE place.conversation_id = %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundConversation:
    """A conversation; `head` is None if its messages must be built from the items."""

    id: int
    public_id: str
    head: NodeKey | None
    metadata: dict[str, str]
    settings: str
    version: int
    empty: bool
    created_at: datetime

    @property
    def lock_version(self) -> ConversationVersion:
        """The version that a response checks when it appends to this conversation."""
        return ConversationVersion(id=self.id, version=self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPage:
    """A page of a conversation's items; `more` is True if further items follow."""

    items: list[dict[str, Any]]
    more: bool


def create_conversation(
    principal_id: int, public_id: str, metadata: Mapping[str, str], items: Sequence[NewItem], now: datetime
) -> FoundConversation:
    """Create a conversation with its first items."""
    row = Conversation.objects.create(
        public_id=public_id, principal_id=principal_id, metadata=dict(metadata), created_at=now, last_active_at=now
    )
    if items:
        _append(row, items, now)
    return _found(row)


def find_conversation(principal_id: int, public_id: str) -> FoundConversation | None:
    """Return a conversation of this principal; None if there is none, or if another principal owns it."""
    row = Conversation.objects.filter(principal_id=principal_id, public_id=public_id).first()
    return None if row is None else _found(row)


def update_conversation(principal_id: int, public_id: str, metadata: Mapping[str, str]) -> FoundConversation | None:
    """Replace a conversation's metadata; None if there is no such conversation."""
    row = _locked(principal_id, public_id)
    if row is None:
        return None
    row.metadata = dict(metadata)
    row.save(update_fields=["metadata"])
    return _found(row)


def delete_conversation(principal_id: int, public_id: str) -> bool:
    """Erase a conversation and the content without other uses; False if there is no such conversation.

    As in OpenAI's API, the responses of the conversation stay.
    """
    row = _locked(principal_id, public_id)
    if row is None:
        return False
    items = _keys(ConversationItem.objects.filter(conversation=row))
    head = row.head_id
    row.delete()
    release(items)
    if head is not None:
        erase_exchanges(UsageRecord.objects.none(), also=[head])
    return True


def add_items(
    principal_id: int, public_id: str, items: Sequence[NewItem], now: datetime
) -> list[dict[str, Any]] | None:
    """Append a client's items and return them; None if there is no such conversation."""
    row = _locked(principal_id, public_id)
    if row is None:
        return None
    _append(row, items, now)
    return [orjson.loads(item.body) for item in items]


def list_items(
    principal_id: int, public_id: str, *, after: str | None, limit: int, newest: bool, max_bytes: int
) -> ItemPage | None:
    """Return the page of items after the item `after`: at most `max_bytes`, at least one item.

    Returns None if there is no such conversation or item.
    """
    row = Conversation.objects.filter(principal_id=principal_id, public_id=public_id).first()
    if row is None:
        return None
    places = ConversationItem.objects.filter(conversation=row).order_by("-position" if newest else "position")
    if after is not None:
        at = _place(row, after)
        if at is None:
            return None
        places = places.filter(position__lt=at.position) if newest else places.filter(position__gt=at.position)
    keys = _keys(places[: limit + 1])
    listed = fitting(keys[:limit], sizes_of(keys[:limit]), max_bytes)
    found = bodies(listed)
    return ItemPage(items=[found[key] for key in listed], more=len(keys) > len(listed))


def items_size(conversation_id: int) -> int:
    """Return the size of all items of a conversation in bytes."""
    [(size,)] = read_rows(_ITEMS_SIZE.format(size=octets("item.body")), [conversation_id])
    return int(size or 0)


def all_items(conversation_id: int) -> list[dict[str, Any]]:
    """Return all items of a conversation, oldest first."""
    places = ConversationItem.objects.filter(conversation_id=conversation_id).order_by("position")
    keys = _keys(places)
    found = bodies(keys)
    return [found[key] for key in keys if key in found]


def find_item(principal_id: int, public_id: str, item_id: str) -> dict[str, Any] | None:
    """Return one item of a conversation; None if there is no such item."""
    row = Conversation.objects.filter(principal_id=principal_id, public_id=public_id).first()
    place = None if row is None else _place(row, item_id)
    return None if place is None else bodies([place.item_id.hex])[place.item_id.hex]


def delete_item(principal_id: int, public_id: str, item_id: str) -> FoundConversation | None:
    """Remove one item and return the conversation; None if there is no such conversation or item."""
    row = _locked(principal_id, public_id)
    place = None if row is None else _place(row, item_id)
    if row is None or place is None:
        return None
    key = place.item_id.hex
    place.delete()
    release([key])
    _changed(row)
    return _found(row)


def _append(row: Conversation, items: Sequence[NewItem], now: datetime) -> None:
    with hot_cursor() as cursor:
        uses = {item: items.count(item) for item in items}
        write_items(cursor, uses, dict.fromkeys(items, row.principal_id))
        places = [[row.pk, row.next_position + number, item.id] for number, item in enumerate(items)]
        INSERT_CONVERSATION_ITEMS.run(cursor, places)
    row.next_position += len(items)
    row.last_active_at = now
    _changed(row)


def _changed(row: Conversation) -> None:
    """Reset head and settings after an edit of the items: the next response builds both from the items.

    Messages without other uses than the old head are erased.
    """
    left, row.head, row.settings = row.head_id, None, "[]"
    row.version += 1
    row.save(update_fields=["next_position", "last_active_at", "head", "version", "settings"])
    if left is not None:
        erase_exchanges(UsageRecord.objects.none(), also=[left])


def _locked(principal_id: int, public_id: str) -> Conversation | None:
    rows = Conversation.objects.select_for_update().filter(principal_id=principal_id, public_id=public_id)
    return rows.first()


def _keys(places: QuerySet[ConversationItem]) -> list[str]:
    """Return the keys of the stored items at these positions."""
    return [key.hex for key in places.values_list("item_id", flat=True)]


def _place(row: Conversation, item_id: str) -> ConversationItem | None:
    """Return the position of an item; the last position if a client added the item twice."""
    places = ConversationItem.objects.filter(Q(conversation=row) & Q(item__item_id=item_id))
    return places.order_by("-position").first()


def _found(row: Conversation) -> FoundConversation:
    return FoundConversation(
        id=row.pk,
        public_id=row.public_id,
        head=key_of(row.head_id),
        metadata=row.metadata,
        settings=row.settings,
        version=row.version,
        empty=row.next_position == 0,
        created_at=row.created_at,
    )
