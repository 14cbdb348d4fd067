"""Helpers of the API tests: request bodies, model names, and readers of responses and records."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any, Final
from uuid import uuid4

import httpx2
from openai.types.chat import ChatCompletionMessageParam

from sessions_store.models import UsageRecord
from tests.server_process import ServerProcess

CHAT: Final = "/v1/chat/completions"
COMPLETIONS: Final = "/v1/completions"
GEMINI_25: Final = "gemini-2.5-flash"  # several candidates per call, no signatures
GEMINI_3: Final = "gemini-3.8-flash"  # one candidate per call, required thought signatures
JSON: Final = {"content-type": "application/json"}


@contextmanager
def unread(server: ServerProcess, body: dict[str, Any], path: str = CHAT) -> Iterator[None]:
    """Send a request whose client reads nothing and disconnects at the end of the block."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as client:
        client.request("POST", path, json.dumps(body), JSON)
        yield


def chat_message(text: str, role: str = "user") -> ChatCompletionMessageParam:
    """Return one message."""
    message: Any = {"role": role, "content": text}
    typed: ChatCompletionMessageParam = message
    return typed


def user_message(content: Any = "Hi", **fields: Any) -> dict[str, Any]:
    """Return a user message with any content."""
    return {"role": "user", "content": content, **fields}


def chat_body(text: str = "Hello!", **changes: Any) -> dict[str, Any]:
    """Return the JSON body of a small chat request with `changes`."""
    return {"model": GEMINI_25, "messages": [{"role": "user", "content": text}], **changes}


def fresh(prefix: str) -> str:
    """Return a unique name, because the database of the run keeps the rows of all tests."""
    return f"{prefix}-{uuid4().hex[:12]}"


def usage_of(headers: Mapping[str, str]) -> UsageRecord:
    """Return the usage record of the response with these headers; every acknowledged response has a record."""
    return UsageRecord.objects.get(request_id=headers["x-request-id"])


def events(response: httpx2.Response) -> list[Any]:
    """Return the JSON objects of a complete stream, which must end with `[DONE]`."""
    *objects, done = [line.removeprefix("data: ") for line in lines(response.text)]
    assert done == "[DONE]"
    return [json.loads(text) for text in objects]


def lines(text: str) -> Iterator[str]:
    """Yield the `data:` lines of a stream; other lines must be comments."""
    for line in text.split("\n\n"):
        assert line == "" or line.startswith(("data: ", ": ")), line
        if line.startswith("data: "):
            yield line


def error_of(response: httpx2.Response) -> dict[str, Any]:
    """Return the error object of a response, checked for OpenAI's exact form and headers."""
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"].startswith("req_")
    return error_in(response.json())


def error_in(body: Any) -> dict[str, Any]:
    """Return the error object of a body or event, checked for OpenAI's exact form."""
    assert body.keys() == {"error"}
    error: dict[str, Any] = body["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error["type"], str)
    assert all(error[name] is None or isinstance(error[name], str) for name in ("param", "code"))
    return error
