"""The minimum cost of a Python server in the gateway's place: an ASGI program that forwards requests and responses.

It runs on uvicorn with the gateway's own transport, to an upstream that speaks OpenAI's API. It does not parse,
translate or record. The gateway's cost above this minimum is the gateway's work.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from api.gemini.direct_transport import DirectTransport
from api.gemini.transport import UpstreamResponse

UPSTREAM = os.environ.get("GEMINI_BASE_URL", "")
PATH = "/v1/chat/completions"
HEADERS = {"Content-Type": "application/json"}
SECONDS = 600.0

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Upstream:
    """The pool of connections, created inside the event loop."""

    transport: DirectTransport | None = None

    @classmethod
    def pool(cls) -> DirectTransport:
        """Return the pool of this process."""
        if cls.transport is None:
            cls.transport = DirectTransport(UPSTREAM, connect_seconds=10.0)
        return cls.transport


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Forward one request and its response."""
    if scope["type"] != "http":
        return
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    stream = b'"stream": true' in body
    until = asyncio.get_running_loop().time() + SECONDS
    answer = await Upstream.pool().post(PATH, HEADERS, body, until=until)
    if answer is None:
        raise TimeoutError
    if stream:
        await pass_on(answer, until, send)
    else:
        whole = b""
        while piece := await answer.receive(until):
            whole += piece
        length = (b"content-length", str(len(whole)).encode())
        headers = [(b"content-type", b"application/json"), length]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": whole})
    answer.release()


async def pass_on(response: UpstreamResponse, until: float, send: Send) -> None:
    """Forward a stream chunk by chunk."""
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    while piece := await response.receive(until):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
