"""One HTTP request over ASGI: its body, and a response that detects a client disconnect."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

ASGIMessage = dict[str, Any]
Receive = Callable[[], Awaitable[ASGIMessage]]
Send = Callable[[ASGIMessage], Awaitable[None]]
# The ASGI extension of the emulator's own server, by which an application drops the connection.
ABORT = "gemini_emulator.abort"


class ClientDisconnected(Exception):
    """The client has disconnected."""


class ConnectionCut(Exception):
    """Raised out of the application: the server drops the connection in the middle of a response."""


class Connection:
    """A request in progress. `closed` is true after a client disconnect."""

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query_string: str = scope.get("query_string", b"").decode("latin-1")
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        self.started_at = time.monotonic()
        self.sent = False
        self._can_abort = ABORT in (scope.get("extensions") or {})
        self._receive = receive
        self._send = send
        self._disconnected = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None

    @property
    def query(self) -> dict[str, str]:
        """The query parameters; of a repeated one the last."""
        return {name: values[-1] for name, values in parse_qs(self.query_string, keep_blank_values=True).items()}

    async def body(self) -> bytes:
        """Return the whole request body and start the disconnect watch."""
        received = bytearray()
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            received += message.get("body", b"")
            if not message.get("more_body", False):
                break
        self._watcher = asyncio.create_task(self._watch())
        return bytes(received)

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._disconnected.set()

    async def wait(self, seconds: float) -> None:
        """Wait (0: yield to other tasks only); raises ClientDisconnected at a client disconnect."""
        if seconds > 0:
            try:
                await asyncio.wait_for(self._disconnected.wait(), seconds)
            except TimeoutError:
                return
        else:
            await asyncio.sleep(0)
        if self._disconnected.is_set():
            raise ClientDisconnected

    async def wait_for(self, event: asyncio.Event) -> None:
        """Wait for an event; raises ClientDisconnected at a client disconnect."""
        waiting = [asyncio.create_task(one.wait()) for one in (event, self._disconnected)]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        if self._disconnected.is_set():
            raise ClientDisconnected

    async def wait_for_disconnect(self) -> None:
        """Wait for the client disconnect; always raises ClientDisconnected."""
        await self._disconnected.wait()
        raise ClientDisconnected

    async def start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Send the head of the response."""
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def write(self, body: bytes, *, more: bool) -> None:
        """Send a chunk of the body; without `more` the response ends."""
        if self._disconnected.is_set():
            raise ClientDisconnected
        self.sent = not more
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def abort(self) -> None:
        """Drop the connection; bytes written before still arrive."""
        if not self._can_abort:
            raise ConnectionCut
        await self._send({"type": ABORT})

    async def close(self) -> None:
        """Stop the disconnect watch."""
        if self._watcher is not None:
            self._watcher.cancel()
