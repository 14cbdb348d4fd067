"""Function calls and their results across a whole conversation: each call is answered before anything else is said."""

from collections.abc import Iterable, Mapping
from typing import Any

from api.errors import InvalidRequestError
from api.openai.validation import printable_name


def check_calls(messages: Iterable[Mapping[str, Any]]) -> None:
    """Check that every call has its result and every result its call, as OpenAI does.

    `messages` are those of the conversation so far and of the request. Raises InvalidRequestError.
    """
    waiting: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                raise _invalid("No tool call found for function call output with call_id", message["tool_call_id"])
            waiting.remove(message["tool_call_id"])
        elif message["role"] != "function":
            _check_answered(waiting)
            waiting = {call["id"] for call in message.get("tool_calls") or ()}
    _check_answered(waiting)


def _check_answered(waiting: set[str]) -> None:
    if waiting:
        raise _invalid("No tool output found for function call", min(waiting))


def _invalid(what: str, call_id: str) -> InvalidRequestError:
    return InvalidRequestError(f"{what} {printable_name(call_id)}.", param="input", code="invalid_value")
