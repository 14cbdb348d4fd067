"""The one ASGI entry. `/v1` and the health pages go the short way, everything else Django's full one."""

import asyncio
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gemini_gateway.settings")

import django

django.setup(set_prefix=False)

from django.core.handlers.asgi import ASGIHandler  # noqa: E402 - needs the apps

from api.consumers.responses import ResponsesConsumer  # noqa: E402
from api.views.errors import failure, payload_too_large  # noqa: E402
from gemini_gateway import garbage  # noqa: E402
from gemini_gateway.handler import Scope, Send, ShortHandler  # noqa: E402
from gemini_gateway.hang_up import Receive  # noqa: E402

SHORT_PREFIXES = ("/v1/", "/healthz", "/readyz")

full = ASGIHandler()
sockets = {"/v1/responses": ResponsesConsumer.as_asgi()}
short = ShortHandler("api.urls", too_large=payload_too_large, failed=failure)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Dispatch by path; answers the ASGI lifespan protocol of servers that speak it."""
    if scope["type"] == "http":
        path = scope["path"]
        handler = short if path.startswith(SHORT_PREFIXES) or path == "/v1" else full
        await handler(scope, receive, send)
    elif scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "websocket":
        socket = sockets.get(scope["path"])
        if socket is None:
            await send({"type": "websocket.close", "code": 4404})
        else:
            await socket(scope, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    from api.checks import start_faults
    from api.runtime import shut_down

    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            if faults := await asyncio.to_thread(start_faults):
                await send({"type": "lifespan.startup.failed", "message": "\n".join(faults)})
                return
            garbage.settle()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await shut_down()
            await send({"type": "lifespan.shutdown.complete"})
            return
