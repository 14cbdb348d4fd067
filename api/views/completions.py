"""`POST /v1/completions`, the legacy endpoint, answered by chat models."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from api.exchange.plan import open_exchange, plan_completion
from api.openai.completion import CompletionObject
from api.openai.completion_request import CompletionRequest, parse_completion
from api.views.answering import answer, asker_of
from api.views.base import GatewayView, parsed_body
from api.views.operation import SESSION, Operation


class CompletionsView(GatewayView):
    """A legacy completion of one prompt or of several, plain or streamed."""

    @Operation(
        name="createCompletion",
        what="Complete one prompt or several (the legacy endpoint), streamed or not.",
        body=CompletionRequest,
        answer=CompletionObject,
        events=CompletionObject,
        done=True,
        parameters=(SESSION,),
    )
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        """Parse, plan, answer."""
        parsed = await parsed_body(request, parse_completion)
        asker = asker_of(self, request)
        async with open_exchange(self.services, parsed, asker, "completions", stream=parsed.stream) as exchange:
            generation = await plan_completion(exchange, parsed, asker)
            del parsed  # a large request must not stay as long as this frame
            return await answer(exchange, generation)
