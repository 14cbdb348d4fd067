"""Recorded requests of six real clients: chat, completions and models, plain and streamed.

Every response is parsed with the SDK's types. The few rejected requests are rejected by OpenAI as well.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from openai.types import Completion, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.exchanges import CHAT, COMPLETIONS, error_of, events
from tests.recorded import CLIENTS, client_requests

MODELS = "/v1/models"
NOT_SENT_AGAIN = {"host", "connection", "content-length", "accept-encoding", "transfer-encoding"}
# `file:line` of the requests that OpenAI rejects as well: (status, code, param)
REFUSED = {
    "openai_py:12": (404, "model_not_found", "model"),
    "openai_py:13": (400, "invalid_value", "messages"),
    "openai_node:22": (404, "model_not_found", "model"),
}

pytestmark = [pytest.mark.usefixtures("emulator"), pytest.mark.portable]


def recorded() -> Iterator[Any]:
    """Return the recorded requests to the endpoints of this version."""
    for client in CLIENTS:
        for number, request in client_requests(client):
            if (request["path"] in {CHAT, COMPLETIONS} and request["method"] == "POST") or request["path"] == MODELS:
                yield pytest.param(request, id=f"{client}:{number}")


@pytest.mark.parametrize("request_sent", list(recorded()))
def test_a_recorded_request_gets_a_valid_response(
    http: httpx2.Client, request_sent: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    key = request.node.callspec.id
    headers = {name: value for name, value in request_sent["headers"].items() if name.lower() not in NOT_SENT_AGAIN}
    body = request_sent.get("body")
    content = None if body is None else json.dumps(body).encode()

    response = http.request(request_sent["method"], request_sent["path"], content=content, headers=headers)

    if key in REFUSED:
        error = error_of(response)
        assert (response.status_code, error["code"], error["param"]) == REFUSED[key]
        return
    assert response.status_code == 200, response.text
    check(request_sent["path"], body or {}, response)


def check(path: str, body: dict[str, Any], response: httpx2.Response) -> None:
    """Parse a response with the SDK's types and compare the response with the request."""
    if path == MODELS:
        assert [Model.model_validate(model) for model in response.json()["data"]]
    elif path == COMPLETIONS:
        assert Completion.model_validate(response.json()).choices[0].text
    elif body.get("stream"):
        check_stream([ChatCompletionChunk.model_validate(event) for event in events(response)], body)
    else:
        completion = ChatCompletion.model_validate(response.json())
        assert len(completion.choices) == body.get("n", 1)
        for choice in completion.choices:
            assert choice.message.content or choice.message.tool_calls
            assert choice.finish_reason == ("tool_calls" if choice.message.tool_calls else "stop")


def check_stream(chunks: list[ChatCompletionChunk], body: dict[str, Any]) -> None:
    """Check the role, the end, and the usage (on request only) of a stream."""
    wants_usage = (body.get("stream_options") or {}).get("include_usage", False)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [bool(chunk.usage) for chunk in chunks] == [False] * (len(chunks) - 1) + [wants_usage]
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason] in (
        ["stop"],
        ["tool_calls"],
    )
