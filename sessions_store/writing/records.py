"""What an exchange leaves behind, on its way to the database: plain immutable values, no ORM objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from sessions_store.transcript.canonical import Key
from sessions_store.writing.state_records import State

IDLE = timedelta(hours=24)
# Behind the request id of a response: the exchange that made the summary which it goes on from.
COMPACTION_SUFFIX = "-compaction"
# Beside an upstream body: its turns were sent without the thought signatures that are stored with them.
WITHOUT_SIGNATURES = "withoutThoughtSignatures"
# Beside an upstream body: turns that are another request's spelling in the tree, by their distance from the last one.
TURNS_AS_SENT = "turnsAsSent"


@dataclass(slots=True, kw_only=True)
class NewMessage:
    """A node of the transcript tree that may already be there. `openai` and `gemini` are JSON texts ("" if none).

    Nodes are named by their keys here; what ids they have is the database's affair.

    `account` names the Gemini account whose thought signatures an answer holds, "" for what a client sent. `tokens` is
    an approximation, for the budget of a session; `call_ids` are the tool calls that the message makes.
    How deep the node stands is worked out at the commit: `depth` is only a hint.
    """

    key: Key
    parent: Key | None
    depth: int = 0
    role: str
    openai: str
    gemini: str = ""
    model: str = ""
    account: str = ""
    tokens: int = 0
    call_ids: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class SessionUpdate:
    """How an exchange moves the head of a chat session.

    With `follow` the client keeps its own history and the head simply goes to `new_head`. Without, the exchange was
    built on `expected_head` (None for a session that had not begun): when the head has moved since, its messages are
    re-hung after the present one. `session_id` is the session that was found before, None if there was none: then one
    that has been idle for `idle` comes to rest and a new one begins.

    `name` is the session's name or its public id. `public_id` and `title` are used when a session begins (by default
    a random id, and the first user message).
    """

    principal_id: int
    user: str
    name: str = ""
    session_id: int | None = None
    expected_head: Key | None = None
    new_head: Key | None = None
    now: datetime
    idle: timedelta = IDLE
    follow: bool = False
    public_id: str = ""
    title: str = ""


@dataclass(slots=True, kw_only=True)
class UsageRow:
    """The columns of a usage record that the exchange knows; session, cost and prices are filled at the commit.

    `message`, `answer`, `more_answers` and `systems` are keys of nodes.

    `usage_metadata` is Gemini's own, one per upstream call; the token counts are OpenAI's reading of it. `estimated`
    says that the counts are approximations: then the cost follows the counts, not the metadata. `grounded` tells
    of each upstream call, in the order of the metadata, whether it searched; it is empty if none did.
    """

    request_id: str
    principal_id: int
    endpoint: str
    status: str
    http_status: int
    started_at: datetime
    user: str = ""
    public_model: str = ""
    upstream_model: str = ""
    model_version: str = ""
    upstream: str = ""
    stream: bool = False
    error_code: str = ""
    upstream_error: str = ""
    finish_reason: str = ""
    native_finish_reason: str = ""
    choices: int = 0
    attempts: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    tool_tokens: int = 0
    total_tokens: int = 0
    search_queries: int = 0
    grounded: Sequence[bool] = ()
    estimated: bool = False
    service_tier: str = ""
    usage_metadata: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[tuple[str, str, str]] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    first_byte_ms: int | None = None
    latency_ms: int = 0
    message: Key | None = None
    answer: Key | None = None
    more_answers: Sequence[Key] = ()
    systems: Sequence[Key] = ()
    placement: Sequence[int] = ()


@dataclass(slots=True, kw_only=True)
class ExchangeRecord:
    """One exchange: its usage, its new messages (parents before children), its session, the upstream body it sent under
    its digest, and the stored response or chat completion that it makes.
    """

    usage: UsageRow
    messages: tuple[NewMessage, ...] = ()
    session: SessionUpdate | None = None
    upstream_request: tuple[str, str] | None = None
    state: State | None = None


@dataclass(slots=True, kw_only=True)
class Committed:
    """What the database now holds: the session's public id and its head's key, and whether messages were re-hung."""

    session: str | None = None
    head: Key | None = None
    rebased: bool = False


def request_digest(text: str) -> str:
    """Return the id (hexadecimal) under which an upstream body is stored once."""
    return blake2b(text.encode(), digest_size=16).hexdigest()
