"""`/v1/responses`: create, retrieve, resume, cancel, delete; input items, input tokens, compaction."""

from collections.abc import Sequence
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from api.exchange.events import Event, one_batch
from api.exchange.planning.plan import open_exchange
from api.exchange.responses import retrieval
from api.exchange.responses.auto_compaction import plan_managed
from api.exchange.responses.background import jobs_of
from api.exchange.responses.compaction import compact
from api.exchange.responses.input_tokens import count_input_tokens
from api.exchange.responses.plan import PlannedResponse
from api.exchange.responses.resume import listen, resume
from api.exchange.responses.run import complete_response, store_input, stream_response
from api.http.view import GatewayView, json_response, parsed_body
from api.notes import Note
from api.openai.conversations.objects import CompactedResponse, Deleted, InputTokens, ListPage
from api.openai.responses.events import ResponseStreamEvent
from api.openai.responses.request import (
    CompactRequest,
    InputTokensRequest,
    ResponsesRequest,
    parse_compact,
    parse_input_tokens,
    parse_responses,
)
from api.openai.responses.response import Response
from api.openai.shared.list_query import parse_list_query, parse_starting_after
from api.openai.shared.sse import NAMED
from api.views.event_stream import EventStreamResponse
from api.views.operation import Operation, OperationParameter, page_parameters
from api.views.responding import origin_of, respond, with_headers

RESUME: Final = (
    OperationParameter(
        name="stream",
        schema={"type": "string", "enum": ["true", "false"]},
        what="`true`: return the events of the response.",
    ),
    OperationParameter(
        name="starting_after",
        schema={"type": "integer", "minimum": 0, "maximum": 999_999_999},
        what="Sequence number of the last event that the client received.",
    ),
)
_SESSION_DROPPED: Final = Note("dropped", "X-Session-Id", "a response continues previous_response_id or conversation")


class ResponsesView(GatewayView):
    """Create a response, plain or as a stream of server-sent events, in the foreground or in the background."""

    family = "responses"
    rate_limited = True

    @Operation(
        name="createResponse",
        gives=("response_id", "/id"),
        what="Create a response: as one object, as a stream of events, or in the background.",
        body=ResponsesRequest,
        response=Response,
        events=ResponseStreamEvent,
    )
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        """Create a response."""
        parsed = await parsed_body(request, parse_responses)
        origin = origin_of(self, request)
        streamed = parsed.stream or parsed.background
        async with open_exchange(self.services, parsed, origin, "responses", stream=streamed) as exchange:
            if origin.session_name:
                exchange.accounting.notes.append(_SESSION_DROPPED)
            planned = await plan_managed(exchange, parsed)
            if not (parsed.background or planned.compacted or parsed.prewarms):
                generation = planned.generation
                del parsed, planned  # else this frame would keep a large request
                return await respond(exchange, generation, NAMED)
            return await with_headers(exchange, await _managed(parsed, planned))


async def _managed(parsed: ResponsesRequest, planned: PlannedResponse) -> HttpResponseBase:
    """Run a response in the background, after a compaction, or with its input alone."""
    if parsed.prewarms:
        return stored_input(await store_input(planned), stream=bool(parsed.stream))
    if parsed.background:
        job, queued = await jobs_of(planned.exchange.services).start(planned)
        return EventStreamResponse(listen(job.log, -1), NAMED) if parsed.stream else json_response(queued)
    if parsed.stream:
        return EventStreamResponse(await stream_response(planned), NAMED)
    return json_response(await complete_response(planned))


class ResponseView(GatewayView):
    """One stored response."""

    family = "responses"

    @Operation(
        name="getResponse",
        what="Return a stored response, or its events after `starting_after`.",
        response=Response,
        events=ResponseStreamEvent,
        parameters=RESUME,
    )
    async def get(self, request: HttpRequest, response_id: str) -> HttpResponseBase:
        """Return the response in its current state, or with `?stream=true` its events after `starting_after`."""
        principal_id = self.caller.owner_id
        if request.GET.get("stream") != "true":
            return json_response(await retrieval.retrieve(self.services, principal_id, response_id))
        after = parse_starting_after(request.GET.get("starting_after"))
        jobs = jobs_of(self.services)
        events = await resume(self.services, jobs, principal_id, response_id, after)
        return EventStreamResponse(events, NAMED)

    @Operation(name="deleteResponse", what="Delete a stored response; its usage record stays.", response=Deleted)
    async def delete(self, request: HttpRequest, response_id: str) -> HttpResponse:
        """Delete the response; its usage stays."""
        await retrieval.delete(self.services, jobs_of(self.services), self.caller.owner_id, response_id)
        body: Deleted = {"id": response_id, "object": "response", "deleted": True}
        return json_response(body)


class CancelView(GatewayView):
    """Cancel a background response."""

    family = "responses"

    @Operation(name="cancelResponse", what="Cancel a background response and return the response.", response=Response)
    async def post(self, request: HttpRequest, response_id: str) -> HttpResponse:
        """Cancel the response in whatever worker it runs, and return it."""
        jobs = jobs_of(self.services)
        return json_response(await retrieval.cancel(self.services, jobs, self.caller.owner_id, response_id))


class InputItemsView(GatewayView):
    """List the input items of a response."""

    family = "responses"

    @Operation(
        name="listInputItems",
        what="List the input items of a response, newest first.",
        response=ListPage,
        parameters=page_parameters("desc"),
    )
    async def get(self, request: HttpRequest, response_id: str) -> HttpResponse:
        """List the response's own input items, by default the newest first."""
        query = parse_list_query(self.query_pairs(request))
        return json_response(await retrieval.list_inputs(self.services, self.caller.owner_id, response_id, query))


class InputTokensView(GatewayView):
    """Count the tokens of a response's input."""

    family = "responses"
    rate_limited = True

    @Operation(
        name="countInputTokens",
        what="Count the input tokens of a response.",
        body=InputTokensRequest,
        response=InputTokens,
    )
    async def post(self, request: HttpRequest) -> HttpResponse:
        """Count the input tokens."""
        parsed = self.noted(await parsed_body(request, parse_input_tokens))
        async with open_exchange(self.services, parsed, origin_of(self, request), "responses.input_tokens") as exchange:
            exchange.recorded = True  # not to be recorded: counting is free
            self.has_exchange = False  # so the view writes the access line
            counted = await count_input_tokens(exchange, parsed)
        body: InputTokens = {"object": "response.input_tokens", "input_tokens": counted}
        return json_response(body)


class CompactView(GatewayView):
    """Compact a conversation."""

    family = "responses"
    rate_limited = True

    @Operation(
        name="compactResponse",
        what="Compact a conversation: return the items that replace the conversation.",
        body=CompactRequest,
        response=CompactedResponse,
    )
    async def post(self, request: HttpRequest) -> HttpResponse:
        """Return the items that replace the conversation."""
        parsed = self.noted(await parsed_body(request, parse_compact))
        async with open_exchange(self.services, parsed, origin_of(self, request), "responses.compact") as exchange:
            return json_response(await compact(exchange, parsed))


def stored_input(events: Sequence[Event], *, stream: bool) -> HttpResponseBase:
    """Return the HTTP response to a request with `generate: false`."""
    if not stream:
        return json_response(events[-1]["response"])
    return EventStreamResponse(one_batch(events), NAMED)
