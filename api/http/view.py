"""What every view under `/v1` shares: DRF's APIView with an async dispatch, the caller, and OpenAI's headers."""

import asyncio
import time
from collections.abc import Callable, Sequence
from inspect import unwrap
from typing import Any, ClassVar, TypeVar

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.views import APIView

from api.auth.admission import Credentials
from api.auth.authentication import authenticate
from api.auth.principals import Caller
from api.errors import MethodNotAllowedError, UnsupportedMediaTypeError
from api.http.content_coding import codings_of, decoded
from api.http.deployments import overruled, with_model
from api.http.messages import LeanResponse, take_body
from api.http.request_id import new_request_id
from api.json.repair import replaced
from api.notes import Note, notes_header
from api.openai.shared.request_model import RequestModel
from api.resources.worker_threads import LARGE, off_loop
from api.services import Runtime
from sessions_store.catalogue.resolution import Catalogue

Request = TypeVar("Request", bound=RequestModel)


def json_response(body: Any, *, status: int = 200) -> HttpResponse:
    """Return a JSON response, encoded once."""
    return LeanResponse(orjson.dumps(body), status=status, content_type="application/json")


class GatewayView(APIView):
    """An async view.

    It goes without DRF's Request object, content negotiation and parsers: `/v1` speaks JSON only and its bodies are
    parsed by `api.openai`. DRF's exception handling stays (`handle_exception`), and so does `as_view`.
    `services` are what the process shares. `public` views skip the caller's admission. `notes` say what the view itself
    changed in its request; those of an exchange are in the exchange.
    """

    public: ClassVar[bool] = False

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return the view without the coroutine around it that exempts it from CSRF checks: there are none here."""
        return unwrap(super().as_view(**initkwargs))

    services: Runtime
    request_id: str
    started: float
    caller: Caller
    catalogue: Catalogue
    notes: Sequence[Note] = ()

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Keep the request. Django's own makes `head` of `get`: a cycle that holds a body until it is collected."""
        self.request, self.args, self.kwargs = request, args, kwargs  # type: ignore[assignment]

    async def dispatch(  # type: ignore[override]  # DRF's is synchronous
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Admit the caller, call the method's handler, render failures, add OpenAI's headers."""
        self.started = time.perf_counter()
        self.services = request.scope["services"]  # type: ignore[attr-defined]  # an ASGIRequest has it
        self.request_id = new_request_id()
        response: HttpResponseBase
        try:
            if not self.public:
                credentials = Credentials(request.META, request.META.get("REMOTE_ADDR", ""))
                self.caller, self.catalogue = await authenticate(self.services, credentials)
            method = (request.method or "").lower()
            method = "get" if method == "head" else method
            handler = getattr(self, method, None) if method in self.http_method_names else None
            kwargs = {n: self._storable(value, n) if isinstance(value, str) else value for n, value in kwargs.items()}
            if handler is None or method == "options":
                raise MethodNotAllowedError(f"Not allowed to {request.method} on this path.")
            response = await handler(request, *args, **kwargs)
        except Exception as exc:  # noqa: BLE001 - the request's edge: every failure leaves as OpenAI's error body
            response = self.handle_exception(exc)
            if response.status_code == 405:
                response["Allow"] = ", ".join(self._methods())
        headers = response.headers
        headers["x-request-id"] = self.request_id
        headers["openai-processing-ms"] = str(round((time.perf_counter() - self.started) * 1000))
        headers["openai-version"] = "2020-10-01"
        if self.notes and "x-gateway-notes" not in headers:
            headers["x-gateway-notes"] = notes_header(self.notes)
        if settings.GEMINI_UPSTREAM == "emulator":
            headers["x-gateway-upstream"] = "emulator"
        return response

    def noted(self, parsed: Request) -> Request:
        """Return a parsed request of which no exchange is made, and tell what was changed in reading it."""
        self.notes = (*self.notes, *parsed.notes)
        return parsed

    def query_pairs(self, request: HttpRequest) -> list[tuple[str, str]]:
        """Return the pairs of a request's query string, in order."""
        return [
            (self._storable(name, "query"), self._storable(value, "query"))
            for name, values in request.GET.lists()
            for value in values
            if isinstance(value, str)
        ]

    def _storable(self, text: str, param: str) -> str:
        """Return a text without NUL, which no database column can be compared with."""
        if "\x00" not in text:
            return text
        self.notes = (*self.notes, replaced(param))
        return text.replace("\x00", "\ufffd")

    def _methods(self) -> list[str]:
        """Return the methods that this path takes; DRF's OPTIONS is not one of them."""
        methods = [name.upper() for name in self.http_method_names if name != "options" and hasattr(self, name)]
        return [*methods, "HEAD"] if "GET" in methods else methods


async def json_body(request: HttpRequest) -> bytes:
    """Return the body of a request that declares JSON, decoded if it came compressed, with the model of its address.

    A browser sends other types across origins without asking first, so this is also what keeps web pages out. Decoding
    runs in a thread, because a small body may become a large one. Raises UnsupportedMediaTypeError and what `decoded`
    raises.
    """
    declared = request.META.get("CONTENT_TYPE", "")
    if declared != "application/json" and declared.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaTypeError("Send the request as JSON, with the header 'Content-Type: application/json'.")
    body = take_body(request)
    header = request.META.get("HTTP_CONTENT_ENCODING")
    codings = codings_of(header) if header else ()
    if codings and body:
        size = len(body)
        body = await asyncio.to_thread(decoded, body, codings, limit=settings.MAX_BODY_BYTES)
        hold = request.scope.get("hold")  # type: ignore[attr-defined]  # an ASGIRequest has it
        if hold is not None:
            hold.grow(len(body) - size)
    deployment: str = getattr(request, "deployment", "")
    if deployment:
        request.address_notes = overruled(body, deployment)  # type: ignore[attr-defined]  # see LeanRequest
        body = with_model(body, deployment)
    return body


async def parsed_body(request: HttpRequest, parse: Callable[[bytes], Request]) -> Request:
    """Return the body as `parse` reads it; raises what `json_body` and `parse` raise."""
    body = await json_body(request)
    return parse(body) if len(body) < LARGE else await off_loop(len(body), parse, body)
