"""Bodies for the tests of this folder: a minimal valid request with changes."""

from typing import Any

import orjson
import pytest

from api.errors import InvalidRequestError
from api.openai.chat.request import ChatCompletionRequest, parse_chat_completion
from api.openai.completions.request import CompletionRequest, parse_completion

HELLO = {"role": "user", "content": "Hello!"}


def chat(**changes: Any) -> ChatCompletionRequest:
    """Parse a small chat request with `changes` made to its body."""
    return parse_chat_completion(orjson.dumps({"model": "gpt-4", "messages": [HELLO], **changes}))


def completion(**changes: Any) -> CompletionRequest:
    """Parse a small text completion request with `changes` made to its body."""
    return parse_completion(orjson.dumps({"model": "gpt-4", "prompt": "Hello!", **changes}))


def chat_error(**changes: Any) -> InvalidRequestError:
    """Return the error of a chat request with the changes."""
    with pytest.raises(InvalidRequestError) as caught:
        chat(**changes)
    return caught.value


def completion_error(**changes: Any) -> InvalidRequestError:
    """Return the error of a text completion request with the changes."""
    with pytest.raises(InvalidRequestError) as caught:
        completion(**changes)
    return caught.value


def call(call_id: str = "call_1", name: str = "add", arguments: str = "{}") -> dict[str, Any]:
    """Return a function call of an assistant message."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def assistant(*calls: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return an assistant message with these calls."""
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **changes}


def tool(call_id: str = "call_1", content: Any = "3") -> dict[str, Any]:
    """Return a tool message with the result of a call."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def function_tool(name: str = "add") -> dict[str, Any]:
    """Return a function as a tool."""
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
