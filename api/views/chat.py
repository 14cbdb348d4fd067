"""`POST /v1/chat/completions`, and the list of what was stored of it."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from api.exchange.plan import open_exchange, plan_chat
from api.openai.chat_request import parse_chat_completion
from api.views.answering import answer, asker_of
from api.views.base import GatewayView, parsed_body
from api.views.stored_completions import list_stored


class ChatCompletionsView(GatewayView):
    """A chat completion, plain or as a stream of server-sent events."""

    async def get(self, request: HttpRequest) -> HttpResponse:
        """List the stored ones."""
        return await list_stored(self, request)

    async def post(self, request: HttpRequest) -> HttpResponseBase:
        """Parse, plan, answer."""
        parsed = await parsed_body(request, parse_chat_completion)
        asker = asker_of(self, request)
        async with open_exchange(self.services, parsed, asker, "chat.completions", stream=parsed.stream) as exchange:
            generation = await plan_chat(exchange, parsed, asker)
            del parsed  # a large request must not stay as long as this frame
            return await answer(exchange, generation)
