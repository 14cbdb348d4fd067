"""The life of one worker process: what starts in which order, and how it ends.

Start (the ASGI lifespan's startup):

1. The startup checks; with a fault nothing is started.
2. The services of `api.services`: client, store and what hangs on them.
3. The garbage collector's settings, once everything is loaded.
4. The watchdog of the event loop.
5. The check of the Gemini key, in the background.

Drain (SIGTERM under `serve`; other servers do not announce it): `/readyz` answers 503, WebSockets close as soon as they
are idle, responses in the background may finish.

Stop (the lifespan's shutdown):

1. The key check and the watchdog.
2. Without a drain before: responses in the background get DRAIN_SECONDS.
3. The services, in the order that `Runtime.close` gives.

A server without the lifespan protocol (plain Daphne) starts the services with its first request and ends them with the
interpreter.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

from django.conf import settings

from api.services import Runtime, open_runtime
from gemini_gateway.checks import start_faults
from gemini_gateway.server import gc_tuning
from gemini_gateway.server.loop_watchdog import LoopWatchdog
from gemini_gateway.startup.key_check import begin_key_check


class Process:
    """One worker process. `base_url` is where Gemini is asked: GEMINI_BASE_URL, or the emulator that a command started.

    The only owner of what outlives a request.
    """

    def __init__(self) -> None:
        self.base_url: str = settings.GEMINI_BASE_URL
        self._services: Runtime | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watchdog = LoopWatchdog()
        self._key_check: asyncio.Task[None] | None = None

    @property
    def services(self) -> Runtime:
        """The services of the running event loop, opened on the first call."""
        loop = asyncio.get_running_loop()
        if self._services is None or self._loop is not loop:
            self._services, self._loop = open_runtime(self.base_url), loop
        return self._services

    async def start(self) -> list[str]:
        """Start everything in the module's order; return the faults that forbid it, as lines for a log."""
        if faults := await asyncio.to_thread(start_faults, self.base_url):
            return faults
        services = self.services
        gc_tuning.settle()
        if settings.LOOP_WATCHDOG_MS:
            self._watchdog.start(settings.LOOP_WATCHDOG_MS / 1000)
        self._key_check = begin_key_check(services.client)
        return []

    def drain(self) -> Awaitable[None]:
        """Begin the drain; await what it returns until no response runs in the background any more."""
        services = self.services
        services.drain()
        return services.background_finished()

    async def stop(self) -> None:
        """Stop everything in the module's order."""
        if self._key_check is not None:
            self._key_check.cancel()
        self._watchdog.stop()
        services, self._services = self._services, None
        if services is None:
            return
        if not services.draining:
            with suppress(TimeoutError):
                async with asyncio.timeout(settings.DRAIN_SECONDS):
                    await services.background_finished()
        await services.close()
