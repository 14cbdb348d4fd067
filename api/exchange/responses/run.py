"""Running a planned response, with the compaction that may precede it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from django.conf import settings

from api.exchange.events import KEEP_ALIVE, Batch, ErrorBatch, LastBatch
from api.exchange.outcome import SUCCESS
from api.exchange.responses.auto_compaction import compact_context
from api.exchange.responses.plan import PlannedResponse
from api.exchange.running.run import EventStream, complete, stream
from api.failures import to_gateway_error
from api.translate.responses.output.builder import Events


async def complete_response(planned: PlannedResponse) -> Any:
    """Return the response. Raises GatewayError."""
    exchange, accumulator = planned.exchange, planned.accumulator
    if planned.compacted:
        accumulator.compacting()
        await compact_context(planned)
        if planned.request.compacts_only:
            accumulator.finish_without_answer()
            await exchange.record(SUCCESS)
            return accumulator.response()
    return await complete(exchange, planned.generation)


async def stream_response(planned: PlannedResponse) -> "EventStream | CompactingStream":
    """Return the response's stream, which ends the exchange. Without a compaction, an upstream error is raised with its
    status.
    """
    if not planned.compacted:
        return await stream(planned.exchange, planned.generation)
    await planned.exchange.reserve()
    events = CompactingStream(planned)
    planned.exchange.keep_open()
    return events


async def store_input(planned: PlannedResponse) -> Events:
    """Record the input of a request with `generate: false` without an upstream call; return the events."""
    events = [*planned.accumulator.created(), *planned.accumulator.finish_without_answer()]
    await planned.exchange.record(SUCCESS)
    return events


class CompactingStream:
    """A stream that begins with a compaction: the client receives the compaction item and keep-alives while the summary
    is generated.

    An async iterator of batches of events; `aclose` may be called without an iteration.
    """

    def __init__(self, planned: PlannedResponse) -> None:
        self._planned = planned
        self._events = self._run()

    def __aiter__(self) -> "CompactingStream":
        return self

    async def __anext__(self) -> Batch:
        return await self._events.__anext__()

    async def aclose(self) -> None:
        """Stop the current step and record the exchange, unless that is done."""
        await self._events.aclose()
        await self._end()

    async def _run(self) -> AsyncGenerator[Batch, None]:
        exchange, generation, accumulator = self._planned.exchange, self._planned.generation, self._planned.accumulator
        events: EventStream | None = None
        try:
            yield accumulator.compacting()
            async for batch in self._compact():
                yield batch
            if self._planned.request.compacts_only:
                closing = accumulator.finish_without_answer()
                await exchange.record(SUCCESS)
                yield LastBatch(closing)
                return
            events = await stream(exchange, generation, silence=settings.KEEP_ALIVE_INTERVAL)
            async for batch in events:
                yield batch
        except Exception as error:  # noqa: BLE001 - the stream's edge: a failed stream ends with an error event
            closing = accumulator.failed(to_gateway_error(error))
            await exchange.fail(error)
            yield ErrorBatch(closing)
        finally:
            if events is not None:
                await events.aclose()
            await self._end()

    async def _compact(self) -> AsyncGenerator[Batch, None]:
        """Yield keep-alives while the summary is generated, then the events that end the compaction item."""
        task = asyncio.create_task(compact_context(self._planned))
        try:
            while not (await asyncio.wait([task], timeout=settings.KEEP_ALIVE_INTERVAL))[0]:
                yield KEEP_ALIVE
            yield task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _end(self) -> None:
        # Without a record until here, the client has disconnected: its upstream calls are recorded all the same.
        await self._planned.exchange.end(asyncio.CancelledError())
