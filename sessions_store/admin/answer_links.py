"""What an answer in a transcript belongs to: its usage record with cost and latency, and the response, the stored
completion and the conversation that stand at it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.urls import reverse

from sessions_store.admin.formats import milliseconds, usd
from sessions_store.models import Conversation, Message, StoredCompletion, StoredResponse, UsageRecord

# (name in the query, model, the column that points to the message, what operators call it)
KINDS: tuple[tuple[str, Any, str, str], ...] = (
    ("used", UsageRecord, "answer", "Usage record"),
    ("responded", StoredResponse, "answer", "Response"),
    ("stored", StoredCompletion, "answer", "Stored completion"),
    ("held", Conversation, "head", "Conversation"),
)


class Viewer(Protocol):
    """An operator."""

    def has_perm(self, perm: str) -> bool:
        """Whether the operator has a right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLink:
    """One thing that stands at an answer."""

    label: str
    detail: str
    address: str


def answer_links(messages: Sequence[Message], viewer: Viewer) -> dict[UUID, list[AnswerLink]]:
    """Return the links of each message, the newest of each kind, of the kinds that the viewer may see.

    At most five queries. A message may have millions of usage records: the same was asked and answered again.
    """
    kinds = [kind for kind in KINDS if viewer.has_perm(f"sessions_store.view_{kind[1]._meta.model_name}")]
    if not kinds:
        return {}
    newest = {
        name: Subquery(model.objects.filter(**{column: OuterRef("pk")}).order_by("-id").values("pk")[:1])
        for name, model, column, _ in kinds
    }
    answers = [message.pk for message in messages if message.role == "assistant"]
    rows: list[Any] = list(Message.objects.filter(pk__in=answers).values("pk", **newest))
    links: dict[UUID, list[AnswerLink]] = {row["pk"]: [] for row in rows}
    for name, model, _, label in kinds:
        wanted = {row[name]: row["pk"] for row in rows if row[name] is not None}
        for found in model.objects.filter(pk__in=wanted):
            address = reverse(f"admin:sessions_store_{model._meta.model_name}_change", args=[found.pk])
            links[wanted[found.pk]].append(AnswerLink(label=label, detail=_detail(found), address=address))
    return links


def _detail(found: Any) -> str:
    if isinstance(found, UsageRecord):
        return f"{usd(found.cost_nano)}, {milliseconds(found.latency_ms)}"
    return str(found.public_id)
