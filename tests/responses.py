"""What the tests of responses share: their path, a function tool, and reading streams of named events."""

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
    """The events of a stream, each named by its own type; comments are allowed, nothing comes after the end."""
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
    """The response to a plain request."""
    answer = http.post(RESPONSES, json={"model": "gemini-3.8-flash", **body})
    assert answer.status_code == 200, answer.text
    response: dict[str, Any] = answer.json()
    return response


def message_item(text: str, role: str = "user") -> Any:
    """An item that is a message."""
    return {"type": "message", "role": role, "content": text}


def response_text(response: Any) -> str:
    """The text of a response's messages."""
    return "".join(part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"])


def content_texts(body: Any) -> list[str]:
    """The texts of a request to Gemini, one per content."""
    return ["".join(part.get("text", "") for part in content["parts"]) for content in body["contents"]]


def endpoint_records(endpoint: str) -> int:
    """How many exchanges of an endpoint are recorded."""
    return UsageRecord.objects.filter(endpoint=endpoint).count()
