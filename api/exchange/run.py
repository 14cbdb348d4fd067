"""Carrying an exchange out: the plain answer, and the stream of events."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from django.conf import settings

from api.errors import GatewayError, UpstreamError
from api.exchange.events import KEEP_ALIVE, Batch, ErrorBatch, Event, LastBatch
from api.exchange.exchange import Exchange
from api.exchange.fanout import PlannedCall, Source
from api.exchange.opening import Opened, Opening
from api.exchange.record import record, record_failure
from api.exchange.second_asking import open_answer, plain_answers
from api.exchange.signatures import asked
from api.gemini.wire import GenerateContentResponse
from api.runtime import Runtime
from api.translate.no_answer import is_no_answer
from api.unforeseen import gateway_error

Responses = list[GenerateContentResponse]


async def complete(runtime: Runtime, exchange: Exchange) -> Any:
    """Ask Gemini, record, and return OpenAI's answer. Whatever goes wrong is recorded and raised; of an answer that is
    none, a response tells by itself.
    """
    answer = exchange.planned_answer
    await _admit(runtime, exchange)
    try:
        pieces = await plain_answers(runtime, exchange)
        if pieces:
            exchange.first_byte = time.monotonic()
        for first_choice, response in pieces:
            answer.fold(response, first_choice=first_choice)
        if answer.fault is not None:
            raise answer.fault
        completion = answer.completion()
        await record(runtime, exchange, "ok")
    except BaseException as error:
        await record_failure(runtime, exchange, error)
        failed = answer.failed_answer(error) if isinstance(error, UpstreamError) and is_no_answer(error) else None
        if failed is None:
            raise
        return failed
    else:
        return completion
    finally:
        exchange.release()
        runtime.leave()


class EventStream:
    """The events of a streamed answer, to iterate over once; `aclose` also ends a stream never begun."""

    __slots__ = (
        "_answer",
        "_events",
        "_exchange",
        "_first",
        "_interval",
        "_opening",
        "_over",
        "_runtime",
        "_source",
    )

    def __init__(self, runtime: Runtime, exchange: Exchange, opened: Opened | Opening) -> None:
        self._runtime = runtime
        self._exchange = exchange
        self._answer = exchange.planned_answer
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
        answer, exchange, interval = self._answer, self._exchange, self._interval
        feed, clock = answer.feed, asyncio.get_running_loop().time
        try:
            while (source := self._source) is None:
                yield KEEP_ALIVE
                await self._open()
            read, spoken = source.read, clock()
            responses, self._first = self._first, None
            while responses != [] and not exchange.stopped:
                if responses and exchange.first_byte is None:
                    exchange.first_byte = time.monotonic()
                # What one network read brought (None if nothing came in time) goes out as one write.
                events: list[Event] = []
                for response in responses or ():
                    events += feed(response, first_choice=source.first_choice)
                if events or responses is None or clock() - spoken >= interval:
                    yield events or KEEP_ALIVE
                    spoken = clock()
                responses = await read(interval)
            if not exchange.stopped and answer.fault is not None:
                raise answer.fault
            closing = answer.finish()
            await record(self._runtime, exchange, "ok")
            yield LastBatch(closing)
        except Exception as error:  # noqa: BLE001 - the stream's edge: a broken stream says so and never ends well
            closing = answer.failed(gateway_error(error))
            await record_failure(self._runtime, exchange, error)
            yield ErrorBatch(closing)
        finally:
            await self._end()

    def _begin(self, opened: Opened) -> None:
        """Read from an upstream stream that is open."""
        self._source, self._first = opened
        if self._first:
            self._exchange.first_byte = time.monotonic()

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
        if self._opening is not None:
            await self._opening.abandon()
        if self._source is not None:
            await self._source.close()
        try:
            if not self._exchange.recorded:
                # The client has gone: what it caused is recorded all the same.
                await record_failure(self._runtime, self._exchange, asyncio.CancelledError())
        finally:
            self._exchange.release()
            self._runtime.leave()


async def stream(runtime: Runtime, exchange: Exchange, *, silence: float | None = None) -> EventStream:
    """Open the upstream stream and wait for its first piece, so that a refusal keeps its status.

    Once Gemini has answered 200 but stays silent for KEEP_ALIVE_INTERVAL seconds, the answer begins with a comment.
    Where `silence` is given, it begins so after that many seconds in any case; a later refusal is its last event.
    """
    await _admit(runtime, exchange)
    opening: Opening | None = None
    try:
        if silence is None:
            return EventStream(runtime, exchange, await _asked(runtime, exchange))
        opening = Opening(lambda: _asked(runtime, exchange))
        if not await opening.wait(silence):
            return EventStream(runtime, exchange, opening)
        return EventStream(runtime, exchange, opening.result())
    except BaseException as error:
        try:
            if opening is not None:
                await opening.abandon()
            await record_failure(runtime, exchange, error)
        finally:
            exchange.release()
            runtime.leave()
        raise


async def _asked(runtime: Runtime, exchange: Exchange) -> Opened:
    return await asked(exchange, lambda calls: _opened(runtime, exchange, calls))


async def _opened(runtime: Runtime, exchange: Exchange, calls: Sequence[PlannedCall]) -> Opened:
    """Open the upstream stream and read what comes first: a refusal may also be the first thing in a stream."""
    source = await open_answer(runtime, exchange, calls)
    try:
        first = await source.read(settings.KEEP_ALIVE_INTERVAL)
        if first == [] and exchange.calls:
            exchange.planned_answer.finish()  # raises: it ended before anything came
        return source, first
    except BaseException:
        await source.close()
        raise


async def _admit(runtime: Runtime, exchange: Exchange) -> None:
    """Count the exchange in, or record that it was turned away and raise what `Runtime.enter` raises."""
    try:
        runtime.enter()
    except GatewayError as error:
        exchange.release()
        await record_failure(runtime, exchange, error)
        raise
