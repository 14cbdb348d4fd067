"""The HTTP response of a planned exchange, plain or streamed; shared by every endpoint that generates."""

import re
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from api.errors import InternalError, InvalidRequestError
from api.exchange.exchange import Exchange
from api.exchange.generation import Generation
from api.exchange.planning.plan import RequestOrigin
from api.exchange.running.run import complete, stream
from api.exchange.running.stream_opening import silence_left
from api.http.view import GatewayView, json_response
from api.openai.shared.sse import UNNAMED, Spelling
from api.views.event_stream import EventStreamResponse

if TYPE_CHECKING:
    from api.notes import Note

SESSION_NAME: Final = re.compile(r"[\x21-\x7e]{1,200}")


def origin_of(view: GatewayView, request: HttpRequest) -> RequestOrigin:
    """Return the caller and the context of a request, for its exchange; raises InvalidRequestError for an invalid
    X-Session-Id.
    """
    name = session_name(request) if request.META.get("HTTP_X_SESSION_ID") else ""
    notes: tuple[Note, ...] = getattr(request, "address_notes", ())
    hold = request.scope.get("hold")  # type: ignore[attr-defined]  # an ASGIRequest has it
    view.has_exchange = True
    return RequestOrigin(
        *(view.request_id, view.caller, view.catalogue, name, settings.MEMORY_ENABLED, notes, hold, view.admission),
        peer=view.address,
    )


def session_name(request: HttpRequest) -> str:
    """Return the value of X-Session-Id; raises InvalidRequestError unless it has 1 to 200 visible ASCII characters."""
    name: str = request.META["HTTP_X_SESSION_ID"]
    if SESSION_NAME.fullmatch(name) is None:
        raise InvalidRequestError(
            "Invalid header 'X-Session-Id': expected 1 to 200 visible ASCII characters.", param="X-Session-Id"
        )
    return name


async def respond(exchange: Exchange, generation: Generation, spelling: Spelling = UNNAMED) -> HttpResponseBase:
    """Run the exchange and return its HTTP response: JSON, or server-sent events encoded by `spelling`."""
    response: HttpResponseBase
    if exchange.accounting.stream:
        silence = silence_left(exchange.accounting)
        response = EventStreamResponse(await stream(exchange, generation, silence=silence), spelling)
    else:
        response = json_response(await complete(exchange, generation))
    return await with_headers(exchange, response)


async def with_headers(exchange: Exchange, response: HttpResponseBase) -> HttpResponseBase:
    """Return the response with the headers of its exchange. If they fail, a stream and its exchange end here."""
    try:
        for name, value in exchange.headers():
            response.headers[name] = value
    except Exception:
        if isinstance(response, EventStreamResponse):
            exchange.fault = InternalError("The headers of the response failed.")
            await response.aclose()
        raise
    return response
