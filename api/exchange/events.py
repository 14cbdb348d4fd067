"""What a stream consists of until its edge: events as objects, in batches. How they are spelled (server-sent events,
WebSocket frames, the event log of a background response) is decided where they leave.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any, Final, Protocol

Event = Mapping[str, Any]
Batch = Sequence[Event]  # events that are sent together

KEEP_ALIVE: Final[Batch] = ()  # there is no event yet: the connection is only kept alive


class LastBatch(list[Event]):
    """The end of a stream, whose exchange is recorded."""


class ErrorBatch(LastBatch):
    """The end of a stream that failed."""


class EventSource(Protocol):
    """A stream of events to iterate over once."""

    def __aiter__(self) -> AsyncIterator[Batch]:
        """Begin to read."""

    async def aclose(self) -> None:
        """End what runs for the stream, also for a stream that nobody has begun to read."""


async def one_batch(events: Sequence[Event]) -> AsyncGenerator[Batch, None]:
    """Yield events that are all there as a whole stream."""
    yield LastBatch(events)
