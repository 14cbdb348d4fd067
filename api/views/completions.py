"""`POST /v1/completions`, the legacy endpoint, answered by chat models."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from api.exchange.plan import plan_completion
from api.openai.completion import CompletionObject
from api.openai.completion_request import CompletionRequest, parse_completion
from api.runtime import runtime
from api.views.answering import answer, asker_of
from api.views.base import GatewayView, parsed_body
from api.views.operation import SESSION, Operation


class CompletionsView(GatewayView):
    """A legacy completion of one prompt or of several, plain or streamed."""

    @Operation(
        name="createCompletion",
        what="Complete one prompt or several (the legacy endpoint), plain or streamed.",
        body=CompletionRequest,
        answer=CompletionObject,
        events=CompletionObject,
        done=True,
        parameters=(SESSION,),
    )
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        """Parse, plan, answer."""
        return await answer(
            await plan_completion(runtime(), await parsed_body(request, parse_completion), asker_of(self, request))
        )
