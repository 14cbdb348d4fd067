"""The base class of every view under `/v1`: DRF's APIView with an async dispatch, the caller, and OpenAI's headers."""

import asyncio
import time
from collections.abc import Callable, Sequence
from inspect import unwrap
from typing import Any, ClassVar, Final, TypeVar

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.views import APIView

from api.access_log import log_request
from api.auth.admission import Credentials
from api.auth.authentication import authenticate, require_scope
from api.auth.key_settings import refuse_losses
from api.errors import MethodNotAllowedError, UnsupportedMediaTypeError
from api.failures import to_gateway_error
from api.http.content_coding import codings_of, decoded
from api.http.deployments import default_model, lacks_model, overruled, with_model
from api.http.messages import LeanResponse, take_body
from api.http.request_id import new_request_id
from api.json.repair import replaced
from api.limits.admission import Admission
from api.notes import Note, notes_header
from api.openai.shared.request_model import RequestModel
from api.services import Services
from sessions_store.accounts.access import Caller
from sessions_store.catalogue.resolution import Catalogue

Request = TypeVar("Request", bound=RequestModel)
EVERY_KEY: Final = "*"


def json_response(body: Any, *, status: int = 200) -> HttpResponse:
    """Return a JSON response."""
    return LeanResponse(orjson.dumps(body), status=status, content_type="application/json")


class GatewayView(APIView):
    """An async view.

    It does not use DRF's Request object, content negotiation and parsers: `/v1` accepts JSON only, and `api.openai`
    parses the bodies. DRF's exception handling (`handle_exception`) and `as_view` are used.

    `services` are the shared objects of the process. `public` views need no caller. `family` is the endpoint family
    that a key's scopes permit: a view without a family is rejected for every restricted key, `EVERY_KEY` is permitted.
    `rate_limited` views count each POST in the rate limits, a malformed one too; `admission` is the request in them.
    `notes` are the changes that the view itself made to its request; the notes of an exchange are in the exchange.
    `has_exchange`: the request has an exchange, which writes the access line; the view writes all other access lines.
    `address` is that of the client, behind trusted proxies too.
    """

    public: ClassVar[bool] = False
    family: ClassVar[str] = ""
    rate_limited: ClassVar[bool] = False

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return the view without DRF's coroutine that exempts it from CSRF checks: there are none here."""
        return unwrap(super().as_view(**initkwargs))

    services: Services
    request_id: str
    started: float
    caller: Caller
    catalogue: Catalogue
    notes: Sequence[Note] = ()
    admission: Admission | None = None
    address = ""
    has_exchange = False
    error_code = ""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Keep the request. Django's own `setup` assigns `head = get`, a cycle that keeps a body in memory."""
        self.request, self.args, self.kwargs = request, args, kwargs  # type: ignore[assignment]

    async def dispatch(  # type: ignore[override]  # DRF's is synchronous
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Authenticate the caller, call the method's handler, render errors, add OpenAI's headers."""
        self.started = time.perf_counter()
        self.services = request.scope["services"]  # type: ignore[attr-defined]  # an ASGIRequest has it
        self.request_id = new_request_id()
        response: HttpResponseBase
        try:
            method = (request.method or "").lower()
            method = "get" if method == "head" else method
            if not self.public:
                await self._admit_caller(request, method)
            handler = getattr(self, method, None) if method in self.http_method_names else None
            for name, value in kwargs.items():
                if isinstance(value, str):
                    kwargs[name] = self._storable(value, name)
            if handler is None or method == "options":
                raise MethodNotAllowedError(f"Not allowed to {request.method} on this path.")
            response = await handler(request, *args, **kwargs)
        except Exception as exc:  # noqa: BLE001 - the request's edge: every failure becomes OpenAI's error body
            response = self._failed(exc)
        finally:
            self._close_admission()
        self._finish(response)
        if not self.has_exchange:
            self._log(request, response.status_code)
        return response

    def _failed(self, exc: Exception) -> HttpResponse:
        """Return the response of a failed request."""
        error = to_gateway_error(exc)
        self.error_code = error.code or error.type
        response: HttpResponse = self.handle_exception(error)
        if response.status_code == 405:
            response["Allow"] = ", ".join(self._methods())
        return response

    def _finish(self, response: HttpResponseBase) -> None:
        """Add OpenAI's headers and the gateway's."""
        headers = response.headers
        headers["x-request-id"] = self.request_id
        headers["openai-processing-ms"] = str(round((time.perf_counter() - self.started) * 1000))
        headers["openai-version"] = "2020-10-01"
        if self.notes and "x-gateway-notes" not in headers:
            headers["x-gateway-notes"] = notes_header(self.notes)
        if self.services.deployment.upstream == "emulator":
            headers["x-gateway-upstream"] = "emulator"
        for name, value in self.admission.headers() if self.admission is not None else ():
            headers[name] = value

    async def identify(self, credentials: Credentials) -> None:
        """Set the caller and the catalogue of the request. Raises the errors of `authenticate`."""
        self.caller, self.catalogue = await authenticate(self.services, credentials)
        self.request.caller = self.caller  # type: ignore[attr-defined]  # see LeanRequest

    async def _admit_caller(self, request: HttpRequest, method: str) -> None:
        """Authenticate the caller, check the scopes of its key, and count the request in the rate limits."""
        credentials = Credentials(request.META, request.META.get("REMOTE_ADDR", ""))
        self.address = credentials.client_address
        await self.identify(credentials)
        if self.family != EVERY_KEY and self.caller.policy.scopes:
            require_scope(self.caller.policy, self.family, write=method != "get")
        limits = self.catalogue.access.limits
        if self.rate_limited and method == "post" and limits.by_subject:
            await self.services.limiter.enter(self.caller, limits, self._keep_admission)

    def _keep_admission(self, admission: Admission) -> None:
        self.admission = admission

    def _close_admission(self) -> None:
        """Close the admission of a request without an exchange; an exchange closes its own."""
        if self.admission is not None and not self.admission.owned:
            self.admission.close()

    def _log(self, request: HttpRequest, status: int) -> None:
        """Write the access line of a request without an exchange: with the route, because a path can name an end user;
        none for a successful probe of a health page.
        """
        if self.public and status < 400:
            return
        fields = {
            "request_id": self.request_id,
            "code": self.error_code,
            "latency_ms": round((time.perf_counter() - self.started) * 1000),
            "notes": len(self.notes),
            "peer": self.address or request.META.get("REMOTE_ADDR"),
        }
        log_request(route_of(request), status, fields)

    def noted(self, parsed: Request) -> Request:
        """Return a parsed request that gets no exchange; the view's response gets its notes.

        Raises InvalidRequestError for a strict key if a parameter was dropped or clamped.
        """
        unknown = (Note("dropped", name, "unknown parameter") for name in parsed.unknown)
        refuse_losses(self.caller.policy, (*parsed.notes, *unknown))
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
        """Return a text with U+FFFD for NUL, which a database text cannot contain."""
        if "\x00" not in text:
            return text
        self.notes = (*self.notes, replaced(param))
        return text.replace("\x00", "\ufffd")

    def _methods(self) -> list[str]:
        """Return the methods of this path; DRF's OPTIONS is not one of them."""
        methods = [name.upper() for name in self.http_method_names if name != "options" and hasattr(self, name)]
        return [*methods, "HEAD"] if "GET" in methods else methods


def route_of(request: HttpRequest) -> str:
    """Return the method and the route of a request, such as `GET /v1/responses/<str:response_id>`."""
    match = request.resolver_match
    return f"{request.method} /{match.route if match is not None else ''}"


async def json_body(request: HttpRequest) -> bytes:
    """Return the body of a JSON request, decompressed, with the model of its address.

    A browser sends other content types across origins without a preflight, so the check also keeps web pages out.
    Decompression runs in a thread, because a small body may become a large one. Raises UnsupportedMediaTypeError and
    the errors of `decoded`.
    """
    if request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != "application/json":
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
    """Return the body parsed by `parse`, with the default model of the caller's key if the body names no model.

    Raises the errors of `json_body` and `parse`.
    """
    body = await json_body(request)
    services: Services = request.scope["services"]  # type: ignore[attr-defined]  # an ASGIRequest has it
    off_loop = services.worker_threads.off_loop
    caller: Caller | None = getattr(request, "caller", None)
    model = caller.policy.default_model if caller is not None else ""
    if model:
        lacking = await off_loop(len(body), lacks_model, body)
        if lacking:
            request.address_notes = (default_model(model),)  # type: ignore[attr-defined]  # see LeanRequest
            body = with_model(body, model)
    return await off_loop(len(body), parse, body)
