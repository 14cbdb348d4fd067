"""The opening of an upstream stream in a task, so that the client's stream may begin before it."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from django.conf import settings

from api.exchange.accounting import Accounting
from api.exchange.running.parallel_calls import Source
from api.gemini.wire import GenerateContentResponse

Opened = tuple[Source, list[GenerateContentResponse] | None]


class Opening:
    """A task that opens the stream. Its owner calls `result` or `abandon`."""

    def __init__(self, opens: Callable[[], Awaitable[Opened]]) -> None:
        self._task = asyncio.ensure_future(opens())

    async def wait(self, seconds: float) -> bool:
        """Wait at most `seconds`; return whether the opening is complete, with success or failure."""
        return bool((await asyncio.wait([self._task], timeout=seconds))[0])

    def result(self) -> Opened:
        """Return the stream and its first chunks; raises the error that kept it from opening."""
        return self._task.result()

    async def abandon(self) -> None:
        """Cancel the opening, and close a stream that was opened meanwhile. Raises nothing."""
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled() and self._task.exception() is None:
            source, _ = self._task.result()
            await source.close()


def silence_left(accounting: Accounting) -> float | None:
    """Return the seconds left until a client's stream must begin; None if it begins with Gemini's first chunk."""
    if not settings.STREAM_OPEN_AFTER:
        return None
    return max(0.0, settings.STREAM_OPEN_AFTER - (time.monotonic() - accounting.started))
