"""Records for the store tests: new principals, small conversations and their exchanges."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson

from sessions_store.models import Message, User
from sessions_store.transcript.canonical import NodeKey
from sessions_store.transcript.reading import message_keys
from sessions_store.writing.records import ExchangeRecord, NewMessage, SessionUpdate, UsageRow

NOON = datetime(2026, 11, 24, 12, 30, 15, 250_000, tzinfo=UTC)
Json = dict[str, Any]


def new_principal() -> int:
    """Return the id of a new principal."""
    return User.objects.create(username=f"principal-{uuid4().hex}").pk


def stored_message(role: str, text: str) -> Json:
    """Return one message."""
    return {"role": role, "content": text}


def nodes(
    principal_id: int, messages: Sequence[Json], *, parent: NodeKey | None = None, tokens: int = 10
) -> list[NewMessage]:
    """Return the nodes of a chain of messages."""
    keys = message_keys(principal_id, messages, parent=parent)
    return [
        NewMessage(
            key=key,
            parent=above,
            role=message["role"],
            openai=orjson.dumps(message).decode(),
            gemini=f'{{"face":"{message["role"]}"}}',
            model="gemini-3.8-flash" if message["role"] == "assistant" else "",
            tokens=tokens,
            call_ids=tuple(call["id"] for call in message.get("tool_calls", ())),
        )
        for key, above, message in zip(keys, [parent, *keys], messages, strict=False)
    ]


def usage(principal_id: int, chain: Sequence[NewMessage] = (), **columns: Any) -> UsageRow:
    """Return a usage row; the last message is the response."""
    given: Json = {
        "request_id": f"req_{uuid4().hex}",
        "principal_id": principal_id,
        "endpoint": "chat.completions",
        "status": "ok",
        "http_status": 200,
        "started_at": NOON,
        "public_model": "gpt-4",
        "upstream_model": "gemini-3.8-flash",
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "latency_ms": 120,
        "attempts": 1,
        "answer": chain[-1].key if chain else None,
        "message": chain[-2].key if len(chain) > 1 else None,
    }
    given |= columns
    return UsageRow(owner_id=given["principal_id"], **given)


def exchange(
    principal_id: int,
    messages: Sequence[Json] = (),
    *,
    parent: NodeKey | None = None,
    session: Json | None = None,
    **columns: Any,
) -> ExchangeRecord:
    """Return one exchange; `session` has the fields of its session update (user, name, follow, ...)."""
    chain = nodes(principal_id, messages, parent=parent)
    update = None
    if session is not None:
        given: Json = {
            "principal_id": principal_id,
            "expected_head": parent,
            "new_head": chain[-1].key if chain else parent,
            "now": NOON,
            "idle": timedelta(hours=24),
        }
        update = SessionUpdate(**given | session)
        columns.setdefault("user", update.user)
    return ExchangeRecord(usage=usage(principal_id, chain, **columns), messages=tuple(chain), session=update)


def key_of(message: Message) -> NodeKey:
    """Return the key of a stored message."""
    assert message.key is not None
    return NodeKey(message.key.hex)


def node_id(key: NodeKey | None) -> UUID:
    """Return the database id of a node."""
    return Message.objects.get(key=key).pk


def message_pair(text: str) -> list[Json]:
    """Return a user message and its assistant message."""
    return [stored_message("user", text), stored_message("assistant", f"You said {text}")]
