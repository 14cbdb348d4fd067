"""The usage record of an exchange: how it ended, what it counted, how long it took, where its messages stand."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from api.errors import GatewayError
from api.exchange.exchange import Exchange
from api.exchange.instructions import instruction_node
from api.translate.message_tokens import json_tokens
from api.translate.service_tier import served_tier
from api.translate.upstream_call import OMITTED, SYSTEM
from sessions_store.canonical import Key
from sessions_store.records import UsageRow
from sessions_store.transcript_values import INSTRUCTION_ROLES

CLIENT_CLOSED: Final = 499


def usage_row(
    exchange: Exchange,
    status: str,
    error: GatewayError | None,
    *,
    leaf: Key | None,
    answers: Sequence[Key],
    upstream: str,
) -> UsageRow:
    """Return the row; `leaf` is the request's last message, `answers` are the keys of the choices, `upstream` is which
    Gemini was asked.
    """
    systems, placement = _placement(exchange)
    notes = [*exchange.notes, *(exchange.answer.notes if exchange.answer is not None else ())]
    return UsageRow(
        request_id=exchange.request_id,
        principal_id=exchange.caller.principal_id,
        user=exchange.user,
        endpoint=exchange.endpoint,
        public_model=exchange.public_model,
        upstream_model=exchange.upstream_model,
        upstream=upstream,
        stream=exchange.stream,
        attempts=exchange.attempts,
        notes=[(note.kind, note.param, note.reason) for note in notes],
        metadata=dict(exchange.metadata),
        started_at=exchange.started_at,
        first_byte_ms=None if exchange.first_byte is None else round((exchange.first_byte - exchange.started) * 1000),
        latency_ms=round((time.monotonic() - exchange.started) * 1000),
        choices=len(answers),
        message=leaf,
        answer=answers[0] if answers else None,
        more_answers=answers[1:],
        systems=systems,
        placement=placement,
        **_ending(exchange, status, error),
        **_counts(exchange),
    )


def _ending(exchange: Exchange, status: str, error: GatewayError | None) -> dict[str, Any]:
    """Return how it ended; an answer of which safety let nothing through counts as "blocked"."""
    reasons = exchange.answer.finish_reasons if exchange.answer is not None else []
    native = exchange.answer.native_finish_reasons if exchange.answer is not None else []
    if status == "ok" and set(reasons) == {"content_filter"}:
        status = "blocked"
    http_status = error.status if error is not None else 200
    return {
        "status": status,
        "http_status": CLIENT_CLOSED if status == "client_closed" else http_status,
        "error_code": (error.code or error.type) if error is not None else "",
        "upstream_error": error.upstream_message if error is not None else "",
        "finish_reason": reasons[0] if reasons else "",
        "native_finish_reason": native[0] if native else "",
    }


def _counts(exchange: Exchange) -> dict[str, Any]:
    """Return the tokens in OpenAI's reading and Gemini's own report of them."""
    if exchange.answer is None:
        return {}
    metadatas = exchange.answer.usage_metadata
    reported = [item for item in metadatas if item]
    usage, estimated = _usage(exchange, reported=bool(reported))
    searches = exchange.answer.searches
    return {
        "model_version": exchange.answer.model_version or "",
        "prompt_tokens": usage.get("prompt_tokens", 0),
        "cached_tokens": (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0,
        "completion_tokens": usage.get("completion_tokens", 0),
        "reasoning_tokens": (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0,
        "tool_tokens": sum([item.get("toolUsePromptTokenCount", 0) for item in reported]),
        "total_tokens": usage.get("total_tokens", 0),
        "search_queries": sum(searches),
        "grounded": [queries > 0 for queries in searches] if any(searches) else [],
        "estimated": estimated,
        "service_tier": next(filter(None, map(served_tier, reported)), ""),
        "usage_metadata": metadatas,
    }


def _usage(exchange: Exchange, *, reported: bool) -> tuple[Mapping[str, Any], bool]:
    """Return OpenAI's usage and whether it is an approximation: Gemini reported nothing, not yet all, or no counts."""
    answer = exchange.planned_answer
    if reported and answer.counts_sound:
        return answer.usage, not answer.complete
    if reported:
        return _filled(answer.usage, exchange), True
    if exchange.attempts == 0 and answer.complete:
        return answer.usage, True
    if exchange.attempts == 0 or not exchange.answer_begun:
        return {}, False
    return _filled({}, exchange), True


def _filled(usage: Mapping[str, Any], exchange: Exchange) -> Mapping[str, Any]:
    """Return the usage with estimates for the tokens of which Gemini tells nothing that can be read."""
    prompt = usage.get("prompt_tokens") or sum(json_tokens(call.encode()) for call in exchange.calls)
    completion = usage.get("completion_tokens")
    if not completion:
        completion = sum(json_tokens(orjson.dumps(message)) for message in exchange.planned_answer.messages)
    counted = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return {**usage, **counted}


def _placement(exchange: Exchange) -> tuple[list[Key], list[int]]:
    """Return the keys of the instructions in front of the request (a response's, or the session's system messages), and
    where they and each message up to the leaf were put.

    The system messages among the session's turns are not in force any more, or stand in front: they count as left out.
    """
    if not exchange.branches:
        return [], []
    branch = exchange.branches[0]
    memory = branch.memory
    placed = branch.upstream.placement
    instructions = instruction_node(exchange)
    own = [] if instructions is None else [instructions.key]
    if memory.head is not None or not memory.path:
        # Nothing stands in front, or is left out: a response's history is one with its request, or there is none.
        return own, [SYSTEM] * len(own) + list(placed)
    hoisted = len(memory.systems)
    rest = iter(placed[hoisted:])
    walked = [OMITTED if row.role in INSTRUCTION_ROLES else next(rest) for row in memory.path]
    if memory.path and memory.path[-1].key != memory.parent:
        walked.append(OMITTED)  # an answer whose tool calls nobody answered is not sent
    return [*own, *memory.systems], [SYSTEM] * len(own) + [*placed[:hoisted], *walked, *rest]
