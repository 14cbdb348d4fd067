"""Instructor: response models by tool and by schema, the repair of an invalid response, and tools."""

from typing import Any

import instructor
from instructor import Mode
from openai import OpenAI
from pydantic import field_validator

from tests.clients.programs.desk import TOOLS, Desk, Person
from tests.clients.programs.task_loop import Ask, serve


def connected(ask: Ask, mode: Mode = Mode.TOOLS) -> Any:
    """The patched `chat.completions`."""
    client = OpenAI(base_url=ask.base_url, api_key="key", max_retries=0)
    return instructor.from_openai(client, mode=mode).chat.completions


def stream(ask: Ask) -> dict[str, Any]:
    """Instructor's stream of partial objects."""
    partials = connected(ask, Mode.JSON_SCHEMA).create_partial(
        model=ask.model, messages=ask.messages, response_model=Person
    )
    return {"values": [partial.model_dump() for partial in partials]}


def tools(ask: Ask) -> dict[str, Any]:
    """A hand-written tool loop, without a response model."""
    desk = Desk()
    messages: list[Any] = list(ask.messages)
    while True:
        response = connected(ask).create(model=ask.model, messages=messages, tools=TOOLS, response_model=None)
        message = response.choices[0].message
        if not message.tool_calls:
            return {"text": message.content, "calls": desk.calls}
        messages += [message.model_dump(), *desk.results(message.tool_calls)]


def structured(ask: Ask) -> dict[str, Any]:
    """`response_format` json_schema."""
    response = connected(ask, Mode.JSON_SCHEMA).create(model=ask.model, messages=ask.messages, response_model=Person)
    return {"value": response.model_dump()}


def structured_by_tool(ask: Ask) -> dict[str, Any]:
    """The default: a forced tool."""
    response = connected(ask).create(model=ask.model, messages=ask.messages, response_model=Person)
    return {"value": response.model_dump()}


def repaired(ask: Ask) -> dict[str, Any]:
    """A response that fails validation once: the call is sent back with the validation error as its result."""
    refusals: list[str] = []

    class Checked(Person):
        """A person with a validator."""

        @field_validator("name")
        @classmethod
        def look_twice(cls, name: str) -> str:
            """Reject the first response."""
            if not refusals:
                refusals.append(name)
                raise ValueError("look again")
            return name

    response = connected(ask).create(model=ask.model, messages=ask.messages, response_model=Checked, max_retries=2)
    return {"value": response.model_dump(), "refusals": refusals}


def image(ask: Ask) -> dict[str, Any]:
    """A picture as a data URL."""
    response = connected(ask).create(model=ask.model, messages=ask.messages, response_model=None)
    return {"text": response.choices[0].message.content}


if __name__ == "__main__":
    serve({task.__name__: task for task in (stream, tools, structured, structured_by_tool, repaired, image)})
