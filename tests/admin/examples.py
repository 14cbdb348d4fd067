"""Rows for the admin tests, written like the gateway's: exchanges through the store's writer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

import orjson
from django.utils import timezone

from sessions_store.models import UsageRecord, User
from sessions_store.transcript.canonical import NodeKey
from sessions_store.transcript.reading import message_keys
from sessions_store.writing.records import ExchangeRecord, NewMessage, SessionUpdate, UsageRow
from sessions_store.writing.writer import write_batch

JsonDict = dict[str, Any]
NUMBERS = count(1)
REST = {"generationConfig": {"temperature": 0.2, "maxOutputTokens": 512}}
REST_ID = UUID(int=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The fields of an example exchange; the last message is the response."""

    messages: Sequence[JsonDict]
    user: str = ""
    public_model: str = "gpt-4"
    upstream_model: str = "gemini-2.5-pro"
    status: str = "ok"
    http_status: int = 200
    prompt_tokens: int = 1_000
    completion_tokens: int = 200
    tool_tokens: int = 0
    search_queries: int = 0
    latency_ms: int = 840
    stream: bool = False
    notes: Sequence[tuple[str, str, str]] = ()
    metadata: Mapping[str, str] | None = None
    error_code: str = ""
    at: datetime | None = None


def record(exchange: Exchange) -> UsageRecord:
    """Write one exchange and return its usage record."""
    return record_all([exchange])[0]


def record_all(exchanges: Sequence[Exchange]) -> list[UsageRecord]:
    """Write exchanges, one transaction for all, and return their usage records in order."""
    principal = User.objects.local()
    rows = [_exchange_record(exchange, principal.pk) for exchange in exchanges]
    for start in range(0, len(rows), 200):
        write_batch(rows[start : start + 200])
    found = UsageRecord.objects.in_bulk([row.usage.request_id for row in rows], field_name="request_id")
    return [found[row.usage.request_id] for row in rows]


def gemini_face(message: JsonDict) -> JsonDict:
    """Return a Gemini content for an example message; a response is signed and has thoughts."""
    role = "model" if message["role"] == "assistant" else message["role"]
    parts: list[JsonDict] = []
    if role == "model" and message.get("reasoning_content"):
        parts.append({"text": message["reasoning_content"], "thought": True})
    if isinstance(message.get("content"), str):
        parts.append({"text": message["content"]})
    for call in message.get("tool_calls") or ():
        arguments = orjson.loads(call["function"]["arguments"])
        parts.append(
            {"functionCall": {"name": call["function"]["name"], "args": arguments}, "thoughtSignature": "c2lnbmVk"}
        )
    return {"role": role, "parts": parts}


def _exchange_record(exchange: Exchange, principal_id: int) -> ExchangeRecord:
    at = exchange.at or timezone.now()
    keys = message_keys(principal_id, exchange.messages)
    failed = exchange.status not in {"ok", "client_closed"}
    nodes = tuple(
        NewMessage(
            key=key,
            parent=keys[depth - 1] if depth else None,
            depth=depth,
            role=message["role"],
            openai=orjson.dumps(message).decode(),
            gemini=orjson.dumps(gemini_face(message)).decode(),
            model=exchange.upstream_model if message["role"] == "assistant" else "",
            tokens=max(len(str(message.get("content"))) // 4, 1),
            call_ids=tuple(call["id"] for call in message.get("tool_calls") or ()),
        )
        for depth, (key, message) in enumerate(zip(keys, exchange.messages, strict=True))
    )
    row = ExchangeRecord(
        usage=_usage_row(exchange, principal_id, at, keys),
        messages=nodes[:-1] if failed else nodes,
        upstream_request=(REST_ID.hex, orjson.dumps(REST).decode()),
    )
    if not exchange.user or failed:
        return row
    return replace(row, session=_session(exchange, principal_id, at, keys))


def _usage_row(exchange: Exchange, principal_id: int, at: datetime, keys: Sequence[NodeKey]) -> UsageRow:
    request, answer = list(exchange.messages[:-1]), exchange.messages[-1]
    failed = exchange.status not in {"ok", "client_closed"}
    placement = list(range(len(request)))
    if request and request[0]["role"] == "system":
        placement = [-1, *range(len(request) - 1)]
    thoughts = 64 if answer.get("reasoning_content") else 0
    return UsageRow(
        request_id=f"req_{next(NUMBERS):024x}",
        principal_id=principal_id,
        owner_id=principal_id,
        user=exchange.user,
        endpoint="/v1/chat/completions",
        public_model=exchange.public_model,
        upstream_model=exchange.upstream_model,
        model_version="" if failed else exchange.upstream_model,
        upstream="emulator",
        stream=exchange.stream,
        status=exchange.status,
        http_status=exchange.http_status,
        error_code=exchange.error_code,
        finish_reason="" if failed else "stop",
        native_finish_reason="" if failed else "STOP",
        choices=0 if failed else 1,
        attempts=1,
        prompt_tokens=0 if failed else exchange.prompt_tokens,
        completion_tokens=0 if failed else exchange.completion_tokens,
        reasoning_tokens=0 if failed else thoughts,
        total_tokens=0 if failed else exchange.prompt_tokens + exchange.completion_tokens,
        search_queries=exchange.search_queries,
        grounded=[True] if exchange.search_queries else [],
        usage_metadata=[] if failed else [_usage_metadata(exchange, thoughts)],
        notes=tuple(exchange.notes),
        metadata=dict(exchange.metadata or {}),
        started_at=at,
        first_byte_ms=exchange.latency_ms // 3 if exchange.stream else None,
        latency_ms=exchange.latency_ms,
        message=keys[-2] if request else None,
        answer=None if failed else keys[-1],
        placement=placement,
    )


def _usage_metadata(exchange: Exchange, thoughts: int) -> JsonDict:
    return {
        "promptTokenCount": exchange.prompt_tokens,
        "candidatesTokenCount": exchange.completion_tokens - thoughts,
        "thoughtsTokenCount": thoughts,
        "toolUsePromptTokenCount": exchange.tool_tokens,
        "totalTokenCount": exchange.prompt_tokens + exchange.completion_tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": exchange.prompt_tokens}],
    }


def _session(exchange: Exchange, principal_id: int, at: datetime, keys: Sequence[NodeKey]) -> SessionUpdate:
    return SessionUpdate(
        principal_id=principal_id,
        user=exchange.user,
        follow=True,
        new_head=keys[-1],
        now=at,
    )
