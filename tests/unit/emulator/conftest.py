"""A REST client of the emulator over real HTTP, and readers of responses."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.emulator_control import Emulator

NEW = "gemini-3.8-flash"
OLD = "gemini-2.5-flash"


class Gemini:
    """A plain REST client: `ask` for a prompt, `post` for any body."""

    def __init__(self, base_url: str) -> None:
        self.http = httpx.Client(base_url=base_url, headers={"x-goog-api-key": "test"}, timeout=10)

    def post(self, model: str, body: Any, method: str = "generateContent", **kwargs: Any) -> httpx.Response:
        """POST a body (a JSON value, or raw bytes) to a method of a model."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post(f"/v1beta/models/{model}:{method}", content=content, **kwargs)

    def ask(self, *texts: str, model: str = NEW, **request: Any) -> dict[str, Any]:
        """Return the response to a conversation of texts, user first; further request fields by name. Asserts a 200."""
        response = self.post(model, {"contents": contents(*texts), **request})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def error_message(self, body: Any, *, model: str = NEW, method: str = "generateContent") -> str:
        """Return the error message for a body. Asserts a 400 in Google's envelope."""
        response = self.post(model, body, method)
        assert response.status_code == 400, response.text
        error = response.json()["error"]
        assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
        message: str = error["message"]
        return message

    def stream(self, *texts: str, model: str = NEW, **request: Any) -> list[dict[str, Any]]:
        """Return the chunks of a stream with `alt=sse`; the framing is parsed strictly."""
        body = {"contents": contents(*texts), **request}
        response = self.post(model, body, "streamGenerateContent", params={"alt": "sse"})
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "text/event-stream"
        events = response.text.removesuffix("\r\n\r\n").split("\r\n\r\n")
        return [json.loads(event.removeprefix("data: ")) for event in events]


def contents(*texts: str) -> list[dict[str, Any]]:
    """Return a conversation of alternating texts, the user's first."""
    return [{"role": "model" if index % 2 else "user", "parts": [{"text": text}]} for index, text in enumerate(texts)]


def parts_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of the first candidate."""
    parts: list[dict[str, Any]] = answer["candidates"][0]["content"].get("parts", [])
    return parts


def candidate_text(answer: dict[str, Any]) -> str:
    """The visible text of the first candidate."""
    return "".join(part.get("text", "") for part in parts_of(answer) if not part.get("thought"))


def calls_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The function calls of the first candidate."""
    return [part["functionCall"] for part in parts_of(answer) if "functionCall" in part]


def declared(name: str, description: str = "", **properties: Any) -> dict[str, Any]:
    """A tool with one function whose properties are all required."""
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"functionDeclarations": [{"name": name, "description": description, "parametersJsonSchema": schema}]}


@pytest.fixture
def gemini(emulator: Emulator) -> Iterator[Gemini]:
    client = Gemini(emulator.base_url)
    yield client
    client.http.close()
