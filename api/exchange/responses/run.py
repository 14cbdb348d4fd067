"""Carrying a response out, with the compaction that may be due before its answer."""

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
    """Return the response. Whatever goes wrong is raised."""
    exchange, answer = planned.exchange, planned.answer
    if planned.compacted:
        answer.compacting()
        await compact_context(planned)
        if planned.request.compacts_only:
            answer.finish_without_answer()
            await exchange.record(SUCCESS)
            return answer.response()
    return await complete(exchange, planned.generation)


async def stream_response(planned: PlannedResponse) -> "EventStream | CompactingStream":
    """Return the response's stream, which ends the exchange. Without a compaction, a refusal of Gemini's is raised with
    its status.
    """
    if not planned.compacted:
        return await stream(planned.exchange, planned.generation)
    events = CompactingStream(planned)
    planned.exchange.keep_open()
    return events


async def take_in(planned: PlannedResponse) -> Events:
    """Take the input into the transcript, and into what is stored, without asking for an answer; return the events."""
    events = [*planned.answer.created(), *planned.answer.finish_without_answer()]
    await planned.exchange.record(SUCCESS)
    return events


class CompactingStream:
    """A stream that begins with a compaction: its client sees that it is under way, and hears keep-alives meanwhile.

    An async iterator of batches of events whose `aclose` also ends a stream never begun.
    """

    def __init__(self, planned: PlannedResponse) -> None:
        self._planned = planned
        self._events = self._run()

    def __aiter__(self) -> "CompactingStream":
        return self

    async def __anext__(self) -> Batch:
        return await self._events.__anext__()

    async def aclose(self) -> None:
        """End whatever runs and record, if that has not happened."""
        await self._events.aclose()
        await self._end()

    async def _run(self) -> AsyncGenerator[Batch, None]:
        exchange, generation, answer = self._planned.exchange, self._planned.generation, self._planned.answer
        events: EventStream | None = None
        try:
            yield answer.compacting()
            async for batch in self._compact():
                yield batch
            if self._planned.request.compacts_only:
                closing = answer.finish_without_answer()
                await exchange.record(SUCCESS)
                yield LastBatch(closing)
                return
            events = await stream(exchange, generation, silence=settings.KEEP_ALIVE_INTERVAL)
            async for batch in events:
                yield batch
        except Exception as error:  # noqa: BLE001 - the stream's edge: a broken stream says so and never ends well
            closing = answer.failed(to_gateway_error(error))
            await exchange.fail(error)
            yield ErrorBatch(closing)
        finally:
            if events is not None:
                await events.aclose()
            await self._end()

    async def _compact(self) -> AsyncGenerator[Batch, None]:
        """Yield keep-alives while the summary is made, then the events that end the compaction."""
        task = asyncio.create_task(compact_context(self._planned))
        try:
            while not (await asyncio.wait([task], timeout=settings.KEEP_ALIVE_INTERVAL))[0]:
                yield KEEP_ALIVE
            yield task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _end(self) -> None:
        # If nothing is recorded yet, the client has gone: what it caused is recorded all the same.
        await self._planned.exchange.end(asyncio.CancelledError())
