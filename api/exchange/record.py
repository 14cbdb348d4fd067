"""What is kept of an exchange: its messages in the tree, its usage, the session's head. Committed when it returns."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

import orjson

from api.cut_short import server_cut
from api.errors import (
    GatewayError,
    InternalError,
    RateLimitError,
    ShuttingDownError,
    StorageUnavailableError,
    UpstreamError,
    UpstreamTimeoutError,
)
from api.exchange.exchange import Branch, Exchange
from api.exchange.instructions import instruction_node
from api.exchange.memory import Memory
from api.exchange.nodes import new_node
from api.exchange.usage_row import usage_row
from api.gemini.wire import Content
from api.large_work import LARGE, off_loop
from api.runtime import Runtime
from api.translate.message_tokens import json_tokens
from sessions_store.canonical import Key, message_key
from sessions_store.recording import (
    ExchangeRecord,
    NewMessage,
    SessionUpdate,
    StoreError,
    StoreUnavailableError,
)
from sessions_store.records import TURNS_AS_SENT, WITHOUT_SIGNATURES, request_digest

logger = logging.getLogger(__name__)

# Up to this many characters the digest of an upstream body is remembered.
SMALL: Final = 1024
NOT_RECORDED: Final = "The response could not be recorded and was not sent. Please try again."
_STATUSES: Final[tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...]] = (
    ((asyncio.CancelledError, GeneratorExit), "client_closed"),
    (RateLimitError, "rate_limited"),
    (ShuttingDownError, "cut_by_server"),
    (UpstreamTimeoutError, "timeout"),
)


def status_of(error: BaseException) -> str:
    """Return the record's word for how an exchange failed."""
    for kinds, status in _STATUSES:
        if isinstance(error, kinds):
            return status
    if isinstance(error, UpstreamError):
        return "truncated" if error.code == "upstream_truncated" else "upstream_error"
    if isinstance(error, InternalError) or not isinstance(error, GatewayError):
        return "internal_error"
    return "client_error"


async def record(runtime: Runtime, exchange: Exchange, status: str, error: GatewayError | None = None) -> None:
    """Commit the exchange; once, whatever comes after.

    `status` is one of UsageRecord.Status; an answer that safety cut is recorded as "blocked". Raises
    StorageUnavailableError or InternalError when the database did not take it: nothing may then be acknowledged.
    """
    if exchange.recorded:
        return
    exchange.recorded = True
    if status == "client_closed" and (fault := exchange.fault or server_cut()) is not None:
        status, error = status_of(fault), fault
    committing = _commit(runtime, exchange, status, error)
    await (_to_its_end(committing) if exchange.size >= LARGE else committing)


async def _to_its_end(committing: Coroutine[Any, Any, None]) -> None:
    """Record what a thread prepares, also when the client leaves meanwhile: its session's turn and its bytes are let go
    behind that.
    """
    task = asyncio.ensure_future(committing)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _commit(runtime: Runtime, exchange: Exchange, status: str, error: GatewayError | None) -> None:
    withheld = False
    try:
        if status == "ok" and exchange.size >= LARGE:
            whole = await off_loop(exchange.size, _whole, runtime, exchange, status, error)
        else:  # a failure may show events to those who listen, which only the loop may do
            whole = _exchange_record(runtime, exchange, status, error)
            exchange.drop_content()
    except Exception:
        logger.exception("A request was recorded without its response")
        withheld, whole = True, _without_answer(runtime, exchange)
    try:
        await runtime.store.commit(whole, under_way=runtime.in_flight)
    except StoreUnavailableError:
        raise StorageUnavailableError from None
    except StoreError:
        logger.exception("A request could not be recorded")
        raise InternalError(NOT_RECORDED) from None
    if withheld:
        raise InternalError(NOT_RECORDED)


def _whole(runtime: Runtime, exchange: Exchange, status: str, error: GatewayError | None) -> ExchangeRecord:
    """Return the record of an exchange, which keeps no copy of what was large."""
    whole = _exchange_record(runtime, exchange, status, error)
    exchange.drop_content()
    return whole


def _exchange_record(runtime: Runtime, exchange: Exchange, status: str, error: GatewayError | None) -> ExchangeRecord:
    """Return what is to be stored of an exchange, as it ended."""
    nodes, leaf, answers = _messages(exchange, runtime.account)
    keeper = exchange.keeper
    return ExchangeRecord(
        usage=usage_row(exchange, status, error, leaf=leaf, answers=answers, upstream=runtime.deployment.upstream),
        messages=nodes,
        session=_session_update(exchange, status, answers, idle=runtime.deployment.session_idle),
        upstream_request=_upstream_request(exchange),
        state=keeper.state(exchange, status, error, (leaf, answers)) if keeper is not None else None,
    )


def _without_answer(runtime: Runtime, exchange: Exchange) -> ExchangeRecord:
    """Return the record of an exchange whose answer cannot be put into one: what was paid for is recorded."""
    failed = replace(exchange, answer=None, branches=(), calls=(), keeper=None)
    whole = _exchange_record(runtime, failed, "internal_error", InternalError(NOT_RECORDED))
    prompt = sum(json_tokens(call.encode()) for call in exchange.calls) if exchange.attempts else 0
    return replace(whole, usage=replace(whole.usage, prompt_tokens=prompt, total_tokens=prompt, estimated=True))


async def record_failure(runtime: Runtime, exchange: Exchange, error: BaseException) -> None:
    """Record how the exchange failed, also while this task is being cancelled.

    When nothing can be recorded the failure is told all the same: it acknowledges nothing.
    """
    if exchange.recorded:
        return
    failure: GatewayError | None = None
    if isinstance(error, StoreUnavailableError):
        error = StorageUnavailableError()
    if isinstance(error, Exception):
        failure = error if isinstance(error, GatewayError) else InternalError("unforeseen")
    with suppress(StorageUnavailableError):
        await asyncio.shield(record(runtime, exchange, status_of(error), failure))


def _messages(exchange: Exchange, account: str) -> tuple[tuple[NewMessage, ...], Key | None, list[Key]]:
    """Return the new nodes of all branches, the first branch's last request message, and the answers' keys."""
    instructions = instruction_node(exchange)
    nodes: list[NewMessage] = [] if instructions is None else [instructions]
    answers: list[Key] = []
    answer = exchange.planned_answer if exchange.answer_begun else None
    choices = [] if answer is None else list(zip(answer.messages, answer.contents, strict=True))
    model = exchange.upstream_model if answer is None else answer.model_version or exchange.upstream_model
    for branch in exchange.branches:
        nodes += _request_nodes(branch, branch.memory)
        memory, end = branch.memory, branch.first_choice + branch.choices
        parent = memory.keys[-1] if memory.keys else memory.parent
        for message, content in choices[branch.first_choice : end]:
            key = message_key(memory.principal_id, parent, message)
            nodes.append(new_node(key, parent, message, content, model=model, account=account))
            answers.append(key)
    first = exchange.branches[0].memory if exchange.branches else None
    leaf = None if first is None else (first.keys[-1] if first.keys else first.parent)
    return tuple(nodes), leaf, answers


def _request_nodes(branch: Branch, memory: Memory) -> list[NewMessage]:
    nodes = []
    faces = branch.upstream.faces
    for index in range(memory.known, len(memory.messages)):
        message, face = memory.messages[index], faces[index]
        # An answer under another history is still that model's, with its signatures, if it was sent as it was.
        maker = memory.makers.get(index) if face is memory.restored.get(index) else None
        nodes.append(
            new_node(
                memory.keys[index],
                memory.keys[index - 1] if index else memory.parent,
                message,
                face,
                model=maker.model if maker is not None else "",
                account=maker.account if maker is not None else "",
            )
        )
    return nodes


def _session_update(exchange: Exchange, status: str, answers: list[Key], *, idle: timedelta) -> SessionUpdate | None:
    """Move the session's head to the first answer.

    A failed exchange leaves the head where it was, because its client will ask again; one that the client cut short
    keeps what the client has seen.
    """
    if not exchange.branches or not answers or status not in {"ok", "client_closed"}:
        return None
    memory = exchange.branches[0].memory
    if memory.session is None:
        return None
    return SessionUpdate(
        principal_id=memory.principal_id,
        user=memory.session.user,
        name=memory.session.name,
        public_id=memory.public_id,
        session_id=memory.state.id if memory.state is not None else None,
        expected_head=memory.parent,
        follow=not memory.continued,
        new_head=answers[0],
        now=exchange.started_at,
        idle=idle,
    )


def _upstream_request(exchange: Exchange) -> tuple[str, str] | None:
    """Return what went upstream besides the turns, under its digest; whether they went without signatures, and those
    that the tree holds in another spelling.
    """
    if not exchange.calls:
        return None
    body = exchange.branches[0].upstream.body
    turns = {"contents", "systemInstruction"}
    rest: dict[str, Any] = {name: value for name, value in body.items() if name not in turns}
    if exchange.unsigned:
        rest[WITHOUT_SIGNATURES] = True
    if exchange.branches[0].memory.in_tree and (own := _turns_as_sent(exchange.branches[0])):
        rest[TURNS_AS_SENT] = own
    text = orjson.dumps(rest, option=orjson.OPT_SORT_KEYS).decode()
    return (_small_digest(text) if len(text) <= SMALL else request_digest(text)), text


def _turns_as_sent(branch: Branch) -> dict[str, Content]:
    """Return the turns that were not sent as the tree holds them, by their distance from the request's last one."""
    memory, found = branch.memory, {}
    last = len(memory.messages) - 1
    for index, (key, face) in enumerate(zip(memory.keys, branch.upstream.faces, strict=True)):
        held = memory.in_tree.get(key)
        maker = memory.makers.get(index)
        if not held or face is None or (maker and maker.gemini == held and face is memory.restored.get(index)):
            continue
        if orjson.dumps(face).decode() != held:
            found[str(last - index)] = face
    return found


@lru_cache(maxsize=256)
def _small_digest(text: str) -> str:
    """Return the digest of a body that many requests share: without tools it holds little more than the sampling."""
    return request_digest(text)
