"""Several upstream calls as one: those of `n` choices or of several prompts, each with its first choice."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson

from api.exchange.accounting import Attempt
from api.gemini.client import GeminiClient
from api.gemini.upstream_stream import UpstreamStream
from api.gemini.wire import GenerateContentRequest, GenerateContentResponse

CallResponse = tuple[int, GenerateContentResponse]
CallResponses = tuple[int, list[GenerateContentResponse]]


@dataclass(slots=True)
class PlannedCall:
    """One upstream call: its body, the first choice that its candidates fill, and the number of choices.

    A retry fills only the choices in `lacking`, which count from the first choice of the call.
    The body is encoded anew for each attempt: the encoded bytes of a request with media take as much memory as the
    request itself, and only the socket needs them.
    """

    body: GenerateContentRequest
    first_choice: int
    choices: int = 1
    lacking: Collection[int] | None = None

    def encode(self) -> bytes:
        """Return the body as JSON."""
        return orjson.dumps(self.body)

    def attempt(self, account: str) -> Attempt:
        """Return the record of making the call with a Gemini account."""
        indexes = range(self.choices) if self.lacking is None else self.lacking
        return Attempt(account, [self.first_choice + index for index in indexes])


async def generate_all(
    client: GeminiClient,
    model: str,
    calls: Sequence[PlannedCall],
    *,
    public_model: str,
    since: float,
    on_growth: Callable[[int], None] | None = None,
) -> list[CallResponse]:
    """Make all plain calls concurrently; the first failure cancels the others and is raised.

    The total timeout counts from `since`, a time of the event loop's clock. `on_growth` is called with the number of
    bytes of each response.
    """

    asking = [
        client.generate(model, call.encode, public_model=public_model, since=since, on_growth=on_growth)
        for call in calls
    ]
    if len(calls) == 1:
        return [(calls[0].first_choice, await asking[0])]
    tasks = [asyncio.ensure_future(answer) for answer in asking]
    try:
        answers = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return [(call.first_choice, answer) for call, answer in zip(calls, answers, strict=True)]


class Source(Protocol):
    """The upstream streams of one exchange. `read` returns Gemini's responses of one stream; their choices begin with
    `first_choice`.
    """

    first_choice: int

    @property
    def read(self) -> Callable[[float], Awaitable[list[GenerateContentResponse] | None]]:
        """Returns Gemini's responses; None after a timeout (in seconds); [] after the end of all streams."""

    async def close(self) -> None:
        """Close the upstream connections at once."""


class SingleSource:
    """One stream, read directly."""

    def __init__(self, stream: UpstreamStream, first_choice: int) -> None:
        self._stream = stream
        self.first_choice = first_choice
        self.read = stream.read

    async def close(self) -> None:
        """See Source."""
        self._stream.close()


class MergedSource:
    """Several streams: one reading task per stream, and a queue of at most one unread batch per stream."""

    def __init__(self, streams: Sequence[tuple[int, UpstreamStream]]) -> None:
        self.first_choice = 0
        self._queue: asyncio.Queue[CallResponses | BaseException | None] = asyncio.Queue(maxsize=len(streams))
        self._streams = [stream for _, stream in streams]
        self._open = len(streams)
        self._tasks = [asyncio.ensure_future(self._pump(first, stream)) for first, stream in streams]

    async def _pump(self, first_choice: int, stream: UpstreamStream) -> None:
        """Put the batches of one stream into the queue, then None at its end or the exception that it raised."""
        try:
            while True:
                responses = await stream.read(3600.0)
                if responses is None:
                    continue
                if not responses:
                    await self._queue.put(None)
                    return
                await self._queue.put((first_choice, responses))
        except Exception as error:  # noqa: BLE001 - the reader raises it
            await self._queue.put(error)

    async def read(self, wait: float) -> list[GenerateContentResponse] | None:
        """See Source."""
        while self._open:
            try:
                async with asyncio.timeout(wait):
                    item = await self._queue.get()
            except TimeoutError:
                return None
            if isinstance(item, BaseException):
                raise item
            if item is not None:
                self.first_choice, responses = item
                return responses
            self._open -= 1
        return []

    async def close(self) -> None:
        """See Source."""
        for task in self._tasks:
            task.cancel()
        for stream in self._streams:
            stream.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def open_source(
    client: GeminiClient,
    model: str,
    calls: Sequence[PlannedCall],
    *,
    public_model: str,
    since: float,
    on_growth: Callable[[int], None] | None = None,
) -> Source:
    """Open all streams; returns when Gemini has sent status 200 for each. A failure closes the others and is raised.

    The total timeout counts from `since`, a time of the event loop's clock. `on_growth` is called now and then with the
    number of bytes received since the last call.
    """
    if len(calls) == 1:
        stream = await client.stream(model, calls[0].encode, public_model=public_model, since=since)
        stream.on_growth = on_growth
        return SingleSource(stream, calls[0].first_choice)
    tasks = [
        asyncio.ensure_future(client.stream(model, call.encode, public_model=public_model, since=since))
        for call in calls
    ]
    try:
        streams = await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        for opened in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(opened, UpstreamStream):
                opened.close()
        raise
    for opened in streams:
        opened.on_growth = on_growth
    return MergedSource([(call.first_choice, stream) for call, stream in zip(calls, streams, strict=True)])
