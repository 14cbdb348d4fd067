"""The scope of a transcript. Equal requests with equal completions share their messages: a session, a request or a
conversation selects its own usage records, and thereby its own model, for the assistant messages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import OuterRef, Subquery

from sessions_store.models import Message, StoredResponse, UsageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptScope:
    """A session (its id), a request or a conversation (their public ids); none of them selects all records."""

    session: int | None = None
    request: str = ""
    conversation: str = ""

    @classmethod
    def from_query(cls, query: Mapping[str, str], session: int | None) -> Self:
        """Return the scope in the query string of a page."""
        request, conversation = (
            text if (text := query.get(name, "")).isprintable() else "" for name in ("request", "conversation")
        )
        return cls(session=session, request=request, conversation=conversation)

    def query(self) -> str:
        """Return the query string of the scope for another page, "" for none."""
        named = {"session": self.session, "request": self.request, "conversation": self.conversation}
        given = {name: value for name, value in named.items() if value}
        return f"?{urlencode(given)}" if given else ""

    def records(self, answers: Sequence[UUID]) -> dict[UUID, UsageRecord]:
        """Return the scope's own usage record of each assistant message: two queries at most per selected object."""
        found: dict[UUID, UsageRecord] = {}
        if self.session is not None:
            own = UsageRecord.objects.filter(answer=OuterRef("pk"), session=self.session).order_by("-pk")
            newest = Message.objects.filter(pk__in=answers).annotate(own=Subquery(own.values("pk")[:1]))
            keys = [key for key in newest.values_list("own", flat=True) if key is not None]
            for record in UsageRecord.objects.filter(pk__in=keys):
                if record.answer_id is not None:
                    found[record.answer_id] = record
        if requests := self._requests(answers):
            for record in UsageRecord.objects.filter(request_id__in=requests).order_by("pk"):
                given = {record.answer_id, *(UUID(key) for key in record.more_answers)}
                found |= {key: record for key in answers if key in given}
        return found

    def _requests(self, answers: Sequence[UUID]) -> list[str]:
        if self.conversation:
            mine = StoredResponse.objects.filter(conversation__public_id=self.conversation, answer__in=answers)
            return [*mine.values_list("request_id", flat=True)]
        return [self.request] if self.request else []
