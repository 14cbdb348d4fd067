"""The instructions of a response, or of a completion with a `suffix`: sent to Gemini with the request, but no message
of its conversation.

They are stored as a message beside the conversation, once however often they are sent, so that the admin can show the
request and erasure includes them.
"""

from api.exchange.conversation.nodes import new_node
from api.exchange.generation import Generation
from sessions_store.transcript.canonical import message_key
from sessions_store.writing.records import NewMessage


def instruction_node(generation: Generation) -> NewMessage | None:
    """Return the node of the generation's instructions, None if none were sent."""
    if not generation.instructions or not generation.branches:
        return None
    branch = generation.branches[0]
    if "systemInstruction" not in branch.upstream.body:
        return None
    message = {"role": "system", "content": generation.instructions}
    key = message_key(branch.context.principal_id, None, message)
    return new_node(key, None, message, {"role": "system", "parts": [{"text": generation.instructions}]})
