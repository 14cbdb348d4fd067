"""The ASGI application. `/v1` and the health endpoints skip Django's middleware; HTML pages use Django's full handler.

Alternative spellings of an endpoint's path (`api.http.addresses`) and other requests that do not accept HTML also skip
the middleware, so that programs never receive HTML.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gemini_gateway.settings")

import django

django.setup(set_prefix=False)

from django.core.handlers.asgi import ASGIHandler  # noqa: E402 - needs the apps

from api.http.asgi_handler import Scope, Send, ShortHandler  # noqa: E402
from api.http.disconnects import Receive  # noqa: E402
from api.http.error_responses import failure, rejection  # noqa: E402
from api.http.page_requests import accept_of, is_page, wants_json, wants_page  # noqa: E402
from api.websocket.responses import ResponsesConsumer  # noqa: E402
from gemini_gateway.process import Process  # noqa: E402
from gemini_gateway.routing import is_served, route, socket_path  # noqa: E402

SHORT_PREFIXES = ("/v1/", "/healthz", "/readyz")
INDEX = ("/v1", "/v1/")

process = Process()
full = ASGIHandler()
sockets = {"/v1/responses": ResponsesConsumer.as_asgi()}
short = ShortHandler(route, rejected=rejection, failed=failure)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Dispatch a connection by its path; implements the ASGI lifespan protocol.

    `scope["services"]` holds the services that views and WebSockets share.
    """
    if scope["type"] == "http":
        scope["services"] = process.services
        path = scope["path"]
        handler = short if path.startswith(SHORT_PREFIXES) and path != "/v1/" else _handler(scope)
        await handler(scope, receive, send)
    elif scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "websocket":
        socket = sockets.get(scope["path"]) or sockets.get(socket_path(scope["path"]))
        if socket is None:
            await send({"type": "websocket.close", "code": 4404})
        else:
            scope["services"] = process.services
            await socket(scope, receive, send)


def _handler(scope: Scope) -> ASGIHandler:
    """Return the handler of a path outside of `/v1/`."""
    path, method, accept = scope["path"], scope["method"], accept_of(scope)
    if path in INDEX:
        return full if wants_page(method, accept) else short
    if path == "/":
        return short if wants_json(method, accept) else full
    if is_page(path):
        return full
    return short if is_served(path) or not wants_page(method, accept) else full


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            if faults := await process.start():
                await send({"type": "lifespan.startup.failed", "message": "\n".join(faults)})
                return
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await process.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return
