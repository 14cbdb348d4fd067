"""The record of an exchange: the new nodes of the tree, the usage row, the session's head, the stored object."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

import orjson

from api.errors import GatewayError, InternalError, StorageUnavailableError
from api.exchange.accounting import Accounting
from api.exchange.conversation.context import ConversationContext
from api.exchange.conversation.instructions import instruction_node
from api.exchange.conversation.nodes import new_node
from api.exchange.generation import Branch, Generation
from api.exchange.outcome import CLIENT_CLOSED, OK, Outcome, Status
from api.exchange.recording.access_line import log_exchange
from api.exchange.recording.metadata_only import permitted
from api.exchange.recording.usage_row import usage_row
from api.gemini.wire import Content
from api.resources.worker_threads import LARGE
from api.services import Services
from api.translate.candidates.usage_report import UsageReport
from api.translate.request.message_tokens import json_tokens
from sessions_store.transcript.canonical import NodeKey, message_key
from sessions_store.writing.records import CONTENTS_AS_SENT, WITHOUT_SIGNATURES, request_digest
from sessions_store.writing.store import (
    ExchangeRecord,
    NewMessage,
    SessionUpdate,
    StoreError,
    StoreUnavailableError,
)

logger = logging.getLogger(__name__)

# Up to this many characters the digest of an upstream body is cached.
SMALL: Final = 1024
# With these statuses the session's head moves to the new assistant message.
_CONTINUED: Final = frozenset({OK, CLIENT_CLOSED})
NOT_RECORDED: Final = "The response could not be recorded and was not sent. Please try again."


@dataclass(slots=True)
class Recorded:
    """The committed exchange: whether it succeeded, and the node that its conversation continues from (None without
    one).
    """

    ok: bool
    head: NodeKey | None


def record(
    services: Services,
    accounting: Accounting,
    outcome: Outcome,
    generation: Generation | None = None,
) -> Awaitable[Recorded]:
    """Commit an exchange: its usage and, with a `generation`, its messages, its session and its stored object. Write
    its access line.

    The status of a response that safety filters blocked is "blocked". Raises StorageUnavailableError or InternalError
    if the database did not commit.
    """
    committing = _commit(services, accounting, outcome, generation)
    return _shielded(committing) if generation is not None and generation.hold.size >= LARGE else committing


async def _shielded(committing: Coroutine[Any, Any, Recorded]) -> Recorded:
    """Finish a commit that a worker thread prepares, even if the client disconnects meanwhile: its session's lock and
    its bytes are released after the commit.
    """
    task = asyncio.ensure_future(committing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _commit(
    services: Services, accounting: Accounting, outcome: Outcome, generation: Generation | None
) -> Recorded:
    omitted = False
    cost_nano: int | None = None
    lost: GatewayError | None = None
    try:
        size = generation.hold.size if generation is not None else 0
        exchange_record = await services.worker_threads.off_loop(
            size, _exchange_record, services, accounting, outcome, generation
        )
    except Exception:
        logger.exception("A request was recorded without its response")
        omitted, exchange_record = True, _without_answer(services, accounting, generation)
    exchange_record = permitted(exchange_record, accounting.caller.policy)
    exchange_record.reservation = accounting.reservation
    _count(services, accounting, exchange_record)
    try:
        committed = await services.store.commit(exchange_record, under_way=services.in_flight)
        cost_nano = committed.cost_nano
    except StoreUnavailableError:
        lost = StorageUnavailableError()
        raise lost from None
    except StoreError:
        logger.exception("A request could not be recorded")
        lost = InternalError(NOT_RECORDED)
        raise lost from None
    finally:
        log_exchange(exchange_record.usage, accounting, cost_nano, lost=lost)
    if omitted:
        raise InternalError(NOT_RECORDED)
    usage = exchange_record.usage
    return Recorded(outcome.status is OK, usage.message if usage.answer is None else usage.answer)


def _count(services: Services, accounting: Accounting, exchange_record: ExchangeRecord) -> None:
    """Count the tokens of a usage record in the rate limits, and its output among the recent outputs of its model."""
    usage = exchange_record.usage
    if accounting.admission is not None:
        accounting.admission.spend(usage.total_tokens)
    if usage.completion_tokens:
        services.limiter.outputs.add(usage.public_model, usage.completion_tokens // max(usage.choices, 1))


def _exchange_record(
    services: Services, accounting: Accounting, outcome: Outcome, generation: Generation | None
) -> ExchangeRecord:
    """Return the record of an exchange, and drop the large contents of its generation."""
    if generation is None:
        usage = usage_row(accounting, outcome, accounting.usage, upstream=services.deployment.upstream)
        return ExchangeRecord(usage=usage)
    exchange_record = _generation_record(services, accounting, outcome, generation)
    generation.drop_content()
    return exchange_record


def _generation_record(
    services: Services, accounting: Accounting, outcome: Outcome, generation: Generation
) -> ExchangeRecord:
    """Return the record of an exchange with a generation."""
    report = generation.accumulator.report()
    nodes, leaf, answers = _messages(generation, report)
    state_builder = generation.state_builder
    return ExchangeRecord(
        usage=usage_row(
            accounting, outcome, report, generation, (leaf, answers), upstream=services.deployment.upstream
        ),
        messages=nodes,
        session=_session_update(generation, outcome, answers, idle=services.deployment.session_idle),
        upstream_request=_upstream_request(generation),
        state=state_builder.build(generation, outcome, (leaf, answers)) if state_builder is not None else None,
    )


def _without_answer(services: Services, accounting: Accounting, generation: Generation | None) -> ExchangeRecord:
    """Return the record of an exchange without its messages: the tokens that Google bills are recorded."""
    outcome = Outcome(Status.INTERNAL_ERROR, InternalError(NOT_RECORDED))
    usage = usage_row(accounting, outcome, None, upstream=services.deployment.upstream)
    if generation is None or not accounting.attempts:
        return ExchangeRecord(usage=usage)
    prompt = sum(json_tokens(call.encode()) for call in generation.calls)
    return ExchangeRecord(usage=replace(usage, prompt_tokens=prompt, total_tokens=prompt, estimated=True))


def _messages(
    generation: Generation, report: UsageReport
) -> tuple[tuple[NewMessage, ...], NodeKey | None, list[NodeKey]]:
    """Return the new nodes of all branches, the first branch's last request message, and the keys of the choices'
    messages.
    """
    accounting = generation.accounting
    instructions = instruction_node(generation)
    nodes: list[NewMessage] = [] if instructions is None else [instructions]
    answers: list[NodeKey] = []
    begun = accounting.first_byte is not None
    choices = list(zip(report.messages, report.contents, strict=True)) if begun else []
    model = report.model_version or accounting.upstream_model
    for branch in generation.branches:
        nodes += _request_nodes(branch, branch.context)
        context, end = branch.context, branch.first_choice + branch.choices
        parent = context.keys[-1] if context.keys else context.parent
        for choice, (message, content) in enumerate(choices[branch.first_choice : end], branch.first_choice):
            key = message_key(context.principal_id, parent, message)
            account = generation.account_of(choice)
            nodes.append(new_node(key, parent, message, content, model=model, account=account))
            answers.append(key)
    first = generation.branches[0].context
    leaf = first.keys[-1] if first.keys else first.parent
    return tuple(nodes), leaf, answers


def _request_nodes(branch: Branch, context: ConversationContext) -> list[NewMessage]:
    nodes = []
    gemini_contents = branch.upstream.gemini_contents
    for index in range(context.stored_count, len(context.messages)):
        message, content = context.messages[index], gemini_contents[index]
        # A message of a model keeps its model and account under another history, if it was sent unmodified.
        source = context.provenance.get(index) if content is context.restored.get(index) else None
        nodes.append(
            new_node(
                context.keys[index],
                context.keys[index - 1] if index else context.parent,
                message,
                content,
                model=source.model if source is not None else "",
                account=source.account if source is not None else "",
            )
        )
    return nodes


def _session_update(
    generation: Generation, outcome: Outcome, answers: list[NodeKey], *, idle: timedelta
) -> SessionUpdate | None:
    """Move the session's head to the message of the first choice.

    A failed exchange does not move the head, because its client will retry; after a client's disconnect, the head is
    the part that the client has received.
    """
    if not answers or outcome.status not in _CONTINUED:
        return None
    context = generation.branches[0].context
    if context.session is None:
        return None
    return SessionUpdate(
        principal_id=context.principal_id,
        user=context.session.user,
        name=context.session.name,
        public_id=context.public_id,
        session_id=context.state.id if context.state is not None else None,
        expected_head=context.parent,
        follow=not context.continued,
        new_head=answers[0],
        now=generation.accounting.started_at,
        idle=idle,
    )


def _upstream_request(generation: Generation) -> tuple[str, str] | None:
    """Return the upstream body without its messages, as (digest, JSON text).

    The text says whether the messages were sent without signatures, and has the contents that the tree stores in
    another form.
    """
    if not generation.calls:
        return None
    body = generation.branches[0].upstream.body
    conversation_fields = {"contents", "systemInstruction"}
    rest: dict[str, Any] = {name: value for name, value in body.items() if name not in conversation_fields}
    if generation.unsigned:
        rest[WITHOUT_SIGNATURES] = True
    if generation.branches[0].context.in_tree and (own := _contents_as_sent(generation.branches[0])):
        rest[CONTENTS_AS_SENT] = own
    text = orjson.dumps(rest, option=orjson.OPT_SORT_KEYS).decode()
    return (_small_digest(text) if len(text) <= SMALL else request_digest(text)), text


def _contents_as_sent(branch: Branch) -> dict[str, Content]:
    """Return the contents that were sent in another form than the tree stores: distance from the last request message →
    content.
    """
    context, found = branch.context, {}
    last = len(context.messages) - 1
    for index, (key, content) in enumerate(zip(context.keys, branch.upstream.gemini_contents, strict=True)):
        held = context.in_tree.get(key)
        source = context.provenance.get(index)
        if not held or content is None or (source and source.gemini == held and content is context.restored.get(index)):
            continue
        if orjson.dumps(content).decode() != held:
            found[str(last - index)] = content
    return found


@lru_cache(maxsize=256)
def _small_digest(text: str) -> str:
    """Return the digest of a body that many requests share: without tools it has only a few parameters."""
    return request_digest(text)
