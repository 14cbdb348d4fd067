"""The short way through Django for `/v1` and the health pages.

Django's stock ASGI handler spools the body to a file, opens an executor and two tasks for each request and hops to a
thread for signals and logging; that costs more than the HTTP parsing (docs/performance.md). This subclass keeps what
is Django's (request, resolver, middleware protocol, views, streaming responses) and drops the rest. It cancels the view
of a client that disconnects. Database connections belong to the store's own threads, so `request_started` and
`request_finished` have nothing to do here and are not sent.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol, cast

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch
from django.utils.cache import patch_vary_headers
from django.utils.module_loading import import_string

from api.access_log import log_request
from api.auth.authentication import key_origins
from api.auth.origins import cors_headers, is_preflight, preflight_headers
from api.errors import GatewayError, PayloadTooLargeError
from api.http.disconnects import DisconnectWatch, Receive
from api.http.messages import LeanRequest, LeanStream
from api.http.rejections import LINGER_BYTES, LINGER_SECONDS
from api.resources.byte_budget import Hold
from sessions_store.accounts.access import Caller

logger = logging.getLogger(__name__)

Scope = dict[str, Any]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
View = Callable[..., Awaitable[HttpResponseBase]]


class Route(Protocol):
    """The target of a path: a view with its arguments, and the model that the path names, "" for most."""

    @property
    def match(self) -> ResolverMatch:
        """The view."""

    @property
    def deployment(self) -> str:
        """The model."""


class ShortHandler(ASGIHandler):
    """An ASGI handler whose views are all async, bound to one routing and to settings.API_MIDDLEWARE."""

    def __init__(
        self,
        route: Callable[[str], Route],
        *,
        rejected: Callable[[GatewayError], HttpResponse],
        failed: Callable[[Exception], HttpResponse],
    ) -> None:
        self._route = route
        self._rejected = rejected
        self._failed = failed
        self._max_body = settings.MAX_BODY_BYTES
        super().__init__()

    def load_middleware(self, is_async: bool = True) -> None:
        """Build the chain of settings.API_MIDDLEWARE (async-capable middleware only) around the view call."""
        chain: Any = self._call_view
        for path in reversed(settings.API_MIDDLEWARE):
            chain = import_string(path)(chain)
        self._middleware_chain = chain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request: run the view and send its response; a client disconnect cancels both.

        `scope["hold"]` reserves the body's bytes; the handler reserves them for servers that do not.
        """
        hold: Hold | None = scope.get("hold")
        own: Hold | None = None
        if hold is None:
            hold = own = scope["hold"] = Hold(scope["services"].budget)
        watch: DisconnectWatch | None = None
        response: HttpResponseBase | None = None
        try:
            body = await self._accept(scope, receive, send, hold)
            if body is None:
                return
            responding = self._respond(LeanRequest(scope, body))
            del body  # a stream may stay open for minutes: the body is freed
            watch = DisconnectWatch(receive, asyncio.get_running_loop())
            response = await responding
            await self._send(response, send, hold)
        except asyncio.CancelledError:
            if watch is None:
                raise
            # The client has disconnected and the view has cleaned up. A request that the server cuts ends here as well:
            # uvicorn would log a traceback for each.
            if watch.cut:
                logger.warning("The server stopped before a response was complete")
                await _end(response)
                response = None
            watch.serving.uncancel()
        finally:
            if watch is not None:
                watch.end()
            try:
                await _end(response)
            finally:
                if own is not None:
                    own.release()

    async def _respond(self, request: LeanRequest) -> HttpResponseBase:
        """Run middleware and view. A failure outside a view (such as no matching route) never becomes Django's page."""
        response: HttpResponseBase
        if request.method == "OPTIONS" and is_preflight(request.META):
            own = await key_origins(request.scope["services"])
            if (headers := preflight_headers(request.META, own)) is not None:
                preflight = HttpResponse(status=204, headers=headers)
                del preflight["Content-Type"]
                return preflight
        try:
            response = await self._middleware_chain(request)
        except Exception as error:  # noqa: BLE001 - the request's edge
            response = self._failed(error)
            self._log(request.scope, response)
        if "HTTP_ORIGIN" in request.META:
            _open_to(request.META["HTTP_ORIGIN"], response, request.caller)
        return response

    def _log(self, scope: Mapping[str, Any], response: HttpResponseBase, *, code: str = "") -> None:
        """Write the access line of a request that no view answers."""
        peer = scope["client"][0] if scope.get("client") else ""
        fields = {"request_id": response.headers.get("x-request-id"), "code": code, "peer": peer}
        endpoint = f"{scope['method']} /{self._route(scope['path']).match.route}"
        log_request(endpoint, response.status_code, fields)

    async def _call_view(self, request: LeanRequest) -> HttpResponseBase:
        route = self._route(request.path_info)
        match = request.resolver_match = route.match
        request.deployment = route.deployment
        view: View = match.func
        return await view(request, *match.args, **match.kwargs)

    async def _send(self, response: HttpResponseBase, send: Send, hold: Hold) -> None:
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
        start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
        if isinstance(response, HttpResponse):
            body = response.content
            if response.status_code != 204:  # https://www.rfc-editor.org/rfc/rfc9110#section-8.6
                headers.append((b"content-length", b"%d" % len(body)))
            hold.give_back()
            await send(start)
            await send({"type": "http.response.body", "body": body})
            return
        await send(start)
        del start, headers
        body_stream = cast("LeanStream", response).body
        async for chunk in body_stream:
            if body_stream.ended:
                hold.give_back()
                await send({"type": "http.response.body", "body": chunk})
                return
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})

    def _check_declared_length(self, scope: Scope, hold: Hold) -> None:
        """Reserve a body's bytes, or reject the body before it is read, for servers that do not check its length."""
        for name, value in scope["headers"]:
            if name == b"content-length":
                if int(value) > self._max_body:
                    raise PayloadTooLargeError
                if not hold.size:
                    hold.grow(int(value))
                return

    async def _reject(self, rejection: HttpResponse, receive: Receive, send: Send) -> None:
        """Send a response to a request with an unread body, and read on for LINGER_SECONDS before the response ends.

        The server closes the connection after the response. The kernel resets a closed connection with unread bytes:
        the client would get the reset instead of the response.
        """
        body = rejection.content
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in rejection.items()]
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": rejection.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        size = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while size <= self._max_body + LINGER_BYTES:
                    message = await receive()
                    if message["type"] != "http.request" or not message.get("more_body"):
                        break
                    size += len(message.get("body", b""))
        await send({"type": "http.response.body"})

    async def _accept(self, scope: Scope, receive: Receive, send: Send, hold: Hold) -> bytes | None:
        """Return the body; None if the client disconnected before its end, or the body was rejected."""
        try:
            self._check_declared_length(scope, hold)
            message = await receive()
            if message["type"] != "http.request" or message.get("more_body"):
                return await self._read_on(message, receive, hold)
            body: bytes = message.get("body", b"")
            if len(body) > self._max_body:
                raise PayloadTooLargeError
            hold.grow(len(body) - hold.size)  # without a declared length
        except GatewayError as error:
            rejection = self._rejected(error)
            self._log(scope, rejection, code=error.code or error.type)
            _open_to(_origin(scope), rejection)
            await self._reject(rejection, receive, send)
            return None
        return body

    async def _read_on(self, message: Mapping[str, Any], receive: Receive, hold: Hold) -> bytes | None:
        """Return the body that begins with `message`; None if the client disconnected before its end."""
        parts: list[bytes] = []
        size = 0
        while message["type"] == "http.request":
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._max_body:
                raise PayloadTooLargeError
            hold.grow(size - hold.size)
            if not message.get("more_body"):
                return b"".join(parts)
            message = await receive()
        return None


def _origin(scope: Scope) -> str | None:
    """Return the request's Origin, of which no other part is read."""
    value: bytes | None = dict(scope["headers"]).get(b"origin")
    return None if value is None else value.decode("latin-1")


def _open_to(origin: str | None, response: HttpResponseBase, caller: Caller | None = None) -> None:
    """Let pages of an admitted origin read the response."""
    for name, value in cors_headers(origin, caller.policy.origins if caller is not None else ()).items():
        if name == "Vary":
            patch_vary_headers(response, [value])
        else:
            response.headers[name] = value


async def _end(response: HttpResponseBase | None) -> None:
    """Run what the response has to close: a stream that was not read to its end has an `aclose`."""
    if response is None:
        return
    aclose = getattr(response, "aclose", None)
    if aclose is not None:
        await aclose()
    response.closed = True
