"""Erasure of a user's content: sessions, messages and upstream requests. Usage records and shared messages stay."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from sessions_store.database.cursors import read_rows
from sessions_store.database.sql import CHUNK, from_texts, within_ids
from sessions_store.erasing.request_bodies import drop_unreferenced
from sessions_store.erasing.stored_objects import drop_stored
from sessions_store.models import ChatSession, Conversation, Message, UsageRecord

_UPWARDS = """
WITH RECURSIVE above(id, parent_id) AS (
    SELECT id, parent_id FROM sessions_store_message WHERE {starts}
    UNION
    SELECT up.id, up.parent_id FROM above JOIN sessions_store_message up ON up.id = above.parent_id
)
SELECT id, parent_id FROM above
"""


def erase_sessions(principal_id: int, user: str, name: str | None = None) -> int:
    """Erase a user's sessions with their content: all, or those of one name or public id. Return the number of
    sessions.

    A message stays while another session builds on it, or the completion of an exchange outside this erasure. Usage
    records stay, without references to messages. With `name` None, the user's exchanges outside of sessions are erased
    too.
    """
    sessions = ChatSession.objects.filter(principal_id=principal_id, user=user)
    usage = UsageRecord.objects.filter(principal_id=principal_id, user=user)
    if name is not None:
        sessions = sessions.filter(Q(name=name) | Q(public_id=name))
        usage = usage.filter(session__in=sessions)
    return _erase(sessions, usage)


def erase_session(session_id: int) -> int:
    """Erase one session and the content that only this session reaches; return 1, or 0 if there is no such session."""
    return _erase(ChatSession.objects.filter(pk=session_id), UsageRecord.objects.filter(session_id=session_id))


def erase_exchanges(usage: QuerySet[UsageRecord], *, also: Iterable[UUID] = ()) -> None:
    """Erase the content of exchanges and the nodes `also`, except content in use elsewhere; the usage records stay."""
    _erase(ChatSession.objects.none(), usage, also)


def _erase(sessions: QuerySet[ChatSession], usage: QuerySet[UsageRecord], also: Iterable[UUID] = ()) -> int:
    with transaction.atomic():
        # Locked first, so that no exchange moves a head during the search for its messages.
        heads = dict(sessions.order_by("id").select_for_update().values_list("pk", "head_id"))
        nodes = {head for head in heads.values() if head is not None} | set(also)
        records: list[int] = []
        request_ids: list[str] = []
        bodies: set[UUID] = set()
        columns = ("pk", "request_id", "upstream_request_id", "message_id", "answer_id", "more_answers", "system_ids")
        for key, request_id, body_id, message, answer, more, instructions in usage.values_list(*columns):
            records.append(key)
            request_ids.append(request_id)
            bodies.update(() if body_id is None else (body_id,))
            nodes.update(node for node in (message, answer, *map(UUID, (*more, *instructions))) if node is not None)
        parents = _upwards(nodes)
        unused = parents.keys() - _needed(parents, set(heads), set(records))
        _detach(records)
        for start in range(0, len(request_ids), CHUNK):
            drop_stored(request_ids[start : start + CHUNK])
        ChatSession.objects.filter(pk__in=heads).delete()
        for chunk in _chunks(unused):
            Message.objects.filter(pk__in=chunk).delete()  # deletes their tool calls by cascade
        if bodies:
            # After the commit, without locks: the deletion waits for exchanges in commit. After a crash or a database
            # fault, the next `forget_old` deletes the remainder.
            transaction.on_commit(partial(drop_unreferenced, bodies), robust=True)
        return len(heads)


def _upwards(starts: Iterable[UUID]) -> dict[UUID, UUID | None]:
    """Return the nodes from `starts` up to the roots, each with its parent."""
    parents: dict[UUID, UUID | None] = {}
    statement = _UPWARDS.format(starts=within_ids("id"))
    for chunk in _chunks(starts):
        for node, parent in read_rows(statement, [from_texts(node.hex for node in chunk)]):
            parents[UUID(node)] = None if parent is None else UUID(parent)
    return parents


def _needed(parents: dict[UUID, UUID | None], sessions: set[int], records: set[int]) -> set[UUID]:
    """Return the nodes that remain in use, with their ancestors: by conversations, or by messages, sessions and usage
    records outside this erasure.
    """
    needed: set[UUID] = set()
    for chunk in _chunks(parents):
        children = Message.objects.filter(parent_id__in=chunk).values_list("pk", "parent_id")
        heads = ChatSession.objects.filter(head_id__in=chunk).values_list("pk", "head_id")
        answers = UsageRecord.objects.filter(answer_id__in=chunk).values_list("pk", "answer_id").order_by()
        conversations = Conversation.objects.filter(head_id__in=chunk).values_list("head_id", flat=True).order_by()
        needed.update(head for head in conversations if head is not None)
        needed.update(parent for key, parent in children if key not in parents and parent is not None)
        needed.update(head for key, head in heads if key not in sessions and head is not None)
        needed.update(answer for key, answer in answers if key not in records and answer is not None)
    for node in list(needed):
        above = parents[node]
        while above is not None and above not in needed:
            needed.add(above)
            above = parents[above]
    return needed


def _detach(records: Sequence[int]) -> None:
    for start in range(0, len(records), CHUNK):
        UsageRecord.objects.filter(pk__in=records[start : start + CHUNK]).update(
            session=None,
            message=None,
            answer=None,
            more_answers=[],
            system_ids=[],
            placement=[],
            upstream_request=None,
            upstream_error="",  # quotes the request
        )


def _chunks(nodes: Iterable[UUID]) -> Iterator[list[UUID]]:
    left = iter(nodes)
    while chunk := list(islice(left, CHUNK)):
        yield chunk
