"""Helpers of the response tests: the path, a function tool, and the parsing of named events."""

import json
from typing import Any, Final

import httpx2

from sessions_store.models import UsageRecord

RESPONSES: Final = "/v1/responses"
CONVERSATIONS: Final = "/v1/conversations"
ENDS: Final = ("response.completed", "response.incomplete", "response.failed")
WEATHER: Final[Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


def named_events(text: str) -> list[dict[str, Any]]:
    """Return the events of a stream, checked for their names; comments are allowed, no event follows the last one."""
    found = []
    for block in text.split("\n\n"):
        if not block or block.startswith(":"):
            continue
        name, _, data = block.partition("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        found.append(event)
    return found


def ask(http: httpx2.Client, **body: Any) -> dict[str, Any]:
    """Return the response to a plain request."""
    answer = http.post(RESPONSES, json={"model": "gemini-3.8-flash", **body})
    assert answer.status_code == 200, answer.text
    response: dict[str, Any] = answer.json()
    return response


def message_item(text: str, role: str = "user") -> Any:
    """Return a message item."""
    return {"type": "message", "role": role, "content": text}


def response_text(response: Any) -> str:
    """Return the text of a response's messages."""
    return "".join(part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"])


def content_texts(body: Any) -> list[str]:
    """Return the texts of a request to Gemini, one per content."""
    return ["".join(part.get("text", "") for part in content["parts"]) for content in body["contents"]]


def endpoint_records(endpoint: str) -> int:
    """Return the number of recorded exchanges of an endpoint."""
    return UsageRecord.objects.filter(endpoint=endpoint).count()
