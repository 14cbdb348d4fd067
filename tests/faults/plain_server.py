"""The gateway's server with a small application, for tests of the server's behaviour on the wire alone.

Run as `python -m tests.faults.plain_server '{"send_timeout": 1, ...}'` with Limits and drain_seconds as JSON.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from api.resources.byte_budget import ByteBudget
from gemini_gateway.server.connection import Limits
from gemini_gateway.server.daphne import GatewayServer, endpoint_for

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

DEFAULTS = {
    "max_body_bytes": 100_000,
    "outbound_budget_bytes": 1024 * 1024,
    "header_timeout": 1.0,
    "body_timeout": 1.0,
    "send_timeout": 1.0,
    "drain_seconds": 1.0,
}


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Echo the body's size, or stream, flood or fail, depending on the path."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    size = 0
    more = True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    _, name, *words = scope["path"].removeprefix("/v1").split("/")
    response: Callable[..., Awaitable[None]] = PATHS.get(name, size_of_body)
    answering = asyncio.ensure_future(response(scope, size, send, *words))
    leaving = asyncio.ensure_future(receive())
    try:
        await asyncio.wait([answering, leaving], return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            answering.result()
    finally:
        answering.cancel()
        leaving.cancel()


async def lifespan(receive: Receive, send: Send) -> None:
    """Print the lifespan events."""
    while True:
        kind = (await receive())["type"]
        say(kind)
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


async def size_of_body(scope: dict[str, Any], size: int, send: Send) -> None:
    """Send the number of received bytes and the root path of the request."""
    body = f"{size} {scope['root_path']!r}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def stream(scope: dict[str, Any], size: int, send: Send, count: str, gap: str) -> None:
    """Send `count` events, `gap` seconds apart, then [DONE]."""
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    try:
        for number in range(int(count)):
            await send({"type": "http.response.body", "body": b"data: %d\n\n" % number, "more_body": True})
            await asyncio.sleep(float(gap))
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
    except asyncio.CancelledError:
        say("cancelled")
        raise


async def flood(scope: dict[str, Any], size: int, send: Send, megabytes: str) -> None:
    """Send megabytes; print the number of sent bytes when the connection is closed."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    sent = 0
    try:
        for _ in range(int(megabytes) * 16):
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            sent += 65536
    finally:
        say(f"flood ended after {sent} bytes")
    await send({"type": "http.response.body"})


async def fail(scope: dict[str, Any], size: int, send: Send, when: str = "early") -> None:
    """Raise before or after the start of the response."""
    if when == "late":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    raise ValueError("failing on purpose")


async def nothing(scope: dict[str, Any], size: int, send: Send) -> None:
    """End without a response."""


PATHS: dict[str, Callable[..., Awaitable[None]]] = {"stream": stream, "flood": flood, "fail": fail, "nothing": nothing}


def say(text: str) -> None:
    """Print one line that the test waits for."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    options = DEFAULTS | json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")
    server = GatewayServer(
        application,
        endpoints=endpoint_for("127.0.0.1", 0),
        drain_seconds=options.pop("drain_seconds"),
        limits=Limits(budget=ByteBudget(), **options),
        on_ready=lambda addresses: say(f"ready on {addresses[0][1]}"),
    )
    server.run()
