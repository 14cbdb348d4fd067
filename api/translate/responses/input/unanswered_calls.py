"""Rejects a request without a required result of a call; any other defect of a history is accepted.

OpenAI rejects every call without a result. If messages follow the call, this would block a session for good, because
its client sends the same history with every request. So only results that the current request must contain are
required.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from api.errors import InvalidRequestError
from api.openai.shared.validation import printable_name
from api.translate.conversation.pairing import Pairing
from sessions_store.transcript.values import RESULT_ROLES


def check_owed(messages: Sequence[Mapping[str, Any]], pairing: Pairing, *, previous_place: int | None) -> None:
    """Check the results of pending calls: calls followed by results only, and calls of the previous response.

    `messages` are the messages of the previous conversation and of the request. `previous_place` is the position of the
    previous response's message, whose calls require results in any case. Raises InvalidRequestError.
    """
    last = max((place for place, message in enumerate(messages) if message["role"] not in RESULT_ROLES), default=-1)
    owed = [call_id for place, call_id in pairing.unanswered if place in (last, previous_place)]
    if owed:
        raise InvalidRequestError(
            f"No tool output found for function call {printable_name(min(owed))}.", param="input", code="invalid_value"
        )
