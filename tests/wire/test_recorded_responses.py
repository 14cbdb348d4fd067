"""Recorded requests of real clients to the Responses API and to conversations, sent again in order.

Ids of the recorded server are replaced by the ids of this server at the same position. Every response is validated
with the SDK's types.
"""

import json
import re
from typing import Any

import httpx2
import pytest
from openai.types.conversations import Conversation
from openai.types.responses import CompactedResponse, Response
from openai.types.responses.input_token_count_response import InputTokenCountResponse

from tests.exchanges import CHAT
from tests.recorded import CLIENTS, client_requests
from tests.responses import named_events

NOT_SENT_AGAIN = {"host", "connection", "content-length", "accept-encoding", "transfer-encoding"}
FAMILIES = ("/v1/responses", "/v1/conversations", f"{CHAT}/")
KINDS = ("resp", "conv", "chatcmpl")

pytestmark = [pytest.mark.usefixtures("emulator"), pytest.mark.portable]


class Replay:
    """The requests of one client, in order. `ids` has the last ids of each kind, `calls` the last response's calls."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http
        self.ids: dict[str, str] = {}
        self.calls: list[str] = []

    def send(self, request: dict[str, Any]) -> httpx2.Response:
        """Send one request with this server's ids."""
        headers = {name: value for name, value in request["headers"].items() if name.lower() not in NOT_SENT_AGAIN}
        body = None if request.get("body") is None else self._ours(json.dumps(self._answered(request["body"])))
        return self.http.request(
            request["method"],
            self._ours(request["path"]),
            params=request.get("query") or None,
            content=None if body is None else body.encode(),
            headers=headers,
        )

    def learn(self, answer: dict[str, Any]) -> None:
        """Store the ids of a response."""
        kind = str(answer.get("id", "")).partition("_")[0].partition("-")[0]
        if kind in KINDS and answer.get("store") is not False:
            self.ids[kind] = answer["id"]
        self.calls = [item["call_id"] for item in answer.get("output", ()) if "call_id" in item]

    def _ours(self, text: str) -> str:
        for kind, identifier in self.ids.items():
            text = re.sub(rf"\b{kind}[_-][0-9a-f]{{20,}}", identifier, text)
        return text

    def _answered(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body with results for this server's calls, if the body continues a response of this server."""
        if not (body.get("previous_response_id") or body.get("conversation")) or not isinstance(body["input"], list):
            return body
        calls = iter(self.calls)
        items = [
            {**item, "call_id": next(calls, "call_none")} if item.get("type") == "function_call_output" else item
            for item in body["input"]
        ]
        return {**body, "input": items}


@pytest.mark.parametrize("client", CLIENTS)
def test_recorded_requests_are_accepted(http: httpx2.Client, client: str) -> None:
    replay = Replay(http)
    sent = 0
    for number, request in client_requests(client):
        stores = request["path"] == CHAT and ((request.get("body") or {}).get("store") or request["method"] == "GET")
        if not request["path"].startswith(FAMILIES) and not stores:
            continue
        response = replay.send(request)
        assert response.status_code == 200, (client, number, request["method"], request["path"], response.text)
        replay.learn(check(request, response))
        sent += 1
    assert sent


def check(request: dict[str, Any], response: httpx2.Response) -> dict[str, Any]:
    """Validate a response with the SDK's types; of a stream, the response of the last event."""
    path, body = request["path"], request.get("body") or {}
    if response.headers["content-type"].startswith("text/event-stream"):
        *_, last = named_events(response.text)
        assert last["type"] == "response.completed"
        whole: dict[str, Any] = last["response"]
    else:
        whole = response.json()
    if request["method"] == "POST" and path == "/v1/responses":
        parsed = Response.model_validate(whole)
        assert parsed.output or parsed.status == "queued"
        assert whole["store"] is (body.get("store") is not False)
    elif path.endswith("/compact"):
        # Not validated: the SDK's type has no user messages, although OpenAI's responses have them.
        assert CompactedResponse.construct(**whole).output[-1].type == "compaction"
    elif path.endswith("/input_tokens"):
        assert InputTokenCountResponse.model_validate(whole).input_tokens > 0
    elif request["method"] == "POST" and path == "/v1/conversations":
        Conversation.model_validate(whole)
    return whole
