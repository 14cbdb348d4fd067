"""Daphne with an ASGI lifespan, a drain on SIGTERM, and an immediate reaction to an application that ends or fails.

What a single connection is held to (body size and time, send budget) is in `gemini_gateway.server.connection`, and for
a WebSocket in `gemini_gateway.server.websocket`.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakSet

from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server
from twisted.internet import reactor as _reactor
from twisted.internet.defer import maybeDeferred

from gemini_gateway.server.connection import GatewayChannel, GatewayRequest, Limits
from gemini_gateway.server.daphne_fast.idle_timeouts import SWEEP_SECONDS
from gemini_gateway.server.daphne_fast.receive_queue import ReceiveQueue
from gemini_gateway.server.lifespan import Lifespan
from gemini_gateway.server.websocket import GatewaySocket, socket_options

logger = logging.getLogger(__name__)
reactor: Any = _reactor

Scope = dict[str, Any]
Application = Callable[..., Awaitable[None]]

REPEAT_SECONDS = 1.0
CUT_GRACE_SECONDS = 10.0  # for applications that were cut at the end of the drain to record what they did


async def nothing_else() -> None:
    """The default `on_drain`: no work besides requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenFailure:
    """Why the server could not listen."""

    reason: str


class GatewayServer(Server):  # type: ignore[misc]
    """A Daphne server for one application on one address.

    `drain_seconds` is the time for running requests after SIGTERM. The server calls `on_ready`, in a thread, with the
    listening addresses when it accepts connections, and `on_drain` when it stops accepting; the awaitable that
    `on_drain` returns has the same time as the requests. The application closes its WebSockets in that time. `run()`
    returns when the server has stopped; `failure` is set if the server never listened.
    """

    def __init__(
        self,
        application: Application,
        *,
        endpoints: Sequence[str],
        limits: Limits,
        drain_seconds: float,
        on_ready: Callable[[list[tuple[str, int]]], None] = lambda addresses: None,
        on_drain: Callable[[], Awaitable[None]] = nothing_else,
        **daphne_options: Any,
    ) -> None:
        daphne_options.setdefault("server_name", "")  # no header that names the software
        # The whole body in one message: its size is bounded while it arrives.
        daphne_options.setdefault("request_buffer_size", limits.max_body_bytes + 1)
        # Twisted's own signal handlers would stop the reactor under the running requests.
        self._handles_signals = bool(daphne_options.pop("signal_handlers", True))
        super().__init__(
            application,
            endpoints=list(endpoints),
            signal_handlers=False,
            ready_callable=self._begin,
            **daphne_options,
        )
        self.limits = limits
        self.failure: ListenFailure | None = None
        self.channels: WeakSet[GatewayChannel] = WeakSet()
        self._drain_seconds = drain_seconds
        self.draining = False
        self._on_ready = on_ready
        self._on_drain = on_drain
        self._background: asyncio.Future[None] | None = None
        self._ports: list[Any] = []
        self._lifespan = Lifespan(application)
        self._drain_began = 0.0
        self._stopping: asyncio.Task[None] | None = None
        self._announcing: asyncio.Future[None] | None = None
        self._hurry = asyncio.Event()
        self._idle = asyncio.Event()

    # --- start -------------------------------------------------------------------------------------------------------

    def listen_success(self, port: Any) -> None:
        """Keep the port, so that the drain can close it."""
        super().listen_success(port)
        self._ports.append(port)

    def listen_error(self, failure: Any) -> None:
        """Store the reason for the command that started the server, and stop."""
        self.failure = ListenFailure(reason=str(failure.getErrorMessage()))
        self.stop()

    def _begin(self) -> None:
        """Last step before the event loop runs (Daphne's ready_callable)."""
        self.http_factory.protocol = partial(GatewayChannel, self)
        # Twisted's own access log formats a line for each request, without a reader.
        self.http_factory.log = _log_nothing
        self.ws_factory.protocol = partial(GatewaySocket, self.limits)
        self.ws_factory.setProtocolOptions(**socket_options(self.limits))
        loop = asyncio.get_event_loop()
        self._lifespan.start(loop)
        loop.call_soon(self._announce, loop)

    def _announce(self, loop: asyncio.AbstractEventLoop) -> None:
        """First step of the running loop: uvloop loses a signal that comes between its handler and its start."""
        if self._handles_signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.begin_drain)
        # In a thread: the callback may use the database.
        self._announcing = loop.run_in_executor(None, self._on_ready, list(self.listening_addresses))

    # --- requests ----------------------------------------------------------------------------------------------------

    def create_application(self, protocol: Any, scope: Scope) -> ReceiveQueue | None:
        """Start the application for one request; a callback handles its end, instead of Daphne's poll each second."""
        details = self.connections.get(protocol)
        if details is None:
            return None
        inbox = ReceiveQueue()
        scope.setdefault("asgi", {"version": "3.0"})
        if isinstance(protocol, GatewayRequest):
            scope["hold"] = protocol.hold
            protocol.served = True
        serving = self.application(scope=scope, receive=inbox.get, send=partial(self.handle_reply, protocol))
        task = asyncio.get_event_loop().create_task(serving)
        details["application_instance"] = task
        task.add_done_callback(partial(self._application_done, protocol))
        return inbox

    def _application_done(self, protocol: Any, task: "asyncio.Task[None]") -> None:
        if isinstance(protocol, GatewayRequest):
            protocol.hold.release()
        details = self.connections.get(protocol)
        if details is None:
            return
        details.pop("application_instance", None)
        fault = None if task.cancelled() else task.exception()
        if fault is not None and not ("disconnected" in details and isinstance(fault, ConnectionAbortedError)):
            logger.error("The application failed", exc_info=fault)
            if "disconnected" not in details:
                protocol.handle_exception(fault)
        elif "disconnected" not in details and isinstance(protocol, GatewayRequest):
            protocol.abandon()
        if "disconnected" in details:
            self._forget(protocol)

    def protocol_disconnected(self, protocol: Any) -> None:
        """The request has left the wire: remove it, unless its application still runs."""
        details = self.connections.get(protocol)
        if details is None:
            return
        super().protocol_disconnected(protocol)
        if "application_instance" not in details:
            self._forget(protocol)

    def _forget(self, protocol: Any) -> None:
        self.connections.pop(protocol, None)
        if not self.connections:
            self._idle.set()

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Write one message of the application; wait while the client has not read the bytes before it."""
        if not isinstance(protocol, GatewayRequest):
            await super().handle_reply(protocol, message)
            return
        details = self.connections.get(protocol)
        if details is None or "disconnected" in details:
            return
        protocol.handle_reply(message)
        if protocol.unread is not None:
            await protocol.wait_until_read()

    def timeout_checker(self) -> None:
        """Daphne's periodic check of requests, and the gateway's of connections."""
        for protocol in list(self.connections):
            protocol.check_timeouts()
        for channel in list(self.channels):
            channel.check_timeout()
        reactor.callLater(SWEEP_SECONDS, self.timeout_checker)

    # --- end ---------------------------------------------------------------------------------------------------------

    def begin_drain(self) -> None:
        """Stop accepting, let running requests finish, then stop; a second call cuts them short.

        A signal to a whole process group can arrive twice (once more from a parent such as make): repetitions within
        REPEAT_SECONDS are one call.
        """
        now = time.monotonic()
        if self._stopping is None:
            self.draining = True
            self._drain_began = now
            self._background = asyncio.ensure_future(self._on_drain())
            self._stopping = asyncio.ensure_future(self._drain())
        elif now - self._drain_began > REPEAT_SECONDS:
            self._hurry.set()

    async def _drain(self) -> None:
        try:
            await self._finish_requests()
            await self._lifespan.stop()
        finally:
            reactor.stop()

    async def _finish_requests(self) -> None:
        loop = asyncio.get_running_loop()
        for port in self._ports:
            await maybeDeferred(port.stopListening).asFuture(loop)
        for channel in list(self.channels):
            channel.close_if_idle()
        for protocol in list(self.connections):
            if isinstance(protocol, GatewayRequest) and not protocol.arrived:
                protocol.abort()
        running = len(self.connections)
        logger.info(
            "Stopping: waiting up to %g s for %d request%s. Ctrl-C again stops now.",
            self._drain_seconds,
            running,
            "" if running == 1 else "s",
        )
        if await self._within(self._drain_seconds, self._all_done()):
            return
        running = len(self.connections)
        logger.warning("Stopped waiting: ended %d request%s", running, "" if running == 1 else "s")
        for protocol, details in list(self.connections.items()):
            # First: the application must not take the end of the connection for a client disconnect.
            if isinstance(protocol, GatewayRequest) and (task := details.get("application_instance")):
                task.cancel()
            protocol.cut()
        self._hurry.clear()
        await self._within(CUT_GRACE_SECONDS, self._no_requests())

    async def _all_done(self) -> None:
        """Wait until no request and no background work is left."""
        await self._no_requests()
        if self._background is not None:
            await self._background

    async def _no_requests(self) -> None:
        while self.connections:
            self._idle.clear()
            await self._idle.wait()

    async def _within(self, seconds: float, end: Coroutine[Any, Any, None]) -> bool:
        """Wait for `end` until the timeout or a second signal; return whether `end` came."""
        waits = [asyncio.ensure_future(end), asyncio.ensure_future(self._hurry.wait())]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        came = waits[0].done()
        for wait in waits:
            wait.cancel()
        return came

    def kill_all_applications(self) -> None:
        """Do nothing: the drain has ended all applications before the reactor stops."""


def _log_nothing(_request: object) -> None:
    pass


def endpoint_for(host: str, port: int) -> list[str]:
    """Twisted's description of a TCP address to listen on (IPv6 too)."""
    descriptions: list[str] = build_endpoint_description_strings(host=host.strip("[]"), port=port)
    return descriptions
