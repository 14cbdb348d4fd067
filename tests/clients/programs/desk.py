"""The two tools of every client, their recorded calls, and the type of structured output."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from pydantic import BaseModel


class Person(BaseModel):
    """A person."""

    name: str
    age: int


class Desk:
    """Two tools; `calls` records the arguments of each call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def get_weather(self, city: str) -> str:
        """Get the weather in a city.

        Args:
            city: The name of the city.
        """
        self.calls.append(("get_weather", city))
        return f"{city}: 21 degrees"

    def save_note(self, text: str) -> str:
        """Save a note.

        Args:
            text: What the note says.
        """
        self.calls.append(("save_note", text))
        return f"Saved: {text}"

    def call(self, name: str, arguments: str) -> str:
        """Run one call of OpenAI's form: the name, and the arguments as JSON text."""
        tools: dict[str, Callable[..., str]] = {"get_weather": self.get_weather, "save_note": self.save_note}
        return tools[name](**json.loads(arguments))

    def results(self, calls: Iterable[Any]) -> list[dict[str, Any]]:
        """Return the `tool` messages for the tool calls of a message."""
        return [
            {
                "role": "tool",
                "tool_call_id": call.id,
                "content": self.call(call.function.name, call.function.arguments),
            }
            for call in calls
        ]


def declared(name: str, description: str, parameter: str) -> dict[str, Any]:
    """Return one tool in OpenAI's form, with one text parameter."""
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {
                "type": "object",
                "properties": {parameter: {"type": "string"}},
                "required": [parameter],
                "additionalProperties": False,
            },
        },
    }


TOOLS = [
    declared("get_weather", "Get the weather in a city.", "city"),
    declared("save_note", "Save a note.", "text"),
]
