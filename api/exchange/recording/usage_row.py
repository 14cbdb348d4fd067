"""The usage row of an exchange: its outcome, tokens, latency, and the nodes of its messages."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from api.exchange.accounting import Accounting
from api.exchange.conversation.instructions import instruction_node
from api.exchange.generation import Generation
from api.exchange.outcome import BLOCKED, CLIENT_CLOSED, OK, Outcome
from api.translate.candidates.usage_report import UsageReport
from api.translate.config.service_tier import served_tier
from api.translate.request.message_tokens import json_tokens
from api.translate.request.upstream_call import OMITTED, SYSTEM
from sessions_store.transcript.canonical import NodeKey
from sessions_store.transcript.values import INSTRUCTION_ROLES
from sessions_store.writing.records import UsageRow

CLIENT_CLOSED_STATUS: Final = 499


def usage_row(
    accounting: Accounting,
    outcome: Outcome,
    report: UsageReport | None,
    generation: Generation | None = None,
    nodes: tuple[NodeKey | None, Sequence[NodeKey]] = (None, ()),
    *,
    upstream: str,
) -> UsageRow:
    """Return the row. `nodes`: the request's last message and the choices' messages; `upstream`: GEMINI_UPSTREAM."""
    leaf, answers = nodes
    systems, placement = _placement(generation) if generation is not None else ([], [])
    notes = [*accounting.notes, *report.notes] if report is not None else accounting.notes
    started, first_byte = accounting.started, accounting.first_byte
    return UsageRow(
        request_id=accounting.request_id,
        principal_id=accounting.caller.principal_id,
        owner_id=accounting.caller.owner_id,
        project_id=accounting.caller.project_id,
        key_id=accounting.caller.key_id,
        tags=accounting.caller.policy.tags,
        user=accounting.user,
        endpoint=accounting.endpoint,
        public_model=accounting.public_model,
        upstream_model=accounting.upstream_model,
        upstream=upstream,
        stream=accounting.stream,
        attempts=len(accounting.attempts),
        notes=[(note.kind, note.param, note.reason) for note in notes],
        metadata=dict(accounting.metadata),
        started_at=accounting.started_at,
        first_byte_ms=None if first_byte is None else round((first_byte - started) * 1000),
        latency_ms=round((time.monotonic() - started) * 1000),
        choices=len(answers),
        message=leaf,
        answer=answers[0] if answers else None,
        more_answers=answers[1:],
        systems=systems,
        placement=placement,
        **_ending(outcome, report),
        **_counts(report, accounting, generation),
    )


def _ending(outcome: Outcome, report: UsageReport | None) -> dict[str, Any]:
    """Return the fields of the outcome; a response that safety filters emptied has the status "blocked"."""
    status, error = outcome.status, outcome.error
    reasons = report.finish_reasons if report is not None else ()
    native = report.native_finish_reasons if report is not None else ()
    if status is OK and set(reasons) == {"content_filter"}:
        status = BLOCKED
    http_status = error.status if error is not None else 200
    return {
        "status": status.value,
        "http_status": CLIENT_CLOSED_STATUS if status is CLIENT_CLOSED else http_status,
        "error_code": (error.code or error.type) if error is not None else "",
        "upstream_error": error.upstream_message if error is not None else "",
        "finish_reason": reasons[0] if reasons else "",
        "native_finish_reason": native[0] if native else "",
    }


def _counts(report: UsageReport | None, accounting: Accounting, generation: Generation | None) -> dict[str, Any]:
    """Return the tokens as OpenAI counts them, and Gemini's own usage metadata."""
    if report is None:
        return {}
    metadatas = report.usage_metadata
    reported = [item for item in metadatas if item]
    usage, estimated = _usage(report, accounting, generation, reported=bool(reported))
    searches = report.searches
    return {
        "model_version": report.model_version or "",
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


def _usage(
    report: UsageReport, accounting: Accounting, generation: Generation | None, *, reported: bool
) -> tuple[Mapping[str, Any], bool]:
    """Return OpenAI's usage and whether it is an estimate: Gemini reported nothing, not yet all, or no valid counts."""
    if reported and report.counts_sound:
        return report.usage, not report.complete
    if reported:
        return _filled(report.usage, report, generation), True
    if not accounting.attempts and report.complete:
        return report.usage, True
    if not accounting.attempts or accounting.first_byte is None:
        return {}, False
    return _filled({}, report, generation), True


def _filled(usage: Mapping[str, Any], report: UsageReport, generation: Generation | None) -> Mapping[str, Any]:
    """Return the usage with estimates in place of missing or invalid counts."""
    calls = generation.calls if generation is not None else ()
    prompt = usage.get("prompt_tokens") or sum(json_tokens(call.encode()) for call in calls)
    completion = usage.get("completion_tokens")
    if not completion:
        completion = sum(json_tokens(orjson.dumps(message)) for message in report.messages)
    counted = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return {**usage, **counted}


def _placement(generation: Generation) -> tuple[list[NodeKey], list[int]]:
    """Return the keys of the instructions in front of the request (a response's, or the session's system messages), and
    the placement of each message up to the leaf.

    System messages in the session's path are superseded or in front of the request already: they count as omitted.
    """
    branch = generation.branches[0]
    context = branch.context
    placed = branch.upstream.placement
    instructions = instruction_node(generation)
    own = [] if instructions is None else [instructions.key]
    if context.head is not None or not context.path:
        # No instructions to place: a response's history is part of its request, or there is no history.
        return own, [SYSTEM] * len(own) + list(placed)
    hoisted = len(context.systems)
    rest = iter(placed[hoisted:])
    walked = [OMITTED if row.role in INSTRUCTION_ROLES else next(rest) for row in context.path]
    if context.path and context.path[-1].key != context.parent:
        walked.append(OMITTED)  # an assistant message without results for its tool calls is not sent
    return [*own, *context.systems], [SYSTEM] * len(own) + [*placed[:hoisted], *walked, *rest]
