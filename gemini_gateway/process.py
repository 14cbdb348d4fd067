"""The lifecycle of one worker process.

Start (the ASGI lifespan's startup):

1. The start checks; an error prevents the start.
2. The keys of BOOTSTRAP_CLIENT_KEY and BOOTSTRAP_ADMIN_KEY.
3. The services of `api.services`: client, store and their dependants; the heartbeat of the worker.
4. The garbage collector's settings, after everything is loaded.
5. The watchdog of the event loop.
6. The check of the Gemini key, in the background.

Drain (SIGTERM under `serve`; other servers do not announce it): `/readyz` returns 503, idle WebSockets close,
background responses continue to their end.

Stop (the lifespan's shutdown):

1. The key check and the watchdog.
2. Without a drain before: background responses get DRAIN_SECONDS.
3. The heartbeat, and the services, in the order of `Services.close`.

A server without the lifespan protocol (plain Daphne) starts the services at its first request and ends them with the
interpreter.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

from django.conf import settings
from django.db import Error

from api.resources.byte_budget import ByteBudget
from api.services import Services, open_services
from gemini_gateway.checks import start_faults
from gemini_gateway.server import gc_tuning
from gemini_gateway.server.loop_watchdog import LoopWatchdog
from gemini_gateway.startup.bootstrap_keys import ensure_bootstrap_keys
from gemini_gateway.startup.heartbeat import Heartbeat
from gemini_gateway.startup.key_check import begin_key_check


class Process:
    """One worker process, the only owner of objects that outlive a request.

    `base_url` is Gemini's address: GEMINI_BASE_URL, or the emulator that a command started. `budget` exists before the
    services, because the server reserves the bytes of a request while they arrive.
    """

    def __init__(self) -> None:
        self.base_url: str = settings.GEMINI_BASE_URL
        self.budget = ByteBudget(settings.MAX_BYTES_IN_FLIGHT)
        self._services: Services | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watchdog = LoopWatchdog()
        self._key_check: asyncio.Task[None] | None = None
        self._heartbeat: Heartbeat | None = None

    @property
    def services(self) -> Services:
        """The services of the running event loop, created on the first access."""
        loop = asyncio.get_running_loop()
        if self._services is None or self._loop is not loop:
            self._services, self._loop = open_services(self.base_url, self.budget), loop
        return self._services

    async def start(self) -> list[str]:
        """Start everything in the module's order; return the errors that prevent the start, as log lines."""
        if faults := await asyncio.to_thread(start_faults, self.base_url):
            return faults
        with suppress(Error):  # a database that does not respond may return; /readyz reports it
            await asyncio.to_thread(ensure_bootstrap_keys)
        services = self.services
        self._heartbeat = Heartbeat(services)
        self._heartbeat.start()
        gc_tuning.tune()
        if settings.LOOP_WATCHDOG_MS:
            self._watchdog.start(settings.LOOP_WATCHDOG_MS / 1000)
        self._key_check = begin_key_check(services.client)
        return []

    def drain(self) -> Awaitable[None]:
        """Begin the drain; the returned awaitable completes when no background response is running."""
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
        if self._heartbeat is not None:
            await self._heartbeat.stop()
        await services.close()
