"""Rules of a chat request across several messages or parameters; the models validate single values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from api.errors import InvalidRequestError
from api.openai.chat.tools import custom_names, is_function_tool
from api.openai.shared.generation_request import not_enabled
from api.openai.shared.validation import printable_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.openai.chat.messages import Message, ToolMessage
    from api.openai.chat.tools import FunctionCallChoice, Functions, ToolChoice, Tools

MAX_IDS_SHOWN = 5


class ChatParameters(Protocol):
    """The parameters of a chat request with dependencies on one another."""

    max_tokens: int | None
    max_completion_tokens: int | None
    logprobs: bool | None
    top_logprobs: int | None
    tools: Tools | None
    tool_choice: ToolChoice | None
    functions: Functions | None
    function_call: FunctionCallChoice | None

    def check_stream_options(self) -> None:
        """Reject `stream_options` without `stream`; raises InvalidRequestError."""


def check_messages(messages: Sequence[Message]) -> None:
    """Check that tool messages follow the calls of their assistant message.

    Raises InvalidRequestError.
    """
    called: set[str] | None = None  # ids of the calls that tool messages may refer to here; None: no calls before
    unanswered: dict[str, int] = {}  # call id -> index of its assistant message, in order of the calls
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            _check_tool_message(message, index, called)
            unanswered.pop(message["tool_call_id"], None)
            continue
        if unanswered:
            raise _unanswered(unanswered)
        called = None
        if message["role"] == "assistant":
            unanswered = {call["id"]: index for call in message.get("tool_calls") or ()}
            called = set(unanswered) or None
    if unanswered:
        raise _unanswered(unanswered)


def check_parameters(request: ChatParameters) -> None:
    """Check parameters that exclude or require one another.

    Raises InvalidRequestError.
    """
    if request.max_tokens is not None and request.max_completion_tokens is not None:
        raise _exclusive("max_tokens", "max_completion_tokens")
    if request.functions and request.tools:
        raise _exclusive("functions", "tools")
    request.check_stream_options()
    if request.top_logprobs and not request.logprobs:
        raise not_enabled("top_logprobs", needs="logprobs")
    _check_tool_choice(request)
    _check_function_call(request)


def _check_tool_message(message: ToolMessage, index: int, called: set[str] | None) -> None:
    if called is None:
        raise InvalidRequestError(
            "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
            param=f"messages[{index}].role",
            code="invalid_value",
        )
    if message["tool_call_id"] not in called:
        raise InvalidRequestError(
            f"Invalid parameter: 'tool_call_id' of '{printable_name(message['tool_call_id'])}' not found in "
            "'tool_calls' of previous message.",
            param=f"messages[{index}].tool_call_id",
            code="invalid_value",
        )


def _unanswered(ids: dict[str, int]) -> InvalidRequestError:
    shown = ", ".join(printable_name(call_id) for call_id in list(ids)[:MAX_IDS_SHOWN])
    more = f" and {len(ids) - MAX_IDS_SHOWN} more" if len(ids) > MAX_IDS_SHOWN else ""
    return InvalidRequestError(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {shown}{more}",
        param=f"messages[{next(iter(ids.values()))}].tool_calls",
        code="invalid_value",
    )


def _check_tool_choice(request: ChatParameters) -> None:
    choice = request.tool_choice
    if choice is None or choice in ("none", "auto"):
        return
    if not request.tools:
        raise InvalidRequestError(
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
            param="tool_choice",
            code="invalid_value",
        )
    if isinstance(choice, str) or choice["type"] == "allowed_tools":
        return
    name = choice["function"]["name"] if choice["type"] == "function" else choice["custom"]["name"]
    functions = {tool["function"]["name"] for tool in request.tools if is_function_tool(tool)}
    if name not in (functions if choice["type"] == "function" else custom_names(request.tools)):
        raise _unknown_choice(f"tool_choice.{choice['type']}.name", name, "tools")


def _check_function_call(request: ChatParameters) -> None:
    choice = request.function_call
    if choice is None or isinstance(choice, str):
        return
    if choice["name"] not in {function["name"] for function in request.functions or ()}:
        raise _unknown_choice("function_call.name", choice["name"], "functions")


def _unknown_choice(param: str, name: str, where: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"Invalid value for '{param}': '{printable_name(name)}' not found in '{where}'.",
        param=param,
        code="invalid_value",
    )


def _exclusive(one: str, other: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"Setting '{one}' and '{other}' at the same time is not supported.",
        param=one,
        code="mutually_exclusive_parameters",
    )
