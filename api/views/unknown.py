"""The 404 of unknown paths, and the index at `/v1`."""

from typing import Final, Literal
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from typing_extensions import TypedDict

from api.errors import NotFoundError
from api.http.addresses import ENDPOINTS, suggestion
from api.http.view import EVERY_KEY, GatewayView, json_response
from api.views.operation import Operation

_PLAIN: Final = "/:;,@!$&'()*+=~%?#[]"


class Index(TypedDict):
    """The index at the base URL, for programs."""

    object: Literal["index"]
    name: str
    endpoints: list[str]
    admin: str


INDEX: Index = {"object": "index", "name": "Gemini Gateway", "endpoints": list(ENDPOINTS), "admin": "/admin/"}


def unknown_url(request: HttpRequest) -> NotFoundError:
    """Return the error with the unknown path, and with an endpoint of a similar path."""
    text = f"Unknown request URL: {request.method} {quote(request.path[:200], safe=_PLAIN)}."
    if meant := suggestion(request.path):
        text += f" Did you mean {meant}?"
    return NotFoundError(text, code="unknown_url")


class UnknownView(GatewayView):
    """404 in OpenAI's form, for any method."""

    family = EVERY_KEY

    async def get(self, request: HttpRequest, path: str = "") -> HttpResponse:
        """Raise NotFoundError."""
        raise unknown_url(request)

    post = put = patch = delete = head = get


class IndexView(GatewayView):
    """The index at `/v1`, for programs. Browsers get the start page (gemini_gateway.asgi)."""

    family = EVERY_KEY

    @Operation(name="getIndex", what="List the endpoints. Not OpenAI's.", response=Index)
    async def get(self, request: HttpRequest) -> HttpResponse:
        """List the endpoints."""
        response = json_response(INDEX)
        response["Vary"] = "Accept"
        return response
