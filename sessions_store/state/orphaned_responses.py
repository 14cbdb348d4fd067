"""Background responses of a dead worker: marked as failed, with an estimated usage record.

Gemini's token counts were in the worker's memory, so the tokens are estimated from the size of input and events.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from django.conf import settings
from django.db import transaction

from sessions_store.catalogue import loaded
from sessions_store.models import Conversation, Project, ResponseEvents, StoredResponse, UsageRecord
from sessions_store.state.items import bodies
from sessions_store.transcript.canonical import NodeKey
from sessions_store.transcript.history import history_to
from sessions_store.transcript.reading import key_of
from sessions_store.transcript.values import BYTES_PER_TOKEN
from sessions_store.writing.records import ExchangeRecord, UsageRow
from sessions_store.writing.state_records import ACTIVE
from sessions_store.writing.writer import write_records

LOST: Final = "The server stopped before this response was complete."
LOST_CODE: Final = "server_lost"
_SENT: Final = ("instructions", "tools", "text")


def fail_lost(now: datetime, lease: timedelta) -> int:
    """Fail the responses whose worker has died; return their number."""
    lost = StoredResponse.objects.filter(status__in=ACTIVE, heartbeat_at__lt=now - lease)
    return sum(
        fail_response(*found, now) for found in list(lost.values_list("principal_id", "public_id").order_by("pk"))
    )


def fail_response(principal_id: int, public_id: str, now: datetime) -> bool:
    """Fail one response whose worker has died, and record its estimated usage; False if the
    response has ended already.
    """
    with transaction.atomic():
        row = StoredResponse.objects.select_for_update().filter(principal_id=principal_id, public_id=public_id).first()
        if row is None or row.status not in ACTIVE:
            return False
        usage = _usage(row, now)
        error = {"code": "server_error", "message": LOST}
        row.status, row.completed_at = "failed", now
        row.body = orjson.dumps(orjson.loads(row.body) | {"status": "failed", "error": error}).decode()
        row.save(update_fields=["status", "completed_at", "body"])
        # The worker may have died between the usage record and the response's last update.
        if not UsageRecord.objects.filter(request_id=row.request_id).exists():
            write_records([ExchangeRecord(usage=usage)])
    return True


def _usage(row: StoredResponse, now: datetime) -> UsageRow:
    """Return the estimated usage record of a lost response. A queued response had no upstream call."""
    body = orjson.loads(row.body)
    resolution = loaded.snapshot().resolve(row.model, today=row.created_at.date())
    called_upstream = row.status != "queued"
    prompt = _prompt_tokens(row, body) if called_upstream else 0
    completion = _output_bytes(row.pk) // BYTES_PER_TOKEN
    return UsageRow(
        request_id=row.request_id,
        principal_id=row.principal_id,
        owner_id=row.principal_id,
        project_id=Project.objects.filter(storage_id=row.principal_id).values_list("pk", flat=True).first(),
        endpoint="responses",
        status=UsageRecord.Status.INTERNAL_ERROR,
        http_status=500,
        error_code=LOST_CODE,
        started_at=row.created_at,
        user=row.user,
        public_model=row.model,
        upstream_model=resolution.upstream if resolution is not None else "",
        upstream=settings.GEMINI_UPSTREAM,
        stream=True,
        attempts=int(called_upstream),
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        estimated=called_upstream,
        metadata=body.get("metadata") or {},
        latency_ms=round(((row.heartbeat_at or now) - row.created_at) / timedelta(milliseconds=1)),
    )


def _prompt_tokens(row: StoredResponse, body: dict[str, Any]) -> int:
    """Return the estimated prompt tokens: the history, the response's own input, its instructions, tools and format."""
    history = sum(message.tokens for message in history_to(head).path) if (head := _head(row)) is not None else 0
    items = bodies(row.input_items)
    own = [items[key] for key in items]
    return history + _size([*own, *(body.get(name) or "" for name in _SENT)]) // BYTES_PER_TOKEN


def _head(row: StoredResponse) -> NodeKey | None:
    if row.previous_id:
        before = StoredResponse.objects.filter(principal_id=row.principal_id, public_id=row.previous_id)
        return key_of(before.values_list("answer_id", flat=True).order_by().first())
    if row.conversation_id is None:
        return None
    conversations = Conversation.objects.filter(pk=row.conversation_id)
    return key_of(conversations.values_list("head_id", flat=True).order_by().first())


def _output_bytes(response_id: int) -> int:
    """Return the size in bytes of the output text in the stored events."""
    batches = ResponseEvents.objects.filter(response_id=response_id).values_list("body", flat=True).order_by()
    events = [orjson.loads(line) for batch in batches for line in batch.split("\n")]
    return sum(len(event["delta"].encode()) for event in events if isinstance(event.get("delta"), str))


def _size(values: Iterable[Any]) -> int:
    return sum(len(orjson.dumps(value)) for value in values)
