"""Running a planned exchange: the plain response, and the stream of events."""

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
from api.exchange.running.empty_answer_retry import open_response, plain_responses
from api.exchange.running.parallel_calls import PlannedCall, Source
from api.exchange.running.signature_retry import call_with_signature_retry
from api.exchange.running.stream_opening import Opened, Opening
from api.failures import to_gateway_error
from api.gemini.wire import GenerateContentResponse
from api.services import Services
from api.translate.answers.empty_answer import is_no_answer

Responses = list[GenerateContentResponse]


async def complete(exchange: Exchange, generation: Generation) -> Any:
    """Call Gemini, record the exchange, and return the body in OpenAI's form.

    Raises GatewayError. A response of the Responses API that failed after its upstream call is returned with status
    `failed`, not raised.
    """
    accumulator = generation.accumulator
    exchange.admit()
    await exchange.reserve()
    try:
        call_responses = await plain_responses(exchange.services, generation)
        if call_responses:
            generation.accounting.first_byte = time.monotonic()
        for first_choice, response in call_responses:
            accumulator.accumulate(response, first_choice=first_choice)
        if accumulator.fault is not None:
            raise accumulator.fault
        completion = accumulator.completion()
        await exchange.record(SUCCESS)
    except UpstreamError as error:
        await exchange.fail(error)
        failed = accumulator.failed_body(error) if is_no_answer(error) else None
        if failed is None:
            raise
        return failed
    else:
        return completion


class EventStream:
    """The events of a streamed response. It can be iterated over once; `aclose` may be called without an iteration."""

    __slots__ = (
        "_accumulator",
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
        self._accumulator = generation.accumulator
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
        """Close the upstream stream and record the exchange, unless that is done."""
        await self._events.aclose()
        await self._end()

    async def _run(self) -> AsyncGenerator[Batch, None]:
        """Yield events until Gemini's stream ends, record the exchange, then yield the closing events.

        Gemini's chunks may have nothing for the client, such as thoughts that it did not request: a keep-alive is sent
        every KEEP_ALIVE_INTERVAL seconds then too.
        """
        accumulator, generation, interval = self._accumulator, self._generation, self._interval
        accounting, feed, clock = generation.accounting, accumulator.feed, asyncio.get_running_loop().time
        try:
            while (source := self._source) is None:
                yield KEEP_ALIVE
                await self._open()
            last_sent = clock()
            responses, self._first = self._first, None
            while responses != [] and not generation.stopped:
                if responses and accounting.first_byte is None:
                    accounting.first_byte = time.monotonic()
                # One network read (None after a timeout) makes one write.
                events: list[Event] = []
                for response in responses or ():
                    events += feed(response, first_choice=source.first_choice)
                if events or responses is None or clock() - last_sent >= interval:
                    yield events or KEEP_ALIVE
                    last_sent = clock()
                responses = await source.read(interval)
            if not generation.stopped and accumulator.fault is not None:
                raise accumulator.fault
            closing = accumulator.finish()
            await self._exchange.record(SUCCESS)
            yield LastBatch(closing)
        except Exception as error:  # noqa: BLE001 - the stream's edge: a failed stream ends with an error event
            closing = accumulator.failed(to_gateway_error(error))
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
        """Wait at most KEEP_ALIVE_INTERVAL seconds for the upstream stream; raises the error of the opening."""
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
            # Without a record until here, the client has disconnected: its upstream calls are recorded all the same.
            await self._exchange.end(asyncio.CancelledError())


async def stream(exchange: Exchange, generation: Generation, *, silence: float | None = None) -> EventStream:
    """Open the upstream stream and wait for its first chunk, so that an upstream error becomes an HTTP status. The
    stream ends the exchange.

    If Gemini sends status 200 and then nothing for KEEP_ALIVE_INTERVAL seconds, the response begins with a keep-alive
    comment. With `silence`, the response begins after that many seconds in any case; a later error is its last event.
    """
    exchange.admit()
    await exchange.reserve()
    opened: Opened | Opening
    if silence is None:
        opened = await _call(exchange, generation)
    else:
        opened = opening = Opening(lambda: _call(exchange, generation))
        try:
            if await opening.wait(silence):
                opened = opening.result()
        except BaseException:
            await opening.abandon()
            raise
    events = EventStream(exchange, generation, opened)
    exchange.keep_open()
    return events


async def _call(exchange: Exchange, generation: Generation) -> Opened:
    return await call_with_signature_retry(generation, lambda calls: _opened(exchange.services, generation, calls))


async def _opened(services: Services, generation: Generation, calls: Sequence[PlannedCall]) -> Opened:
    """Open the upstream stream and read its first chunk, which may be an error."""
    source = await open_response(services, generation, calls)
    try:
        first = await source.read(settings.KEEP_ALIVE_INTERVAL)
        if first == [] and generation.calls:
            generation.accumulator.finish()  # raises: the stream is empty
        return source, first
    except BaseException:
        await source.close()
        raise
