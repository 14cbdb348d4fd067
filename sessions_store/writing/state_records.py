"""What an exchange leaves behind beside its transcript: a stored response or a stored chat completion."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson

from sessions_store.transcript.canonical import Key

ACTIVE = ("queued", "in_progress")


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item of a response or a conversation, under the hexadecimal digest that stores it once. `body` is its JSON."""

    id: str
    item_id: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationTurn:
    """A conversation that a response reads and appends to, as it was when it was read."""

    id: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseState:
    """A response as it is to be stored.

    `message` and `answer` are the keys of the request's end and of the answer. With `running` the response is stored
    already, and is finished here unless somebody has cancelled or deleted it. `kept` is False for a response that only
    appends to a conversation. `settings` are items that later responses inherit, as JSON; `events` are the last events
    of a running one.
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
    conversation: ConversationTurn | None = None
    background: bool = False
    running: bool = False
    kept: bool = True
    user: str = ""
    message: Key | None = None
    answer: Key | None = None
    inputs: tuple[NewItem, ...] = ()
    outputs: tuple[NewItem, ...] = ()
    settings: str = "[]"
    worker: str = ""
    events: "Stretch | None" = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive events of a response: the first and last sequence number, and the events, one JSON object a line."""

    first: int
    last: int
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionState:
    """A chat completion as it is to be stored; `body` is the object as JSON, `inputs` are its request's messages."""

    public_id: str
    principal_id: int
    request_id: str
    model: str
    body: str
    created_at: datetime
    user: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    message: Key | None = None
    answer: Key | None = None
    message_count: int = 0
    inputs: tuple[NewItem, ...] = ()


State = ResponseState | CompletionState


def new_item(principal_id: int, item: Mapping[str, Any]) -> NewItem:
    """Return an item, which has an id, as it is stored."""
    body = orjson.dumps(item)
    digest = blake2b(principal_id.to_bytes(8, "big") + body, digest_size=16).hexdigest()
    return NewItem(digest, item["id"], body.decode())


def given_call_ids(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the ids of the calls among an answer's items, in order."""
    return [item["call_id"] for item in items if item.get("call_id")]


def message_item(principal_id: int, message: Mapping[str, Any]) -> NewItem:
    """Return a message of a chat request as it is stored, exactly as it was sent; no id refers to it."""
    body = orjson.dumps(message)
    digest = blake2b(principal_id.to_bytes(8, "big") + body, digest_size=16, person=b"message").hexdigest()
    return NewItem(digest, "", body.decode())


def ids_of(items: Sequence[NewItem]) -> list[str]:
    """Return the stored ids of items, as a response lists them."""
    return [item.id for item in items]
