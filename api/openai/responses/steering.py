"""Injected input over a WebSocket: the frame `response.steer` and its reply events
(https://platform.openai.com/docs/api-reference/responses-streaming).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from api.errors import InvalidRequestError
from api.notes import Note
from api.openai.responses.request import InputTokensRequest

Item = dict[str, Any]
SteerErrorCode = Literal[
    "response_not_found",
    "invalid_input",
    "steering_not_supported",
    "too_many_pending_steers",
    "response_already_completed",
    "successor_creation_failed",
]
_FRAME: Final = frozenset({"type", "previous_response_id", "input"})
_MESSAGE: Final = frozenset({"type", "role", "content"})
_PARTS: Final = frozenset({"input_text", "input_image", "input_file"})


class SteerError(Exception):
    """A rejected steer input; `message` is for the client."""

    def __init__(self, code: SteerErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class SteerInput:
    """A steer input as the client sent it; `id` is "" for a rejected one.

    `notes` name the changes made while reading the frame.
    """

    response_id: str
    input: str | Sequence[Item]
    id: str = ""
    notes: Sequence[Note] = ()

    @property
    def items(self) -> list[Item]:
        """The input as items; a string is one user message."""
        if isinstance(self.input, str):
            return [{"type": "message", "role": "user", "content": self.input}]
        return list(self.input)


def parse_steer_input(frame: Mapping[str, Any], *, notes: Sequence[Note] = ()) -> SteerInput:
    """Return the steer input of a frame; its items are not validated yet.

    Raises InvalidRequestError for a frame without a response id or without input: no steer event can report that.
    """
    target, given = frame.get("previous_response_id"), frame.get("input")
    for name, there in (("previous_response_id", isinstance(target, str)), ("input", isinstance(given, str | list))):
        if not there:
            raise InvalidRequestError(
                f"Invalid or missing '{name}' in a 'response.steer' frame.", param=name, code="invalid_value"
            )
    items = given if isinstance(given, str) else list(given or ())
    return SteerInput(response_id=str(target), input=items, notes=notes)


def check_steer_input(frame: Mapping[str, Any], steer_input: SteerInput) -> None:
    """Raise SteerError for input that cannot be queued: only user messages can."""
    if unknown := sorted(frame.keys() - _FRAME):
        raise SteerError("invalid_input", f"Unknown parameter: '{unknown[0][:100]}'.")
    if not steer_input.input:
        raise SteerError("invalid_input", "The input is empty.")
    for index, item in enumerate(steer_input.items):
        if not isinstance(item, dict) or item.get("role") != "user" or item.get("type", "message") != "message":
            raise SteerError(
                "invalid_input", f"Invalid 'input[{index}]': steering input accepts messages of the role 'user' only."
            )
        if item.keys() - _MESSAGE:
            raise SteerError("invalid_input", f"Invalid 'input[{index}]': only type, role and content are allowed.")
        content = item.get("content")
        parts = content if isinstance(content, list) else []
        if any(not isinstance(part, dict) or part.get("type") not in _PARTS for part in parts):
            raise SteerError(
                "invalid_input",
                f"Invalid 'input[{index}].content': steering input accepts text, images and files only.",
            )
    try:
        InputTokensRequest.parse({"input": steer_input.items})
    except InvalidRequestError as error:
        raise SteerError("invalid_input", error.message) from None


def accepted_event(steer_input: SteerInput) -> dict[str, Any]:
    """Return the event for an accepted steer input."""
    return {"type": "response.steer.accepted", "steer": _named(steer_input)}


def pending_event(steer_input: SteerInput, output: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the event that lists the tool results required first; `output` is the response's output."""
    return {
        "type": "response.steer.pending",
        "steer": _named(steer_input),
        "reason": "waiting_for_required_input",
        "required_input": required_input(output),
    }


def failed_event(steer_input: SteerInput, code: SteerErrorCode, message: str) -> dict[str, Any]:
    """Return the event for a rejected steer input."""
    given = {"input": steer_input.input, "previous_response_id": steer_input.response_id}
    return {
        "type": "response.steer.failed",
        "error": {"type": "invalid_request_error", "code": code, "message": message},
        "steer": {**given, "id": steer_input.id} if steer_input.id else given,
    }


def required_input(output: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return stubs of the tool results that a response requires, in the order of its calls."""
    return [stub(item) for item in output if (stub := _STUBS.get(item["type"])) is not None]


def _named(steer_input: SteerInput) -> dict[str, str]:
    return {"id": steer_input.id, "previous_response_id": steer_input.response_id}


_STUBS: Final = {
    "function_call": lambda item: {
        "type": "function_call_output",
        "call_id": item["call_id"],
        "name": item["name"],
    },
    "custom_tool_call": lambda item: {"type": "custom_tool_call_output", "call_id": item["call_id"]},
    "tool_search_call": lambda item: {
        "type": "tool_search_output",
        "call_id": item["call_id"],
        "execution": "client",
    },
    "shell_call": lambda item: {"type": "shell_call_output", "call_id": item["call_id"]},
    "local_shell_call": lambda item: {"type": "local_shell_call_output", "id": item["call_id"]},
    "apply_patch_call": lambda item: {"type": "apply_patch_call_output", "call_id": item["call_id"]},
}
