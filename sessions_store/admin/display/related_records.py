"""The records of an assistant message in a transcript: its usage record with cost and latency, response, stored
completion and conversation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.urls import reverse

from sessions_store.admin.display.formats import milliseconds, usd
from sessions_store.models import Conversation, Message, StoredCompletion, StoredResponse, UsageRecord

# (model, column with the message, label)
KINDS: tuple[tuple[Any, str, str], ...] = (
    (UsageRecord, "answer", "Request"),
    (StoredResponse, "answer", "Response"),
    (StoredCompletion, "answer", "Stored completion"),
    (Conversation, "head", "Conversation"),
)


class Viewer(Protocol):
    """An operator."""

    def has_perm(self, perm: str) -> bool:
        """Whether the operator has a permission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLink:
    """A link to one record of an assistant message."""

    label: str
    detail: str
    address: str


def record_links(
    messages: Sequence[Message], viewer: Viewer, own: Mapping[UUID, UsageRecord], conversation: str = ""
) -> dict[UUID, list[RecordLink]]:
    """Return the links of each message: one per kind that the viewer may see.

    The record is that of the request in `own` or of the conversation `conversation`, else the newest: a repeated
    assistant message may have very many records. One query, and one more per kind.
    """
    answers = [message.pk for message in messages if message.role == "assistant"]
    links: dict[UUID, list[RecordLink]] = {key: [] for key in answers}
    kinds = [kind for kind in KINDS if viewer.has_perm(f"sessions_store.view_{kind[0]._meta.model_name}")]
    newest = _newest(answers, kinds)
    requests = {record.request_id for record in own.values()}
    for model, column, label in kinds:
        name = model._meta.model_name
        chosen = {getattr(found, f"{column}_id"): found for found in model.objects.filter(pk__in=newest[name])}
        if model is UsageRecord:
            chosen |= own
        elif model is Conversation:
            mine = model.objects.filter(public_id=conversation) if conversation else ()
            chosen |= {found.head_id: found for found in mine}
        elif requests:
            chosen |= {found.answer_id: found for found in model.objects.filter(request_id__in=requests)}
        for key in answers:
            if found := chosen.get(key):
                address = reverse(f"admin:sessions_store_{name}_change", args=[found.pk])
                links[key].append(RecordLink(label=label, detail=_detail(found), address=address))
    return links


def _newest(answers: Sequence[UUID], kinds: Sequence[tuple[Any, str, str]]) -> dict[str, list[int]]:
    """Return the ids of each message's newest record by kind, one index lookup each."""
    last = [
        Subquery(model.objects.filter(**{column: OuterRef("pk")}).order_by("-pk").values("pk")[:1])
        for model, column, _ in kinds
    ]
    rows = list(Message.objects.filter(pk__in=answers).values_list(*last)) if last else []
    return {
        model._meta.model_name: [row[at] for row in rows if row[at] is not None]
        for at, (model, _, _) in enumerate(kinds)
    }


def _detail(found: Any) -> str:
    if isinstance(found, UsageRecord):
        return f"{usd(found.cost_nano)}, {milliseconds(found.latency_ms)}"
    return str(found.public_id)
