"""`POST /v1/completions`, the legacy endpoint, served by chat models."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from api.exchange.planning.plan import open_exchange, plan_completion
from api.http.view import GatewayView, parsed_body
from api.openai.completions.completion import CompletionObject
from api.openai.completions.request import CompletionRequest, parse_completion
from api.views.operation import SESSION, Operation
from api.views.responding import origin_of, respond


class CompletionsView(GatewayView):
    """Create a legacy completion of one prompt or several, plain or as a stream of server-sent events."""

    family = "completions"
    rate_limited = True

    @Operation(
        name="createCompletion",
        what="Complete one prompt or several (the legacy endpoint), streamed or not.",
        body=CompletionRequest,
        response=CompletionObject,
        events=CompletionObject,
        done=True,
        parameters=(SESSION,),
    )
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        """Create a legacy completion."""
        parsed = await parsed_body(request, parse_completion)
        origin = origin_of(self, request)
        async with open_exchange(self.services, parsed, origin, "completions", stream=parsed.stream) as exchange:
            generation = await plan_completion(exchange, parsed, origin)
            del parsed  # else this frame would keep a large request
            return await respond(exchange, generation)
