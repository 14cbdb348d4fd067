"""Carrying an exchange out: the plain answer, and the stream of events."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from django.conf import settings

from api.errors import UpstreamError
from api.exchange.events import KEEP_ALIVE, Batch, ErrorBatch, Event, LastBatch
from api.exchange.exchange import Exchange
from api.exchange.generation import Generation
from api.exchange.outcome import SUCCESS
from api.exchange.running.empty_answer_retry import open_answer, plain_answers
from api.exchange.running.parallel_calls import PlannedCall, Source
from api.exchange.running.signature_retry import asked
from api.exchange.running.stream_opening import Opened, Opening
from api.failures import to_gateway_error
from api.gemini.wire import GenerateContentResponse
from api.services import Runtime
from api.translate.answers.empty_answer import is_no_answer

Responses = list[GenerateContentResponse]


async def complete(exchange: Exchange, generation: Generation) -> Any:
    """Ask Gemini, record, and return OpenAI's answer. Whatever goes wrong is raised; of an answer that is none, a
    response tells by itself.
    """
    answer = generation.accumulator
    exchange.admit()
    try:
        pieces = await plain_answers(exchange.runtime, generation)
        if pieces:
            generation.accounting.first_byte = time.monotonic()
        for first_choice, response in pieces:
            answer.fold(response, first_choice=first_choice)
        if answer.fault is not None:
            raise answer.fault
        completion = answer.completion()
        await exchange.record(SUCCESS)
    except UpstreamError as error:
        await exchange.fail(error)
        failed = answer.failed_answer(error) if is_no_answer(error) else None
        if failed is None:
            raise
        return failed
    else:
        return completion


class EventStream:
    """The events of a streamed answer, to iterate over once; `aclose` also ends a stream never begun."""

    __slots__ = (
        "_answer",
        "_events",
        "_exchange",
        "_first",
        "_generation",
        "_interval",
        "_opening",
        "_over",
        "_source",
    )

    def __init__(self, exchange: Exchange, generation: Generation, opened: Opened | Opening) -> None:
        self._exchange = exchange
        self._generation = generation
        self._answer = generation.accumulator
        self._source: Source | None = None
        self._first: Responses | None = None
        self._opening = opened if isinstance(opened, Opening) else None
        if not isinstance(opened, Opening):
            self._begin(opened)
        self._interval = settings.KEEP_ALIVE_INTERVAL
        self._events = self._run()
        self._over = False

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self._events

    async def aclose(self) -> None:
        """End the upstream call and record, if that has not happened."""
        await self._events.aclose()
        await self._end()

    async def _run(self) -> AsyncGenerator[Batch, None]:
        """Yield events until Gemini has ended, then record, then the closing events.

        What Gemini sends may hold nothing for the client, such as thoughts that it does not want to see: then too it
        hears something every KEEP_ALIVE_INTERVAL seconds.
        """
        answer, generation, interval = self._answer, self._generation, self._interval
        accounting, feed, clock = generation.accounting, answer.feed, asyncio.get_running_loop().time
        try:
            while (source := self._source) is None:
                yield KEEP_ALIVE
                await self._open()
            spoken = clock()
            responses, self._first = self._first, None
            while responses != [] and not generation.stopped:
                if responses and accounting.first_byte is None:
                    accounting.first_byte = time.monotonic()
                # What one network read brought (None if nothing came in time) goes out as one write.
                events: list[Event] = []
                for response in responses or ():
                    events += feed(response, first_choice=source.first_choice)
                if events or responses is None or clock() - spoken >= interval:
                    yield events or KEEP_ALIVE
                    spoken = clock()
                responses = await source.read(interval)
            if not generation.stopped and answer.fault is not None:
                raise answer.fault
            closing = answer.finish()
            await self._exchange.record(SUCCESS)
            yield LastBatch(closing)
        except Exception as error:  # noqa: BLE001 - the stream's edge: a broken stream says so and never ends well
            closing = answer.failed(to_gateway_error(error))
            await self._exchange.fail(error)
            yield ErrorBatch(closing)
        finally:
            await self._end()

    def _begin(self, opened: Opened) -> None:
        """Read from an upstream stream that is open."""
        self._source, self._first = opened
        if self._first:
            self._generation.accounting.first_byte = time.monotonic()

    async def _open(self) -> None:
        """Wait for the upstream stream, KEEP_ALIVE_INTERVAL seconds at most; raises why it could not be opened."""
        opening = self._opening
        if opening is not None and await opening.wait(self._interval):
            self._opening = None
            self._begin(opening.result())

    async def _end(self) -> None:
        if self._over:
            return
        self._over = True
        try:
            if self._opening is not None:
                await self._opening.abandon()
            if self._source is not None:
                await self._source.close()
        finally:
            # If nothing is recorded yet, the client has gone: what it caused is recorded all the same.
            await self._exchange.end(asyncio.CancelledError())


async def stream(exchange: Exchange, generation: Generation, *, silence: float | None = None) -> EventStream:
    """Open the upstream stream and wait for its first piece, so that a refusal keeps its status. The stream ends the
    exchange.

    Once Gemini has answered 200 but stays silent for KEEP_ALIVE_INTERVAL seconds, the answer begins with a comment.
    Where `silence` is given, it begins so after that many seconds in any case; a later refusal is its last event.
    """
    exchange.admit()
    opened: Opened | Opening
    if silence is None:
        opened = await _asked(exchange, generation)
    else:
        opened = opening = Opening(lambda: _asked(exchange, generation))
        try:
            if await opening.wait(silence):
                opened = opening.result()
        except BaseException:
            await opening.abandon()
            raise
    events = EventStream(exchange, generation, opened)
    exchange.keep_open()
    return events


async def _asked(exchange: Exchange, generation: Generation) -> Opened:
    return await asked(generation, lambda calls: _opened(exchange.runtime, generation, calls))


async def _opened(runtime: Runtime, generation: Generation, calls: Sequence[PlannedCall]) -> Opened:
    """Open the upstream stream and read what comes first: a refusal may also be the first thing in a stream."""
    source = await open_answer(runtime, generation, calls)
    try:
        first = await source.read(settings.KEEP_ALIVE_INTERVAL)
        if first == [] and generation.calls:
            generation.accumulator.finish()  # raises: it ended before anything came
        return source, first
    except BaseException:
        await source.close()
        raise
