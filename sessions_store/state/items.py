"""Reading stored items, and letting go of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from django.db.models import F

from sessions_store.database.cursors import read_rows
from sessions_store.database.sql import CHUNK, from_texts, octets, within, within_ids
from sessions_store.models import StoredItem

Key = TypeVar("Key")

_BODIES = "SELECT id, body FROM sessions_store_storeditem WHERE {among}"
_SIZES_BY_KEY = "SELECT id, {size} FROM sessions_store_storeditem WHERE {among}"
_SIZES = "SELECT item_id, {size} FROM sessions_store_storeditem WHERE principal_id = %s AND {among}"
_BY_ID = "SELECT item_id, body FROM sessions_store_storeditem WHERE principal_id = %s AND {among}"


def bodies(keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the stored items by their keys."""
    if not keys:
        return {}
    rows = read_rows(_BODIES.format(among=within_ids("id")), [from_texts(keys)])
    return {key: orjson.loads(body) for key, body in rows}


def item_sizes(principal_id: int, item_ids: Sequence[str]) -> dict[str, int]:
    """Return how many bytes a principal's items have; unknown ones are missing."""
    sizes = _SIZES.format(size=octets("body"), among=within("item_id"))
    return dict(read_rows(sizes, [principal_id, from_texts(item_ids)]))


def sizes_of(keys: Sequence[str]) -> dict[str, int]:
    """Return how many bytes stored items have, by their keys."""
    statement = _SIZES_BY_KEY.format(size=octets("body"), among=within_ids("id"))
    return dict(read_rows(statement, [from_texts(keys)]))


def fitting(keys: Sequence[Key], sizes: Mapping[Key, int], max_bytes: int) -> Sequence[Key]:
    """Return the first of these keys, as many as have no more than `max_bytes` together: one at least."""
    size = 0
    for number, key in enumerate(keys):
        size += sizes.get(key, 0)
        if number and size > max_bytes:
            return keys[:number]
    return keys


def find_items(principal_id: int, item_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what a principal's item ids stand for, for references; unknown ones are missing."""
    if not item_ids:
        return {}
    rows = read_rows(_BY_ID.format(among=within("item_id")), [principal_id, from_texts(item_ids)])
    return {item_id: orjson.loads(body) for item_id, body in rows}


def release(keys: Iterable[str]) -> None:
    """Count uses of items down, once for each time they are given; what nobody uses any more is erased."""
    by_count: dict[int, list[str]] = {}
    for key, count in Counter(keys).items():
        by_count.setdefault(count, []).append(key)
    for count, held in by_count.items():
        held.sort()
        for start in range(0, len(held), CHUNK):
            chunk = held[start : start + CHUNK]
            StoredItem.objects.filter(pk__in=chunk).update(uses=F("uses") - count)
            StoredItem.objects.filter(pk__in=chunk, uses__lte=0).delete()
