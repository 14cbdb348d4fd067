"""Stored chat completions of one principal: list by filters, find, read messages, update metadata, delete."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sessions_store.database.cursors import is_sqlite, read_rows
from sessions_store.database.sql import octets
from sessions_store.erasing.erasure import erase_exchanges
from sessions_store.erasing.stored_objects import drop_stored
from sessions_store.models import StoredCompletion, UsageRecord
from sessions_store.state.items import bodies, fitting
from sessions_store.transcript.history import messages_to

_LIST = """
SELECT id, {size} FROM sessions_store_storedcompletion
 WHERE principal_id = %s AND (%s = '' OR model = %s) {filters} {behind} ORDER BY id {order} LIMIT %s
"""
_SQLITE_PAIR = "AND EXISTS (SELECT 1 FROM json_each(metadata) WHERE key = %s AND value = %s)"
_POSTGRES_PAIR = "AND metadata ->> %s = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionQuery:
    """Filters and page of a list of stored completions.

    `after`: the id of the previous page's last completion. `max_bytes`: limit of a page, which holds at least one
    completion.
    """

    model: str = ""
    metadata: Mapping[str, str]
    after: str | None = None
    limit: int
    max_bytes: int
    newest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionPage:
    """Completions with their metadata; `more` is True if further completions follow."""

    completions: list[dict[str, Any]]
    more: bool


def list_completions(principal_id: int, query: CompletionQuery) -> CompletionPage | None:
    """Return a page; None if there is no completion `after`."""
    parameters: list[Any] = [principal_id, query.model, query.model]
    for pair in query.metadata.items():
        parameters += pair
    behind = ""
    if query.after is not None:
        at = _row(principal_id, query.after)
        if at is None:
            return None
        behind = f"AND id {'<' if query.newest else '>'} %s"
        parameters.append(at.pk)
    pair_filter = _SQLITE_PAIR if is_sqlite() else _POSTGRES_PAIR
    statement = _LIST.format(
        size=octets("body"),
        filters=" ".join([pair_filter] * len(query.metadata)),
        behind=behind,
        order="DESC" if query.newest else "ASC",
    )
    rows = read_rows(statement, [*parameters, query.limit + 1])
    sizes = dict(rows[: query.limit])
    listed = fitting(list(sizes), sizes, query.max_bytes)
    read = StoredCompletion.objects.filter(pk__in=listed).values_list("pk", "body", "metadata")
    found = {pk: _completion(body, metadata) for pk, body, metadata in read}
    return CompletionPage(completions=[found[pk] for pk in listed if pk in found], more=len(rows) > len(listed))


def find_completion(principal_id: int, public_id: str) -> dict[str, Any] | None:
    """Return a stored completion with its metadata; None if there is no such completion."""
    row = _row(principal_id, public_id)
    return None if row is None else _completion(row.body, row.metadata)


def completion_messages(principal_id: int, public_id: str) -> list[dict[str, Any]] | None:
    """Return the messages of a completion's request, oldest first; None if there is no such completion.

    Rows without stored request messages (older than that column) give the messages of the transcript tree.
    """
    row = _row(principal_id, public_id)
    if row is None:
        return None
    if row.input_items:
        found = bodies(row.input_items)
        return [found[key] for key in row.input_items if key in found]
    if row.message_id is None:
        return []
    return messages_to(row.message_id, row.message_count)


def update_completion(principal_id: int, public_id: str, metadata: Mapping[str, str]) -> dict[str, Any] | None:
    """Replace a completion's metadata and return the completion; None if there is no such completion."""
    row = _row(principal_id, public_id)
    if row is None:
        return None
    row.metadata = dict(metadata)
    row.save(update_fields=["metadata"])
    return _completion(row.body, row.metadata)


def delete_completion(principal_id: int, public_id: str) -> bool:
    """Erase a completion and the messages without other uses; its usage record stays. False if there is no such
    completion.
    """
    row = _row(principal_id, public_id)
    if row is None:
        return False
    delete_completions([row.request_id])
    return True


def delete_completions(request_ids: Sequence[str]) -> None:
    """Erase the completions of these requests and the messages without other uses."""
    erase_exchanges(UsageRecord.objects.filter(request_id__in=request_ids))
    drop_stored(request_ids)


def _row(principal_id: int, public_id: str) -> StoredCompletion | None:
    return StoredCompletion.objects.filter(principal_id=principal_id, public_id=public_id).first()


def _completion(body: str, metadata: Any) -> dict[str, Any]:
    pairs = orjson.loads(metadata) if isinstance(metadata, str) else metadata
    completion: dict[str, Any] = orjson.loads(body)
    completion["metadata"] = pairs
    return completion
