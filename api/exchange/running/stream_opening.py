"""An upstream stream that is being opened while its client's stream may begin already."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from django.conf import settings

from api.exchange.accounting import Accounting
from api.exchange.running.parallel_calls import Source
from api.gemini.wire import GenerateContentResponse

Opened = tuple[Source, list[GenerateContentResponse] | None]


class Opening:
    """A task that opens the stream; whoever made it either takes the result or abandons it."""

    def __init__(self, opens: Callable[[], Awaitable[Opened]]) -> None:
        self._task = asyncio.ensure_future(opens())

    async def wait(self, seconds: float) -> bool:
        """Return whether the stream is open, or its opening has failed, after at most so many seconds."""
        return bool((await asyncio.wait([self._task], timeout=seconds))[0])

    def result(self) -> Opened:
        """Return the stream and what came first on it; raises why it could not be opened."""
        return self._task.result()

    async def abandon(self) -> None:
        """Stop opening it, and close what was opened meanwhile. Raises nothing."""
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled() and self._task.exception() is None:
            source, _ = self._task.result()
            await source.close()


def silence_left(accounting: Accounting) -> float | None:
    """Return for how many seconds a client may still hear nothing; None if it waits for Gemini's first word."""
    if not settings.STREAM_OPEN_AFTER:
        return None
    return max(0.0, settings.STREAM_OPEN_AFTER - (time.monotonic() - accounting.started))
