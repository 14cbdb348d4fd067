"""The compaction of a conversation: Gemini writes a summary, and the client continues from the summary and its own
messages.
"""

from collections.abc import Sequence
from typing import Any

from api.errors import UpstreamError
from api.exchange.exchange import Exchange
from api.exchange.ids import item_ids, response_id
from api.exchange.responses.plan import PlannedResponse, plan_response
from api.exchange.responses.state_signer import state_signer
from api.exchange.running.run import complete
from api.openai.conversations.objects import CompactedResponse
from api.openai.responses.request import CompactRequest
from api.openai.responses.response import ResponseUsage
from api.translate.responses.input.compaction import compacted, compacting
from api.translate.responses.input.message_items import message_to_items


async def compact(exchange: Exchange, request: CompactRequest) -> CompactedResponse:
    """Return the compacted conversation of the request's input and its history.

    The compaction item has the summary itself, so every server with the same SECRET_KEY and clients that store nothing
    can use it.
    """
    summary_request = compacting(request).model_copy(update={"store": False, "stream": False, "background": False})
    planned = await plan_response(exchange, summary_request)
    summary, used = await summary_of(planned)
    ids = item_ids()
    return {
        "id": response_id(),
        "object": "response.compaction",
        "created_at": planned.accumulator.created_at,
        "output": compacted([*_user_messages(planned), *request.items], summary, item_ids=ids, signer=state_signer()),
        "usage": used,
    }


async def summary_of(planned: PlannedResponse) -> tuple[str, ResponseUsage]:
    """Generate a planned summary; return it and its usage. Raises UpstreamError if Gemini returns no text."""
    response = await complete(planned.exchange, planned.generation)
    summary = "".join(
        part.get("text", "")  # a refusal part has no text
        for item in response["output"]
        if item["type"] == "message"
        for part in item["content"]
    )
    if not summary:
        raise UpstreamError("The upstream model returned no summary of the conversation.")
    return summary, response["usage"]


def _user_messages(planned: PlannedResponse) -> Sequence[dict[str, Any]]:
    """Return the users' messages of the stored history as items."""
    ids = item_ids()
    return [
        item
        for entry in planned.conversation_input.history
        if entry.message["role"] == "user"
        for item in message_to_items(entry.message, item_ids=ids)
    ]
