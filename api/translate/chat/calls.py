"""Calls in the form of chat completions: functions and custom tools, complete and in deltas.

A custom tool's delta has the form of a function's delta, with `custom` and `input` for `function` and `arguments`.
OpenAI streams it so, although the documented chunk has functions only
(https://platform.openai.com/docs/api-reference/chat/streaming).
"""

from collections.abc import Collection
from typing import Any

from api.openai.chat.completion import (
    CalledFunction,
    CustomCallOut,
    Delta,
    FunctionCallOut,
    FunctionDelta,
    ToolCallDelta,
)
from api.translate.candidates.choice import Call
from api.translate.conversation.signatures import SIGNED_ALONE
from api.translate.tools.custom import custom_input


def signature_field(signature: str, *, alone: bool = False) -> dict[str, Any]:
    """Return a thought signature in the field that Google's own OpenAI endpoint uses.

    `alone` adds a field of this server: the signature belongs to a part without text, and must be sent back on one.
    """
    carried = {"thought_signature": signature}
    return {"google": {**carried, SIGNED_ALONE: True} if alone else carried}


def tool_call(call: Call, custom_tools: Collection[str]) -> FunctionCallOut | CustomCallOut:
    """Return a call in the form of `tool_calls`; `custom_tools` has the client's names of the custom tools."""
    if call.name in custom_tools:
        custom = {"name": call.name, "input": custom_input(call.arguments)}
        return {"id": call.id, "type": "custom", "custom": custom}  # type: ignore[typeddict-item]
    return {"id": call.id, "type": "function", "function": called_function(call)}


def called_function(call: Call) -> CalledFunction:
    """Return a function's call in the form of `function` and of the legacy `function_call`."""
    return {"name": call.name, "arguments": call.arguments}


def tool_call_deltas(call: Call, custom_tools: Collection[str]) -> tuple[Delta, Delta]:
    """Return a call as OpenAI streams it: id, type and name with empty arguments first, then the arguments."""
    first: ToolCallDelta = {"index": call.position, "id": call.id}
    rest: ToolCallDelta = {"index": call.position}
    if call.name in custom_tools:
        first |= {"type": "custom", "custom": {"name": call.name, "input": ""}}
        rest["custom"] = {"input": custom_input(call.arguments)}
    else:
        first |= {"type": "function", "function": {"name": call.name, "arguments": ""}}
        rest["function"] = {"arguments": call.arguments}
    if call.signature:
        first["extra_content"] = signature_field(call.signature)
    return {"tool_calls": [first]}, {"tool_calls": [rest]}


def function_call_deltas(call: Call) -> tuple[Delta, Delta]:
    """Return a call as two deltas of the legacy `function_call`."""
    first: FunctionDelta = {"name": call.name, "arguments": ""}
    if call.signature:
        first["extra_content"] = signature_field(call.signature)
    return {"function_call": first}, {"function_call": {"arguments": call.arguments}}
