"""`POST /v1/chat/completions`, and the list of stored chat completions."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from api.exchange.planning.plan import open_exchange, plan_chat
from api.http.view import GatewayView, parsed_body
from api.openai.chat.completion import ChatCompletion, ChatCompletionChunk
from api.openai.chat.request import ChatCompletionRequest, parse_chat_completion
from api.openai.conversations.objects import ListPage
from api.views.operation import SESSION, Operation, page_parameters
from api.views.responding import origin_of, respond
from api.views.stored_completions import FILTERS, list_stored


class ChatCompletionsView(GatewayView):
    """Create a chat completion, plain or as a stream of server-sent events; list the stored ones."""

    family = "chat"
    rate_limited = True

    @Operation(
        name="listChatCompletions",
        what="List the stored chat completions, oldest first.",
        response=ListPage,
        parameters=(*page_parameters("asc"), *FILTERS),
    )
    async def get(self, request: HttpRequest) -> HttpResponse:
        """List the stored chat completions."""
        return await list_stored(self, request)

    @Operation(
        name="createChatCompletion",
        gives=("completion", "/id"),
        what="Create a chat completion: as one object, or as a stream of server-sent events.",
        body=ChatCompletionRequest,
        response=ChatCompletion,
        events=ChatCompletionChunk,
        done=True,
        parameters=(SESSION,),
    )
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        """Create a chat completion."""
        parsed = await parsed_body(request, parse_chat_completion)
        origin = origin_of(self, request)
        async with open_exchange(self.services, parsed, origin, "chat.completions", stream=parsed.stream) as exchange:
            generation = await plan_chat(exchange, parsed, origin)
            del parsed  # else this frame would keep a large request
            return await respond(exchange, generation)
