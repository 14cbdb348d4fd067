"""OpenAI's Python client with a hand-written tool loop, plain and with the `.stream()` helper."""

from typing import Any

from openai import OpenAI

from tests.clients.programs.desk import TOOLS, Desk, Person
from tests.clients.programs.task_loop import Ask, serve


def connected(ask: Ask) -> Any:
    """Return the `chat.completions` of a client without retries: each call is one request."""
    return OpenAI(base_url=ask.base_url, api_key="key", max_retries=0).chat.completions


def stream(ask: Ask) -> dict[str, Any]:
    """Return the chunks of a streamed response."""
    chunks = connected(ask).create(model=ask.model, messages=ask.messages, stream=True)
    return {"pieces": [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]}


def tools(ask: Ask) -> dict[str, Any]:
    """A tool loop with `create`."""
    return _loop(ask, lambda **request: connected(ask).create(**request))


def tools_streamed(ask: Ask) -> dict[str, Any]:
    """A tool loop with `stream`; the helper accumulates the events."""

    def streamed(**request: Any) -> Any:
        with connected(ask).stream(**request) as events:
            return events.get_final_completion()

    return _loop(ask, streamed)


def _loop(ask: Ask, create: Any) -> dict[str, Any]:
    desk = Desk()
    messages: list[Any] = list(ask.messages)
    while True:
        message = create(model=ask.model, messages=messages, tools=TOOLS).choices[0].message
        if not message.tool_calls:
            return {"text": message.content, "calls": desk.calls}
        messages += [message, *desk.results(message.tool_calls)]


def structured(ask: Ask) -> dict[str, Any]:
    """`.parse()` with a Pydantic model."""
    completion = connected(ask).parse(model=ask.model, messages=ask.messages, response_format=Person)
    return {"value": completion.choices[0].message.parsed.model_dump()}


def image(ask: Ask) -> dict[str, Any]:
    """A picture as a data URL."""
    completion = connected(ask).create(model=ask.model, messages=ask.messages)
    return {"text": completion.choices[0].message.content}


if __name__ == "__main__":
    serve({task.__name__: task for task in (stream, tools, tools_streamed, structured, image)})
