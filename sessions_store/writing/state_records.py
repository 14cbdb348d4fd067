"""The stored response or chat completion of an exchange, beside its transcript."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson

from sessions_store.transcript.canonical import NodeKey

ACTIVE = ("queued", "in_progress")


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item of a response or a conversation; `id` is the hexadecimal digest of its content, `body` its JSON."""

    id: str
    item_id: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationVersion:
    """The version of a conversation when a response read it (an optimistic lock)."""

    id: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseState:
    """A response to store.

    `message`, `answer`: keys of the request's last message and of the assistant message. `running`: the response is
    stored already; the commit completes it unless it was cancelled or deleted. `stored`: False for a response that only
    appends to a conversation. `settings`: items that later responses inherit, as JSON. `events`: the last events of a
    running response.
    """

    public_id: str
    principal_id: int
    request_id: str
    status: str
    model: str
    body: str
    created_at: datetime
    completed_at: datetime | None = None
    previous_id: str = ""
    conversation: ConversationVersion | None = None
    background: bool = False
    running: bool = False
    stored: bool = True
    user: str = ""
    message: NodeKey | None = None
    answer: NodeKey | None = None
    inputs: tuple[NewItem, ...] = ()
    outputs: tuple[NewItem, ...] = ()
    settings: str = "[]"
    worker: str = ""
    events: "EventBatch | None" = None


@dataclass(frozen=True, slots=True)
class EventBatch:
    """A batch of consecutive events of a response: the first and last sequence number, and one JSON object per line."""

    first: int
    last: int
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionState:
    """A chat completion to store; `body` is the object as JSON, `inputs` are the messages of its request."""

    public_id: str
    principal_id: int
    request_id: str
    model: str
    body: str
    created_at: datetime
    user: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    message: NodeKey | None = None
    answer: NodeKey | None = None
    message_count: int = 0
    inputs: tuple[NewItem, ...] = ()


State = ResponseState | CompletionState


def new_item(principal_id: int, item: Mapping[str, Any]) -> NewItem:
    """Return an item with an id in its stored form."""
    body = orjson.dumps(item)
    digest = blake2b(principal_id.to_bytes(8, "big") + body, digest_size=16).hexdigest()
    return NewItem(digest, item["id"], body.decode())


def given_call_ids(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the call ids among a response's output items, in order."""
    return [item["call_id"] for item in items if item.get("call_id")]


def message_item(principal_id: int, message: Mapping[str, Any]) -> NewItem:
    """Return a message of a chat request in its stored form, exactly as sent and without an id."""
    body = orjson.dumps(message)
    digest = blake2b(principal_id.to_bytes(8, "big") + body, digest_size=16, person=b"message").hexdigest()
    return NewItem(digest, "", body.decode())


def ids_of(items: Sequence[NewItem]) -> list[str]:
    """Return the ids of stored items."""
    return [item.id for item in items]
