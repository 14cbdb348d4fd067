"""Events of a stream as Python objects, in batches. The edge encodes them: as server-sent events, as WebSocket frames
or for the event log of a background response.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any, Final, Protocol

Event = Mapping[str, Any]
Batch = Sequence[Event]  # events that are sent together

KEEP_ALIVE: Final[Batch] = ()  # an empty batch: the edge sends a keep-alive


class LastBatch(list[Event]):
    """The last batch of a stream. The exchange is recorded before this batch is yielded."""


class ErrorBatch(LastBatch):
    """The last batch of a stream that failed."""


class EventSource(Protocol):
    """A stream of events. It can be iterated over once."""

    def __aiter__(self) -> AsyncIterator[Batch]:
        """Return the iterator over the batches."""

    async def aclose(self) -> None:
        """Release the upstream connection and end the exchange, even if the iteration never began."""


async def one_batch(events: Sequence[Event]) -> AsyncGenerator[Batch, None]:
    """Yield `events`, which are complete already, as a stream of one batch."""
    yield LastBatch(events)
