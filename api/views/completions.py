"""`POST /v1/completions`, the legacy endpoint, answered by chat models."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from api.exchange.plan import plan_completion
from api.openai.completion_request import parse_completion
from api.views.answering import answer, asker_of
from api.views.base import GatewayView, parsed_body


class CompletionsView(GatewayView):
    """A legacy completion of one prompt or of several, plain or streamed."""

    async def post(self, request: HttpRequest) -> HttpResponseBase:
        """Parse, plan, answer."""
        return await answer(
            self.services,
            await plan_completion(self.services, await parsed_body(request, parse_completion), asker_of(self, request)),
        )
