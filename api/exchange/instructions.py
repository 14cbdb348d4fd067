"""The instructions of a response, or of a completion with a `suffix`: they go upstream with the request, but are no
message of its conversation.

They are kept as a message of their own beside it, stored once however often they are sent, so that what was sent can be
shown, and forgotten with everything else that was said.
"""

import orjson

from api.exchange.exchange import Exchange
from api.translate.message_tokens import json_tokens
from sessions_store.records import NewMessage
from sessions_store.transcript import message_keys


def instruction_node(exchange: Exchange) -> NewMessage | None:
    """Return the node of the exchange's instructions; None where it has none or none were sent."""
    if not exchange.instructions or not exchange.branches:
        return None
    branch = exchange.branches[0]
    if "systemInstruction" not in branch.upstream.body:
        return None
    message = {"role": "system", "content": exchange.instructions}
    face = {"role": "system", "parts": [{"text": exchange.instructions}]}
    openai = orjson.dumps(message)
    return NewMessage(
        key=message_keys(branch.memory.principal_id, [message])[0],
        parent=None,
        role="system",
        openai=openai.decode(),
        gemini=orjson.dumps(face).decode(),
        model="",
        tokens=json_tokens(openai),
    )
