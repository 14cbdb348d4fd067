"""Django's request and response, made with less work: the request and the response of a view of the short way.

Django's own constructors convert each header several times and set up what few views use. These make the same objects:
a request is an `ASGIRequest` with the same attributes, a response an `HttpResponse`, so whatever takes Django's takes
these. What is private of Django stands here alone; tests/unit/test_http_messages.py is the contract test.
"""

import functools
import io
from collections.abc import AsyncIterator, Mapping
from http.cookies import SimpleCookie
from typing import Any, Protocol

from django.core.handlers.asgi import ASGIRequest, get_script_prefix
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase, ResponseHeaders

from sessions_store.accounts.access import Caller


@functools.lru_cache(maxsize=1024)
def _meta_name(name: bytes) -> str:
    """Return a header's name in META; "" for one with an underscore, which could pose as another (CVE-2015-0219)."""
    text = name.decode("latin1")
    if "_" in text:
        return ""
    meta_name = text.upper().replace("-", "_")
    return meta_name if meta_name in {"CONTENT_LENGTH", "CONTENT_TYPE"} else f"HTTP_{meta_name}"


class LeanRequest(ASGIRequest):
    """An ASGI request whose body has come.

    `deployment` is the model that its path names, "" for most paths; `address_notes` say what that changed in the body.
    `caller` is set when the request is authenticated.
    """

    deployment = ""
    caller: Caller | None = None
    address_notes: tuple[Any, ...] = ()

    def __init__(self, scope: Mapping[str, Any], body: bytes) -> None:
        self.scope = scope
        self._post_parse_error = False
        self._read_started = False
        self.resolver_match = None
        self.path = path = scope["path"]
        self.script_name = script_name = get_script_prefix(scope)
        self.path_info = path.removeprefix(script_name)
        self.method = scope["method"].upper()
        self.META = meta = _meta(scope, self.method, script_name, self.path_info)
        if meta.get("CONTENT_TYPE") == "application/json":
            self.content_type, self.content_params = "application/json", {}
        else:
            self._set_content_type_params(meta)  # type: ignore[attr-defined]
        self._stream = io.BytesIO(body)
        self._body = body  # what HttpRequest.body sets after reading the stream


def take_body(request: HttpRequest) -> bytes:
    """Return a request's body, which the request forgets: an upstream call may take minutes."""
    body = request.body
    request._body = b""  # noqa: SLF001 - see the module's docstring
    request._stream = io.BytesIO()  # noqa: SLF001
    return body


def _meta(scope: Mapping[str, Any], method: str, script_name: str, path_info: str) -> dict[str, Any]:
    """Return what ASGIRequest puts into META: the scope's parts and its headers, those of one name joined by commas."""
    client, server = scope.get("client"), scope.get("server")
    meta: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "QUERY_STRING": scope.get("query_string", b"").decode(),
        "SCRIPT_NAME": script_name,
        "PATH_INFO": path_info,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "SERVER_NAME": server[0] if server else "unknown",
        "SERVER_PORT": str(server[1]) if server else "0",
    }
    if client:
        meta["REMOTE_ADDR"] = meta["REMOTE_HOST"] = client[0]
        meta["REMOTE_PORT"] = client[1]
    for raw_name, raw_value in scope["headers"]:
        if name := _meta_name(raw_name):
            value = raw_value.decode("latin1")
            meta[name] = f"{meta[name]},{value}" if name in meta else value
    return meta


@functools.lru_cache(maxsize=256)
def _lowered(name: str) -> str:
    """Return a header's name in lower case; "" for one that Django must look at."""
    return name.lower() if name.isascii() and name.isprintable() else ""


class LeanHeaders(ResponseHeaders):
    """Headers that take a line of ASCII as it is, and leave the rest (line ends among it) to Django."""

    def __init__(self) -> None:
        self._store = {}

    def __setitem__(self, key: str, value: Any) -> None:
        lowered = _lowered(key)
        if lowered and type(value) is str and value.isascii() and "\n" not in value and "\r" not in value:
            self._store[lowered] = (key, value)
        else:
            super().__setitem__(key, value)

    def items(self) -> Any:
        """Return the pairs, without a look-up for each."""
        return self._store.values()


class _Lean(HttpResponseBase):
    """What every response has."""

    def __init__(self, *, status: int, content_type: str) -> None:
        self.headers = LeanHeaders()
        self.headers["Content-Type"] = content_type
        self.cookies = SimpleCookie()
        self.closed = False
        self.status_code = status
        self._charset = None
        self._resource_closers: list[Any] = []
        self._handler_class = None
        self._reason_phrase = None


class LeanResponse(_Lean, HttpResponse):
    """A response whose whole body is there."""

    def __init__(self, body: bytes, *, status: int, content_type: str) -> None:
        super().__init__(status=status, content_type=content_type)
        self._container = [body]


class StreamBody(Protocol):
    """A body that comes in chunks: bytes to iterate over once."""

    @property
    def ended(self) -> bool:
        """Whether the chunk that came is known to be the last."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Begin to read."""

    async def aclose(self) -> None:
        """End whatever runs for it; also when nobody has begun to read."""


class LeanStream(_Lean, StreamingHttpResponse):
    """A streamed response whose chunks are sent unchanged: Django would convert each chunk."""

    is_async = True

    def __init__(self, body: StreamBody, *, content_type: str) -> None:
        super().__init__(status=200, content_type=content_type)
        self._iterator = self.body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self.body)

    async def aclose(self) -> None:
        """End the body, also one that nobody has begun to read."""
        await self.body.aclose()
