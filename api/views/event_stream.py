"""Server-sent events over HTTP: the response of every stream, and the encoder of its body."""

from collections.abc import AsyncGenerator, AsyncIterator

from api.exchange.events import ErrorBatch, EventSource, LastBatch
from api.http.messages import LeanStream
from api.openai.shared.sse import CONTENT_TYPE, KEEP_ALIVE, Spelling


class EventStreamResponse(LeanStream):
    """A response of server-sent events, with headers that switch off buffering in proxies."""

    def __init__(self, source: EventSource, spelling: Spelling) -> None:
        super().__init__(ServerSentEvents(source, spelling), content_type=CONTENT_TYPE)
        self.headers["Cache-Control"] = "no-store, no-transform"
        self.headers["X-Accel-Buffering"] = "no"


class ServerSentEvents:
    """The body: one chunk of bytes per batch of events. `ended` is set before the last chunk is yielded."""

    __slots__ = ("_chunks", "_source", "ended")

    def __init__(self, source: EventSource, spelling: Spelling) -> None:
        self.ended = False
        self._source = source
        self._chunks = self._spell(spelling)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks

    async def aclose(self) -> None:
        """Close the source, even if the iteration never began."""
        await self._chunks.aclose()
        await self._source.aclose()

    async def _spell(self, spelling: Spelling) -> AsyncGenerator[bytes, None]:
        spell = spelling.event
        async for batch in self._source:
            chunk = b"".join([spell(event) for event in batch])
            if isinstance(batch, LastBatch):
                self.ended = True
                yield chunk if isinstance(batch, ErrorBatch) else chunk + spelling.end
            else:
                yield chunk or KEEP_ALIVE
