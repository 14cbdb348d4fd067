"""Stored responses of one principal: find, list items, cancel, delete; and the state of background responses."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction

from sessions_store.database.cursors import hot_cursor, read_rows
from sessions_store.database.sql import to_datetime
from sessions_store.erasing.erasure import erase_exchanges
from sessions_store.erasing.stored_objects import drop_stored
from sessions_store.models import ResponseEvents, StoredResponse, UsageRecord
from sessions_store.state.items import bodies
from sessions_store.transcript.canonical import NodeId, NodeKey
from sessions_store.writing.records import COMPACTION_SUFFIX
from sessions_store.writing.state_records import ACTIVE, EventBatch, ResponseState, given_call_ids
from sessions_store.writing.state_writer import INSERT_RESPONSES, response_row, write_items

MOST_ANSWERS = 1000

_FIND = """
SELECT response.id, response.public_id, response.status, response.background, response.body,
       COALESCE(answer.key, response.answer_id), response.input_items, response.output_items, response.settings,
       response.heartbeat_at, response.completed_at
  FROM sessions_store_storedresponse response LEFT JOIN sessions_store_message answer ON answer.id = response.answer_id
 WHERE response.principal_id = %s AND response.public_id = %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundResponse:
    """A stored response: `body` is the object without its output; inputs and outputs are keys of stored items."""

    id: int
    public_id: str
    status: str
    background: bool
    body: dict[str, Any]
    answer: NodeKey | None
    inputs: Sequence[str]
    outputs: Sequence[str]
    settings: str
    heartbeat_at: datetime | None
    completed_at: datetime | None

    @property
    def active(self) -> bool:
        """Whether the response is queued or in progress."""
        return self.status in ACTIVE

    def lost(self, now: datetime, lease: timedelta) -> bool:
        """Whether the response is active but its worker has died: no heartbeat within `lease`."""
        return self.active and (self.heartbeat_at is None or now - self.heartbeat_at > lease)


def find_response(principal_id: int, public_id: str) -> FoundResponse | None:
    """Return a response of this principal; None if there is none, or if another principal owns it."""
    rows = read_rows(_FIND, [principal_id, public_id])
    return _found(rows[0]) if rows else None


def read_response(principal_id: int, public_id: str) -> tuple[FoundResponse, list[dict[str, Any]]] | None:
    """Return a response and its output items; None if there is no such response."""
    found = find_response(principal_id, public_id)
    if found is None:
        return None
    items = bodies(found.outputs)
    return found, [items[key] for key in found.outputs if key in items]


def read_inputs(principal_id: int, public_id: str) -> list[dict[str, Any]] | None:
    """Return a response's own input items, oldest first; None if there is no such response."""
    found = find_response(principal_id, public_id)
    if found is None:
        return None
    items = bodies(found.inputs)
    return [items[key] for key in found.inputs if key in items]


def calls_given(principal_id: int, node: NodeId, previous_id: str, conversation_id: int | None) -> list[str]:
    """Return the call ids of an assistant message in the output of the response that the client continues.

    Several responses may share the message: the response of the conversation, else the one with id `previous_id`, else
    the newest.
    """
    rows = StoredResponse.objects.filter(principal_id=principal_id, answer_id=UUID(node)).order_by("-pk")
    if conversation_id is not None:
        rows = rows.filter(conversation_id=conversation_id)
    found = list(rows.values_list("public_id", "output_items")[:MOST_ANSWERS])
    if not found:
        return []
    outputs = next((outputs for public_id, outputs in found if public_id == previous_id), found[0][1])
    items = bodies(outputs)
    return given_call_ids(items[key] for key in outputs if key in items)


def begin_response(state: ResponseState) -> None:
    """Store a response before it runs; runs in a transaction of its own."""
    with hot_cursor() as cursor:
        write_items(
            cursor,
            {item: state.inputs.count(item) for item in state.inputs},
            dict.fromkeys(state.inputs, state.principal_id),
        )
        INSERT_RESPONSES.run(cursor, [response_row(state, {})])


def end_response(
    principal_id: int, public_id: str, status: str, changes: dict[str, Any], now: datetime
) -> FoundResponse | None:
    """End an active response with `changes` to its body, and return the response; None if there is no such response.

    An ended response stays unchanged.
    """
    with transaction.atomic():
        row = StoredResponse.objects.select_for_update().filter(principal_id=principal_id, public_id=public_id).first()
        if row is not None and row.status in ACTIVE:
            row.status, row.completed_at = status, now
            row.body = orjson.dumps(orjson.loads(row.body) | {"status": status} | changes).decode()
            row.save(update_fields=["status", "completed_at", "body"])
    return find_response(principal_id, public_id)


def start_response(public_id: str) -> None:
    """Mark a queued response as in progress."""
    with transaction.atomic():
        row = StoredResponse.objects.select_for_update().filter(public_id=public_id, status="queued").first()
        if row is not None:
            row.status = "in_progress"
            row.body = orjson.dumps(orjson.loads(row.body) | {"status": "in_progress"}).decode()
            row.save(update_fields=["status", "body"])


def delete_response(principal_id: int, public_id: str) -> bool:
    """Erase a response and the content without other uses; its usage record stays. False if there
    is no such response.
    """
    return delete_responses(StoredResponse.objects.filter(principal_id=principal_id, public_id=public_id)) > 0


def delete_responses(responses: Iterable[StoredResponse]) -> int:
    """Erase responses and the content without other uses; return their number."""
    request_ids = [row.request_id for row in responses]
    summaries = [f"{request_id}{COMPACTION_SUFFIX}" for request_id in request_ids]
    with transaction.atomic():
        erase_exchanges(UsageRecord.objects.filter(request_id__in=[*request_ids, *summaries]))
        drop_stored(request_ids)  # an active response has no usage record yet
    return len(request_ids)


def erase_deleted(public_id: str, request_id: str) -> bool:
    """Erase the content of a response that was deleted while it ran; return whether it was. The caller opens the
    transaction.
    """
    deleted = not StoredResponse.objects.filter(public_id=public_id).exists()
    if deleted:
        erase_exchanges(UsageRecord.objects.filter(request_id__in=[request_id, f"{request_id}{COMPACTION_SUFFIX}"]))
    return deleted


def heartbeat(public_ids: Collection[str], now: datetime) -> set[str]:
    """Write the heartbeat of these responses; return the active ones: a cancelled response is absent."""
    running = StoredResponse.objects.filter(public_id__in=public_ids, status__in=ACTIVE)
    running.update(heartbeat_at=now)
    return set(running.values_list("public_id", flat=True).order_by())


def add_events(public_id: str, batch: EventBatch) -> None:
    """Store a batch of a running response's events; no effect if the response was deleted."""
    key = StoredResponse.objects.filter(public_id=public_id).values_list("pk", flat=True).order_by().first()
    if key is not None:
        ResponseEvents.objects.get_or_create(
            response_id=key, first=batch.first, defaults={"last": batch.last, "body": batch.body}
        )


def read_events(response_id: int, after: int) -> tuple[str, list[dict[str, Any]]]:
    """Return (status, events after sequence number `after`) of a response; the status is read before the events."""
    status = StoredResponse.objects.filter(pk=response_id).values_list("status", flat=True).order_by().first()
    batches = ResponseEvents.objects.filter(response_id=response_id, last__gt=after).order_by("first")
    found: list[dict[str, Any]] = []
    for first, body in batches.values_list("first", "body"):
        lines = body.split("\n")
        found += map(orjson.loads, lines[max(after + 1 - first, 0) :])
    return status or "", found


def last_event(response_id: int) -> str:
    """Return the type of the last stored event of a response, "" if there is none."""
    bodies_of = ResponseEvents.objects.filter(response_id=response_id).order_by("-first").values_list("body", flat=True)
    body = bodies_of.first()
    return "" if body is None else str(orjson.loads(body.rsplit("\n", 1)[-1])["type"])


def purge_events(before: datetime) -> int:
    """Erase the events of responses that ended before that time; return the number of batches."""
    return ResponseEvents.objects.filter(response__completed_at__lt=before).delete()[0]


def _found(row: tuple[Any, ...]) -> FoundResponse:
    return FoundResponse(
        id=row[0],
        public_id=row[1],
        status=row[2],
        background=bool(row[3]),
        body=orjson.loads(row[4]),
        answer=row[5],
        inputs=_keys(row[6]),
        outputs=_keys(row[7]),
        settings=row[8],
        heartbeat_at=None if row[9] is None else to_datetime(row[9]),
        completed_at=None if row[10] is None else to_datetime(row[10]),
    )


def _keys(value: Any) -> list[str]:
    return list(orjson.loads(value) if isinstance(value, str) else value)
