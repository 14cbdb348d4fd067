"""`/v1/responses`: creating, retrieving, resuming, cancelling, deleting; input items, input tokens, compaction."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from api.exchange.events import Event, one_batch
from api.exchange.responses import stored
from api.exchange.responses.automatic import plan_managed
from api.exchange.responses.compacting import compact
from api.exchange.responses.counting import count_input_tokens
from api.exchange.responses.jobs import jobs_of
from api.exchange.responses.resume import listen, resume
from api.exchange.responses.run import complete_response, stream_response, take_in
from api.openai.list_query import parse_list_query, parse_starting_after
from api.openai.responses_request import parse_compact, parse_input_tokens, parse_responses
from api.openai.sse import NAMED
from api.runtime import runtime
from api.views.answering import answer, asker_of
from api.views.base import GatewayView, json_response, parsed_body
from api.views.event_stream import EventStreamResponse

if TYPE_CHECKING:
    from api.openai.conversations import Deleted, InputTokens


class ResponsesView(GatewayView):
    """A response, plain or as a stream of server-sent events, at once or in the background."""

    async def post(self, request: HttpRequest) -> HttpResponseBase:
        """Parse, plan, answer."""
        parsed = await parsed_body(request, parse_responses)
        planned = await plan_managed(runtime(), parsed, asker_of(self, request))
        if not (parsed.background or planned.compacted or parsed.prewarms):
            exchange = planned.exchange
            del parsed, planned  # a large request must not stay as long as this frame
            return await answer(exchange, NAMED)
        response: HttpResponseBase
        if parsed.prewarms:
            response = taken_in(await take_in(runtime(), planned), stream=bool(parsed.stream))
        elif parsed.background:
            job, queued = await jobs_of(runtime()).start(planned)
            response = EventStreamResponse(listen(job.log, -1), NAMED) if parsed.stream else json_response(queued)
        elif parsed.stream:
            response = EventStreamResponse(await stream_response(runtime(), planned), NAMED)
        else:
            response = json_response(await complete_response(runtime(), planned))
        for name, value in planned.exchange.headers():
            response[name] = value
        return response


class ResponseView(GatewayView):
    """One stored response."""

    async def get(self, request: HttpRequest, response_id: str) -> HttpResponseBase:
        """Return it as it is now, or (`?stream=true`) its events from `starting_after` on."""
        principal_id = self.caller.principal_id
        if request.GET.get("stream") != "true":
            return json_response(await stored.retrieve(runtime(), principal_id, response_id))
        after = parse_starting_after(request.GET.get("starting_after"))
        events = await resume(runtime(), jobs_of(runtime()), principal_id, response_id, after)
        return EventStreamResponse(events, NAMED)

    async def delete(self, request: HttpRequest, response_id: str) -> HttpResponse:
        """Forget it; its usage stays."""
        await stored.delete(runtime(), jobs_of(runtime()), self.caller.principal_id, response_id)
        body: Deleted = {"id": response_id, "object": "response", "deleted": True}
        return json_response(body)


class CancelView(GatewayView):
    """Calling a background response off."""

    async def post(self, request: HttpRequest, response_id: str) -> HttpResponse:
        """Stop it wherever it runs and return it."""
        return json_response(await stored.cancel(runtime(), jobs_of(runtime()), self.caller.principal_id, response_id))


class InputItemsView(GatewayView):
    """What a response was asked."""

    async def get(self, request: HttpRequest, response_id: str) -> HttpResponse:
        """List its own input items, the newest first."""
        query = parse_list_query(self.query_pairs(request))
        return json_response(await stored.list_inputs(runtime(), self.caller.principal_id, response_id, query))


class InputTokensView(GatewayView):
    """Counting an input's tokens."""

    async def post(self, request: HttpRequest) -> HttpResponse:
        """Count them."""
        parsed = self.noted(await parsed_body(request, parse_input_tokens))
        counted = await count_input_tokens(runtime(), parsed, asker_of(self, request))
        body: InputTokens = {"object": "response.input_tokens", "input_tokens": counted}
        return json_response(body)


class CompactView(GatewayView):
    """Compacting a conversation."""

    async def post(self, request: HttpRequest) -> HttpResponse:
        """Return the items that take its place."""
        parsed = self.noted(await parsed_body(request, parse_compact))
        return json_response(await compact(runtime(), parsed, asker_of(self, request)))


def taken_in(events: Sequence[Event], *, stream: bool) -> HttpResponseBase:
    """Return the response to a request that wants no answer."""
    if not stream:
        return json_response(events[-1]["response"])
    return EventStreamResponse(one_batch(events), NAMED)
