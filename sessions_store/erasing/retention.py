"""Erasure of content by age: responses, conversations, stored completions, chat sessions, single exchanges."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from sessions_store.erasing.erasure import erase_exchanges, erase_session
from sessions_store.erasing.request_bodies import drop_all_unreferenced
from sessions_store.models import ChatSession, Conversation, StoredResponse, UsageRecord
from sessions_store.state.conversations import delete_conversation
from sessions_store.state.responses import delete_responses

CHUNK = 200


def erase_before(before: datetime, *, report: Callable[[str, int], None]) -> None:
    """Erase content last used before that time, in chunks; usage records stay without content.

    `report` is called with a label and a count for each kind of content. Content in use by newer content stays.
    """
    report("chat sessions", _sessions(before))
    report("conversations", _conversations(before))
    report("requests", _exchanges(before))
    # The remaining responses have no usage record: their server died before the commit.
    report("unfinished responses", delete_responses(StoredResponse.objects.filter(created_at__lt=before)))
    report("request bodies", drop_all_unreferenced())


def _sessions(before: datetime) -> int:
    count = 0
    for key in ChatSession.objects.filter(last_active_at__lt=before).order_by("pk").values_list("pk", flat=True):
        count += erase_session(key)
    return count


def _conversations(before: datetime) -> int:
    count = 0
    old = Conversation.objects.filter(last_active_at__lt=before).order_by("pk")
    for principal_id, public_id in list(old.values_list("principal_id", "public_id")):
        with transaction.atomic():
            count += delete_conversation(principal_id, public_id)
    return count


def _exchanges(before: datetime) -> int:
    """Erase the content of exchanges with their stored responses and completions, except in active sessions."""
    count = 0
    active = ChatSession.objects.filter(last_active_at__gte=before).values("pk")
    old = UsageRecord.objects.filter(started_at__lt=before, message__isnull=False).exclude(session__in=active)
    while chunk := list(old.order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        erase_exchanges(UsageRecord.objects.filter(pk__in=chunk))
        count += len(chunk)
    return count
