"""The retry of empty Gemini responses (`api.translate.candidates.empty_response`), plain and streamed.

A call is retried only while its client has received nothing of it, at most EMPTY_ANSWER_RETRIES times and within
TOTAL_TIMEOUT. Google bills every response, so the tokens of discarded responses are counted too.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace

from api.exchange.generation import Generation
from api.exchange.running.parallel_calls import (
    CallResponse,
    CallResponses,
    PlannedCall,
    SingleSource,
    Source,
    generate_all,
    open_source,
)
from api.exchange.running.signature_retry import call_with_signature_retry
from api.gemini.wire import GenerateContentResponse
from api.notes import Note
from api.services import Services
from api.translate.candidates.empty_response import filled, names_of, reasons_of


async def plain_responses(services: Services, generation: Generation) -> Sequence[CallResponse]:
    """Make the plain upstream calls of a generation and return Gemini's responses; after the last retry, an empty one
    may be among them.
    """
    client, model, name = services.client, generation.accounting.upstream_model, generation.accounting.public_model
    since = client.now()
    on_growth = generation.hold.add

    def call(calls: Sequence[PlannedCall]) -> Awaitable[list[CallResponse]]:
        generation.accounting.attempts += [call.attempt(client.account) for call in calls]
        return generate_all(client, model, calls, public_model=name, since=since, on_growth=on_growth)

    accumulator = generation.accumulator
    call_responses = await call_with_signature_retry(generation, call)
    retries = services.deployment.empty_answer_retries
    while (
        retries > 0
        and (lacking := _lacking(generation, call_responses))
        and client.now() < since + client.deadlines.total
    ):
        retries -= 1
        _note(generation, (reason for lacks in lacking.values() for reason in lacks.values()))
        try:
            calls = [replace(generation.calls[number], lacking=lacks) for number, lacks in lacking.items()]
            fresh = await call_with_signature_retry(generation, call, calls)
        except BaseException:
            accumulator.discard(call_responses)
            raise
        for (number, lacks), (first_choice, response) in zip(lacking.items(), fresh, strict=True):
            discarded, whole = filled(call_responses[number][1], lacks, response)
            accumulator.discard([(first_choice, discarded)])
            call_responses[number] = (first_choice, whole)
    return call_responses


def _lacking(generation: Generation, call_responses: Sequence[CallResponse]) -> dict[int, dict[int, str]]:
    """Return the calls with empty choices: call number → the value of `Accumulator.lacking`."""
    found = {}
    accumulator = generation.accumulator
    for number, (call, (_, response)) in enumerate(zip(generation.calls, call_responses, strict=True)):
        if lacks := accumulator.lacking(response, call.choices):
            found[number] = lacks
    return found


async def open_response(services: Services, generation: Generation, calls: Sequence[PlannedCall]) -> Source:
    """Open the streams of a generation."""
    since = services.client.now()
    source = await _open(services, generation, calls, since)
    return BufferedSource(services, generation, source, since) if services.deployment.empty_answer_retries else source


class BufferedSource:
    """The streams of a generation. They are buffered until the first response with content; if they end before it, the
    streams are opened again.
    """

    def __init__(self, services: Services, generation: Generation, source: Source, since: float) -> None:
        self.first_choice = source.first_choice
        self._services = services
        self._generation = generation
        self._source: Source | None = source
        self._opening: asyncio.Task[Source] | None = None
        self._buffered: deque[CallResponses] = deque()
        self._shown = False
        self._retries = services.deployment.empty_answer_retries
        self._since = since
        self._ends_at = since + services.client.deadlines.total
        self._now = services.client.now
        self.read: Callable[[float], Awaitable[list[GenerateContentResponse] | None]] = self._read

    async def _read(self, wait: float) -> list[GenerateContentResponse] | None:
        """See Source.read."""
        if not self._shown:
            try:
                return await self._first(wait)
            except BaseException:
                self._discard()
                raise
        if self._buffered or self._source is None:
            return self._release()
        source = self._source
        if isinstance(source, SingleSource):
            self.read = source.read  # later reads go directly to the stream
        responses = await source.read(wait)
        self.first_choice = source.first_choice
        return responses

    async def close(self) -> None:
        """See Source. Buffered responses are counted: Google bills them."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
            if not self._opening.cancelled() and self._opening.exception() is None:
                self._source = self._opening.result()
            self._opening = None
        if self._source is not None:
            await self._source.close()
        self._discard()

    async def _first(self, wait: float) -> list[GenerateContentResponse] | None:
        """Read until a response has content for the client, or every stream has ended."""
        until = self._now() + wait
        shows = self._generation.accumulator.shows
        while True:
            source = await self._opened(until)
            responses = None if source is None else await source.read(max(0.0, until - self._now()))
            if source is None or responses is None:
                return None
            if responses:
                self._buffered.append((source.first_choice, responses))
                self._shown = any(map(shows, responses))
            elif not self._may_retry():
                self._shown = True
            else:
                await self._call_again(source)
            if self._shown:
                return self._release()

    async def _opened(self, until: float) -> Source | None:
        """Return the open streams, None if they are not open by `until`."""
        if self._opening is not None:
            await asyncio.wait([self._opening], timeout=max(0.0, until - self._now()))
            if not self._opening.done():
                return None
            opening, self._opening = self._opening, None
            self._source = opening.result()
        return self._source

    def _may_retry(self) -> bool:
        """Whether a retry is possible: Gemini has sent responses, a retry is left and the deadline is not reached."""
        return (
            bool(self._buffered) and self._retries > 0 and not self._generation.stopped and self._now() < self._ends_at
        )

    async def _call_again(self, ended: Source) -> None:
        generation = self._generation
        self._retries -= 1
        _note(generation, reasons_of(response for _, responses in self._buffered for response in responses))
        self._discard()
        self._source = None
        await ended.close()
        self._opening = asyncio.ensure_future(_open(self._services, generation, generation.calls, self._since))

    def _discard(self) -> None:
        if self._buffered:
            self._generation.accumulator.discard(
                (first_choice, response) for first_choice, responses in self._buffered for response in responses
            )
            self._buffered.clear()

    def _release(self) -> list[GenerateContentResponse]:
        """Return the next buffered responses, [] if there are none."""
        if not self._buffered:
            return []
        self.first_choice, responses = self._buffered.popleft()
        return responses


async def _open(services: Services, generation: Generation, calls: Sequence[PlannedCall], since: float) -> Source:
    client, model, name = services.client, generation.accounting.upstream_model, generation.accounting.public_model
    generation.accounting.attempts += [call.attempt(client.account) for call in calls]
    return await open_source(client, model, calls, public_model=name, since=since, on_growth=generation.hold.add)


def _note(generation: Generation, reasons: Iterable[str]) -> None:
    reason = f"Gemini returned an empty response ({names_of(reasons)}): request repeated"
    generation.accounting.notes.append(Note("dropped", "answer", reason))
