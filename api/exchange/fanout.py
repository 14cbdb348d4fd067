"""Several upstream calls as one: the answers of `n` choices or of several prompts, each piece with its first choice."""

import asyncio
from collections.abc import Sequence

from api.gemini.client import GeminiClient, UpstreamStream
from api.gemini.wire import GenerateContentResponse
from gemini_gateway.frozen import frozen

Piece = tuple[int, GenerateContentResponse]


@frozen()
class PlannedCall:
    """One upstream call: its JSON body and the number of the first choice that its candidates fill."""

    body: bytes
    first_choice: int


async def generate_all(client: GeminiClient, model: str, calls: Sequence[PlannedCall], *, asked_as: str) -> list[Piece]:
    """Ask for all plain answers at once; the first failure cancels the rest and is raised."""
    if len(calls) == 1:
        return [(calls[0].first_choice, await client.generate(model, calls[0].body, asked_as=asked_as))]
    tasks = [asyncio.ensure_future(client.generate(model, call.body, asked_as=asked_as)) for call in calls]
    try:
        answers = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return [(call.first_choice, answer) for call, answer in zip(calls, answers, strict=True)]


class Source:
    """The streams of one exchange. `read` gives what has arrived on any of them."""

    async def read(self, wait: float) -> list[Piece] | None:
        """Return pieces; None if nothing came within `wait` seconds; [] when every stream has ended."""
        raise AssertionError  # pragma: no cover - SingleSource and MergedSource are the two kinds

    async def close(self) -> None:
        """Drop the upstream connections at once."""


class SingleSource(Source):
    """One stream, read without any task in between."""

    def __init__(self, stream: UpstreamStream, first_choice: int) -> None:
        self._stream = stream
        self._first_choice = first_choice

    async def read(self, wait: float) -> list[Piece] | None:
        """See Source."""
        responses = await self._stream.read(wait)
        if responses is None:
            return None
        return [(self._first_choice, response) for response in responses]

    async def close(self) -> None:
        """See Source."""
        self._stream.close()


class MergedSource(Source):
    """Several streams: one reading task each, and a queue of at most one unread batch per stream."""

    def __init__(self, streams: Sequence[tuple[int, UpstreamStream]]) -> None:
        self._queue: asyncio.Queue[list[Piece] | BaseException | None] = asyncio.Queue(maxsize=len(streams))
        self._streams = [stream for _, stream in streams]
        self._open = len(streams)
        self._tasks = [asyncio.ensure_future(self._pump(first, stream)) for first, stream in streams]

    async def _pump(self, first_choice: int, stream: UpstreamStream) -> None:
        """Move one stream's pieces into the queue; None marks its end, an exception its failure."""
        try:
            while True:
                responses = await stream.read(3600.0)
                if responses is None:
                    continue
                if not responses:
                    await self._queue.put(None)
                    return
                await self._queue.put([(first_choice, response) for response in responses])
        except Exception as error:  # noqa: BLE001 - carried to the reader, which raises it
            await self._queue.put(error)

    async def read(self, wait: float) -> list[Piece] | None:
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
                return item
            self._open -= 1
        return []

    async def close(self) -> None:
        """See Source."""
        for task in self._tasks:
            task.cancel()
        for stream in self._streams:
            stream.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def open_source(client: GeminiClient, model: str, calls: Sequence[PlannedCall], *, asked_as: str) -> Source:
    """Open all streams; returns when Gemini has answered 200 to each. A failure closes the others and is raised."""
    if len(calls) == 1:
        return SingleSource(await client.stream(model, calls[0].body, asked_as=asked_as), calls[0].first_choice)
    tasks = [asyncio.ensure_future(client.stream(model, call.body, asked_as=asked_as)) for call in calls]
    try:
        streams = await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        for opened in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(opened, UpstreamStream):
                opened.close()
        raise
    return MergedSource([(call.first_choice, stream) for call, stream in zip(calls, streams, strict=True)])
