"""A bounded pool of threads for work on large requests, so that the event loop continues to serve the others.

Parsing, translating and recording take 50 to 80 ms each for a body of 10 MB. Small bodies are processed on the event
loop: a thread would cost more than the work.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

LARGE: Final = 256 * 1024  # bytes
# More threads would only compete for the interpreter's lock.
THREADS: Final = 2


class WorkerThreads:
    """The threads of one process."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="large-work")

    async def off_loop(self, size: int, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return `function(...)`, called in a thread if `size` (bytes) is LARGE or more.

        A caller that is cancelled waits until the function has ended: the function may still change the caller's
        objects.
        """
        if size < LARGE:
            return function(*args, **kwargs)
        running = asyncio.get_running_loop().run_in_executor(self._pool, lambda: function(*args, **kwargs))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            running.exception()  # else asyncio logs an exception that was never retrieved
            raise

    def close(self) -> None:
        """End the idle threads; work that still runs is not waited for."""
        self._pool.shutdown(wait=False)
