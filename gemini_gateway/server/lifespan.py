"""The ASGI lifespan protocol (https://asgi.readthedocs.io/en/latest/specs/lifespan.html), which Daphne leaves out: the
application opens its stores when the server starts and closes them when it stops.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

logger = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 10.0


class Lifespan:
    """One lifespan of an application; an application without the protocol runs without it."""

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self._application = application
        self._to_application: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Send the startup event when `loop` runs."""
        self._to_application.put_nowait({"type": "lifespan.startup"})
        self._task = loop.create_task(self._converse())

    async def stop(self) -> None:
        """Send the shutdown event and wait for the application, at most SHUTDOWN_SECONDS."""
        if self._task is None or self._task.done():
            return
        self._to_application.put_nowait({"type": "lifespan.shutdown"})
        _, late = await asyncio.wait([self._task], timeout=SHUTDOWN_SECONDS)
        if late:
            logger.error("The application did not shut down within %g s", SHUTDOWN_SECONDS)
            self._task.cancel()

    async def _converse(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        try:
            await self._application(scope, self._to_application.get, self._from_application)
        except Exception:  # the ASGI spec lets an application without lifespan raise anything
            logger.debug("The application does not support the lifespan protocol", exc_info=True)

    async def _from_application(self, message: dict[str, Any]) -> None:
        if message["type"].endswith(".failed"):
            logger.error("The application reports %s: %s", message["type"], message.get("message", ""))
