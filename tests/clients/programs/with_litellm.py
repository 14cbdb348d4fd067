"""LiteLLM as a client of an OpenAI-compatible server: the loop sends LiteLLM's message objects back unchanged."""

from typing import Any

import litellm

from tests.clients.programs.desk import TOOLS, Desk, Person
from tests.clients.programs.task_loop import Ask, serve


def completion(ask: Ask, messages: list[Any], **options: Any) -> Any:
    """One call."""
    return litellm.completion(
        model=f"openai/{ask.model}",
        api_base=ask.base_url,
        api_key="key",
        messages=messages,
        max_retries=0,
        **options,
    )


def stream(ask: Ask) -> dict[str, Any]:
    """Return the chunks of a streamed response."""
    chunks = completion(ask, ask.messages, stream=True, stream_options={"include_usage": True})
    return {"pieces": [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]}


def tools(ask: Ask) -> dict[str, Any]:
    """A hand-written tool loop."""
    return _loop(ask, lambda messages: completion(ask, messages, tools=TOOLS))


def tools_streamed(ask: Ask) -> dict[str, Any]:
    """A tool loop over streams, accumulated by LiteLLM's builder."""
    return _loop(
        ask,
        lambda messages: litellm.stream_chunk_builder(list(completion(ask, messages, tools=TOOLS, stream=True))),
    )


def _loop(ask: Ask, create: Any) -> dict[str, Any]:
    desk = Desk()
    messages: list[Any] = list(ask.messages)
    while True:
        message = create(messages).choices[0].message
        if not message.tool_calls:
            return {"text": message.content, "calls": desk.calls}
        messages += [message, *desk.results(message.tool_calls)]


def structured(ask: Ask) -> dict[str, Any]:
    """A Pydantic model as `response_format`."""
    response = completion(ask, ask.messages, response_format=Person)
    return {"value": Person.model_validate_json(response.choices[0].message.content).model_dump()}


def image(ask: Ask) -> dict[str, Any]:
    """A picture as a data URL."""
    return {"text": completion(ask, ask.messages).choices[0].message.content}


if __name__ == "__main__":
    serve({task.__name__: task for task in (stream, tools, tools_streamed, structured, image)})
