"""A page of the transcript tree: the path up from a message, with the branches beside it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sessions_store.admin.display.message_display import MessageDisplay, message_display
from sessions_store.admin.display.related_records import RecordLink, Viewer, record_links
from sessions_store.admin.display.transcript_scope import TranscriptScope
from sessions_store.database.cursors import read_rows
from sessions_store.models import Message, ToolCall
from sessions_store.transcript.values import INSTRUCTION_ROLES

PER_PAGE = 100
LONGEST_DESCENT = 10_000
MOST_BRANCHES = 50
MOST_CALL_IDS = 200

_UP = """
WITH RECURSIVE path(id, parent_id, number) AS (
    SELECT id, parent_id, 1 FROM sessions_store_message WHERE id = %s
    UNION ALL
    SELECT up.id, up.parent_id, path.number + 1
      FROM path JOIN sessions_store_message up ON up.id = path.parent_id WHERE path.number < %s
)
SELECT id FROM path ORDER BY number DESC
"""
# From each message to its latest child.
_DOWN = """
WITH RECURSIVE path(id, number) AS (
    SELECT id, 1 FROM sessions_store_message WHERE id = %s
    UNION ALL
    SELECT (SELECT down.id FROM sessions_store_message down WHERE down.parent_id = path.id
             ORDER BY down.created_at DESC, down.id LIMIT 1), path.number + 1
      FROM path WHERE path.id IS NOT NULL AND path.number < %s
)
SELECT id FROM path WHERE id IS NOT NULL ORDER BY number DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchLink:
    """Another continuation of the same message: its first message and the beginning of its text."""

    id: UUID
    role: str
    excerpt: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A message of the page, with its sibling branches and its links."""

    message_display: MessageDisplay
    branches: tuple[BranchLink, ...]
    links: tuple[RecordLink, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One page, oldest message first.

    `older`: the last message of the previous page, None at the beginning. `continued`: the continuations of the last
    message. `clipped`: whether there are more branches than shown.
    """

    entries: tuple[Entry, ...]
    older: UUID | None
    continued: tuple[BranchLink, ...]
    clipped: bool


def climb(leaf: UUID, most: int) -> list[Message]:
    """Return the last `most` messages of the conversation up to `leaf`, oldest first: two queries."""
    ids = [UUID(node) for (node,) in read_rows(_UP, [leaf.hex, most])]
    found = Message.objects.in_bulk(ids)
    return [found[key] for key in ids]


def newest_leaf(start: UUID) -> UUID:
    """Return the last message of the latest branch below a message."""
    rows = read_rows(_DOWN, [start.hex, LONGEST_DESCENT])
    return UUID(rows[0][0]) if rows else start


def conversation(leaf: UUID, viewer: Viewer, scope: TranscriptScope) -> Conversation | None:
    """Return the page up to `leaf`, None if there is no such message: 13 queries for any length."""
    path = climb(leaf, PER_PAGE)
    if not path:
        return None
    # The children of a system message are other conversations, possibly very many, and not branches of this one.
    parents = [message.pk for message in path if message.role not in INSTRUCTION_ROLES]
    if path[0].parent_id is not None:
        parents.append(path[0].parent_id)
    others = Message.objects.filter(parent_id__in=parents).exclude(pk__in=[message.pk for message in path])
    branches: dict[UUID | None, list[BranchLink]] = {}
    found = list(others[: MOST_BRANCHES + 1])
    for message in sorted(found[:MOST_BRANCHES], key=lambda other: other.created_at):
        branches.setdefault(message.parent_id, []).append(_branch(message))
    own = scope.records([message.pk for message in path if message.role == "assistant"])
    links = record_links(path, viewer, own, scope.conversation)
    call_ids = _call_ids(path)
    return Conversation(
        entries=tuple(
            Entry(
                message_display=message_display(
                    message,
                    own[message.pk].upstream_model if message.pk in own else "",
                    call_ids.get(message.pk, {}),
                ),
                branches=tuple(branches.get(message.parent_id, ())),
                links=tuple(links.get(message.pk, ())),
            )
            for message in path
        ),
        older=path[0].parent_id,
        continued=tuple(branches.get(leaf, ())),
        clipped=len(found) > MOST_BRANCHES,
    )


def _branch(message: Message) -> BranchLink:
    return BranchLink(
        id=message.pk, role=message.role, excerpt=message_display(message).excerpt, created_at=message.created_at
    )


def _call_ids(path: list[Message]) -> dict[UUID, dict[int, list[str]]]:
    """Return the call ids of each message's tool calls: message id -> index of the call -> call ids.

    A repeated assistant message is one node, with one id per call and occurrence: unsorted, up to MOST_CALL_IDS.
    """
    assistants = [message.pk for message in path if message.role == "assistant"]
    known = ToolCall.objects.filter(message__in=assistants).values_list("message_id", "position", "call_id")
    found: dict[UUID, dict[int, list[str]]] = {}
    for message, position, call_id in known[:MOST_CALL_IDS]:
        found.setdefault(message, {}).setdefault(position, []).append(call_id)
    return found
