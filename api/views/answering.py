"""How a planned exchange becomes an HTTP response; shared by every endpoint that asks Gemini."""

import re
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from api.errors import InvalidRequestError
from api.exchange.exchange import Exchange
from api.exchange.opening import silence_left
from api.exchange.plan import Asker
from api.exchange.run import complete, stream
from api.openai.sse import CONTENT_TYPE
from api.runtime import runtime
from api.views.base import GatewayView, json_response
from gemini_gateway.lean_http import LeanStream, Pieces

if TYPE_CHECKING:
    from api.notes import Note

SESSION_NAME: Final = re.compile(r"[\x21-\x7e]{1,200}")


def asker_of(view: GatewayView, request: HttpRequest) -> Asker:
    """Return who asks; raises InvalidRequestError for an X-Session-Id that is not 1 to 200 visible ASCII characters."""
    name = session_name(request) if request.META.get("HTTP_X_SESSION_ID") else ""
    notes: tuple[Note, ...] = getattr(request, "address_notes", ())
    hold = request.scope.get("hold")  # type: ignore[attr-defined]  # an ASGIRequest has it
    return Asker(view.request_id, view.caller, name, settings.MEMORY_ENABLED, notes, hold)


def session_name(request: HttpRequest) -> str:
    """Return what the header X-Session-Id names; raises InvalidRequestError if that is no name, an empty one too."""
    name: str = request.META["HTTP_X_SESSION_ID"]
    if SESSION_NAME.fullmatch(name) is None:
        raise InvalidRequestError(
            "Invalid header 'X-Session-Id': expected 1 to 200 visible ASCII characters.", param="X-Session-Id"
        )
    return name


class EventStreamResponse(LeanStream):
    """Server-sent events that no proxy should hold back."""

    def __init__(self, events: Pieces) -> None:
        super().__init__(events, content_type=CONTENT_TYPE)
        self.headers["Cache-Control"] = "no-store, no-transform"
        self.headers["X-Accel-Buffering"] = "no"


async def answer(exchange: Exchange) -> HttpResponseBase:
    """Carry the exchange out: JSON, or server-sent events."""
    response: HttpResponseBase
    if exchange.stream:
        response = EventStreamResponse(await stream(runtime(), exchange, silence=silence_left(exchange)))
    else:
        response = json_response(await complete(runtime(), exchange))
    for name, value in exchange.headers():
        response.headers[name] = value
    return response
