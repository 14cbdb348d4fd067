"""Calls without a result that a request owes; whatever else a history lacks or has too much of is no reason to refuse.

OpenAI refuses each call without a result. Where something was said after it, this would end a session for good: its
client sends the same history with every request. So only what the request itself was to bring is asked for.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from api.errors import InvalidRequestError
from api.openai.shared.validation import printable_name
from api.translate.conversation.pairing import Pairing
from sessions_store.transcript.values import RESULT_ROLES


def check_owed(messages: Sequence[Mapping[str, Any]], pairing: Pairing, *, asked: int | None) -> None:
    """Check that no result is missing that the model waits for: of calls that nothing but results come after.

    `messages` are those of the conversation so far and of the request. `asked` is the place of the answer that the
    request names as the one it goes on from: that one's calls want results whatever else comes. Raises
    InvalidRequestError.
    """
    last = max((place for place, message in enumerate(messages) if message["role"] not in RESULT_ROLES), default=-1)
    owed = [call_id for place, call_id in pairing.unanswered if place in (last, asked)]
    if owed:
        raise InvalidRequestError(
            f"No tool output found for function call {printable_name(min(owed))}.", param="input", code="invalid_value"
        )
