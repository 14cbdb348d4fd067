"""Reads stored items, and counts their uses down."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from django.db.models import F

from sessions_store.database.cursors import read_rows
from sessions_store.database.sql import CHUNK, from_texts, octets, within, within_ids
from sessions_store.models import StoredItem

ItemKey = TypeVar("ItemKey")

_BODIES = "SELECT id, body FROM sessions_store_storeditem WHERE {among}"
_SIZES_BY_KEY = "SELECT id, {size} FROM sessions_store_storeditem WHERE {among}"
_SIZES = "SELECT item_id, {size} FROM sessions_store_storeditem WHERE principal_id = %s AND {among}"
_BY_ID = "SELECT item_id, body FROM sessions_store_storeditem WHERE principal_id = %s AND {among}"


def bodies(keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return stored items by key."""
    if not keys:
        return {}
    rows = read_rows(_BODIES.format(among=within_ids("id")), [from_texts(keys)])
    return {key: orjson.loads(body) for key, body in rows}


def item_sizes(principal_id: int, item_ids: Sequence[str]) -> dict[str, int]:
    """Return the size in bytes of a principal's items by item id; unknown ids are absent."""
    sizes = _SIZES.format(size=octets("body"), among=within("item_id"))
    return dict(read_rows(sizes, [principal_id, from_texts(item_ids)]))


def sizes_of(keys: Sequence[str]) -> dict[str, int]:
    """Return the size in bytes of stored items by key."""
    statement = _SIZES_BY_KEY.format(size=octets("body"), among=within_ids("id"))
    return dict(read_rows(statement, [from_texts(keys)]))


def fitting(keys: Sequence[ItemKey], sizes: Mapping[ItemKey, int], max_bytes: int) -> Sequence[ItemKey]:
    """Return the first keys with a total of at most `max_bytes`, at least one."""
    size = 0
    for number, key in enumerate(keys):
        size += sizes.get(key, 0)
        if number and size > max_bytes:
            return keys[:number]
    return keys


def find_items(principal_id: int, item_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return a principal's items by item id, for item references; unknown ids are absent."""
    if not item_ids:
        return {}
    rows = read_rows(_BY_ID.format(among=within("item_id")), [principal_id, from_texts(item_ids)])
    return {item_id: orjson.loads(body) for item_id, body in rows}


def release(keys: Iterable[str]) -> None:
    """Decrement the uses of items, once per occurrence in `keys`, and delete items without uses."""
    by_count: dict[int, list[str]] = {}
    for key, count in Counter(keys).items():
        by_count.setdefault(count, []).append(key)
    for count, held in by_count.items():
        held.sort()
        for start in range(0, len(held), CHUNK):
            chunk = held[start : start + CHUNK]
            StoredItem.objects.filter(pk__in=chunk).update(uses=F("uses") - count)
            StoredItem.objects.filter(pk__in=chunk, uses__lte=0).delete()
