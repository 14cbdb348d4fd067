"""What an answer in a transcript belongs to: its usage record with cost and latency, and the response, the stored
completion and the conversation that stand at it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from django.db.models import Max
from django.urls import reverse

from sessions_store.admin.formats import milliseconds, usd
from sessions_store.models import Conversation, Message, StoredCompletion, StoredResponse, UsageRecord

# (model, the column that points to the message, what operators call it)
KINDS: tuple[tuple[Any, str, str], ...] = (
    (UsageRecord, "answer", "Usage record"),
    (StoredResponse, "answer", "Response"),
    (StoredCompletion, "answer", "Stored completion"),
    (Conversation, "head", "Conversation"),
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

    Two queries for each kind. An answer may have many usage records: the same was asked and answered again.
    """
    answers = [message.pk for message in messages if message.role == "assistant"]
    links: dict[UUID, list[AnswerLink]] = {key: [] for key in answers}
    for model, column, label in KINDS:
        name = model._meta.model_name
        if not viewer.has_perm(f"sessions_store.view_{name}"):
            continue
        at_answers = model.objects.filter(**{f"{column}__in": answers}).order_by()
        newest = dict(at_answers.values_list(column).annotate(newest=Max("pk")))
        for found in model.objects.filter(pk__in=newest.values()):
            address = reverse(f"admin:sessions_store_{name}_change", args=[found.pk])
            links[getattr(found, f"{column}_id")].append(
                AnswerLink(label=label, detail=_detail(found), address=address)
            )
    return links


def _detail(found: Any) -> str:
    if isinstance(found, UsageRecord):
        return f"{usd(found.cost_nano)}, {milliseconds(found.latency_ms)}"
    return str(found.public_id)
