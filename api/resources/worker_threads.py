"""Work on large requests in a bounded pool of threads, so that the event loop goes on serving the others.

A body of 10 MB takes 50 to 80 ms for each of parsing, translating and preparing its record. Small bodies are worked on
where they are: the way to a thread would cost more than the work.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

LARGE: Final = 256 * 1024  # bytes
# More threads would only take Python's lock from each other and from the loop.
_pool = ThreadPoolExecutor(2, thread_name_prefix="large-work")


async def off_loop(size: int, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a function returns, run in a thread if its work is on `size` bytes or more that are LARGE.

    A caller that is cancelled waits until the function has ended: it may be changing what the caller looks at next.
    """
    if size < LARGE:
        return function(*args, **kwargs)
    running = asyncio.get_running_loop().run_in_executor(_pool, lambda: function(*args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        running.exception()  # nobody else asks for it, which asyncio would log
        raise
