"""The records of an exchange for the database: plain immutable values, no ORM objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

from sessions_store.budgets.reservations import Reservation
from sessions_store.transcript.canonical import NodeKey
from sessions_store.writing.state_records import State

IDLE = timedelta(hours=24)
# Suffix of a response's request id: the exchange that generated the compaction at the start of its history.
COMPACTION_SUFFIX = "-compaction"
# Key in a stored upstream body: messages sent without their stored thought signatures.
WITHOUT_SIGNATURES = "withoutThoughtSignatures"
# Key in a stored upstream body: messages whose spelling differs from their node's, by distance from the last message.
CONTENTS_AS_SENT = "turnsAsSent"


@dataclass(slots=True, kw_only=True)
class NewMessage:
    """A node of the transcript tree, possibly stored already.

    `key`, `parent`: nodes by key; the commit assigns ids. `openai`, `gemini`: JSON texts, "" if none. `account`: the
    Gemini account of the thought signatures, "" for a client's message. `tokens`: an estimate, for the budget of a
    session. `call_ids`: the message's tool calls. `depth`: a hint; the commit computes the depth.
    """

    key: NodeKey
    parent: NodeKey | None
    depth: int = 0
    role: str
    openai: str
    gemini: str = ""
    model: str = ""
    account: str = ""
    tokens: int = 0
    call_ids: tuple[str, ...] = ()


class NewCallSignature(NamedTuple):
    """The encrypted thought signature of a tool call, stored instead of the message; see `CallSignature`."""

    call_id: str
    sealed: bytes
    model: str
    account: str


@dataclass(slots=True, kw_only=True)
class SessionUpdate:
    """The move of a chat session's head by an exchange.

    With `follow`, the client sends its own history and the head moves to `new_head`. Without, the exchange was built on
    `expected_head` (None for a new session): if another exchange has moved the head since, the new messages are placed
    after the current head. `session_id` is the session found at the start of the exchange, None if there was none; a
    session idle for longer than `idle` then expires, and a new session begins.

    `name` is the session's name or its public id. `public_id` and `title` apply to a new session (default: a random id
    and the first user message).
    """

    principal_id: int
    user: str
    name: str = ""
    session_id: int | None = None
    expected_head: NodeKey | None = None
    new_head: NodeKey | None = None
    now: datetime
    idle: timedelta = IDLE
    follow: bool = False
    public_id: str = ""
    title: str = ""


@dataclass(slots=True, kw_only=True)
class UsageRow:
    """The columns of a usage record that the exchange knows; the commit adds session, cost and prices.

    `principal_id` sends the request, `owner_id` owns its messages (see `sessions_store.accounts.access.Caller`).
    `message`, `answer`, `more_answers`, `systems`: keys of nodes. `usage_metadata`: Gemini's own, one per upstream
    call; the token counts are in OpenAI's terms. `estimated`: the counts are estimates, and the cost follows the counts
    instead of the metadata. `grounded`: whether each upstream call searched, in the order of the metadata; empty if
    none did.
    """

    request_id: str
    principal_id: int
    owner_id: int
    project_id: int | None = None
    key_id: int | None = None
    tags: Sequence[str] = ()
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
    message: NodeKey | None = None
    answer: NodeKey | None = None
    more_answers: Sequence[NodeKey] = ()
    systems: Sequence[NodeKey] = ()
    placement: Sequence[int] = ()


@dataclass(slots=True, kw_only=True)
class ExchangeRecord:
    """One exchange: its usage, its new messages (parents first), its session, its upstream body with its digest, and
    the stored response or chat completion; and what its request has reserved of budgets, which the commit returns.

    A key that stores metadata only has `call_signatures` in place of messages.
    """

    usage: UsageRow
    messages: tuple[NewMessage, ...] = ()
    session: SessionUpdate | None = None
    upstream_request: tuple[str, str] | None = None
    state: State | None = None
    call_signatures: tuple[NewCallSignature, ...] = ()
    reservation: Reservation | None = None


@dataclass(slots=True, kw_only=True)
class Committed:
    """The result of a commit: the session's public id, the key of its head, whether messages moved to another parent,
    and the cost.
    """

    session: str | None = None
    head: NodeKey | None = None
    rebased: bool = False
    cost_nano: int | None = None


def request_digest(text: str) -> str:
    """Return the id (32 hexadecimal digits) of an upstream body in the database."""
    return blake2b(text.encode(), digest_size=16).hexdigest()
