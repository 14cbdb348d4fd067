"""`POST /v1/chat/completions`, and the list of what was stored of it."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from api.exchange.plan import plan_chat
from api.openai.chat_request import parse_chat_completion
from api.runtime import runtime
from api.views.answering import answer, asker_of
from api.views.base import GatewayView, json_body
from api.views.stored_completions import list_stored


class ChatCompletionsView(GatewayView):
    """A chat completion, plain or as a stream of server-sent events."""

    async def get(self, request: HttpRequest) -> HttpResponse:
        """List the stored ones."""
        return await list_stored(self, request)

    async def post(self, request: HttpRequest) -> HttpResponseBase:
        """Parse, plan, answer."""
        parsed = parse_chat_completion(await json_body(request))
        exchange = await plan_chat(runtime(), parsed, asker_of(self, request))
        return await answer(exchange)
