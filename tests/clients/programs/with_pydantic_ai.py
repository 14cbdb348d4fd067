"""Pydantic AI: `OpenAIChatModel` with tools, streams, output by tool (its default) and by schema, a picture.

Over chat completions, or over the Responses API: `with_pydantic_ai responses`.
"""

import asyncio
import sys
from typing import Any

from pydantic_ai import Agent, BinaryContent, NativeOutput, ToolOutput
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

from tests.clients.programs.desk import Desk, Person
from tests.clients.programs.task_loop import Ask, serve


def agent(ask: Ask, **options: Any) -> Any:
    """An agent on the gateway."""
    kind = OpenAIResponsesModel if "responses" in sys.argv else OpenAIChatModel
    model = kind(ask.model, provider=OpenAIProvider(base_url=ask.base_url, api_key="key"))
    return Agent(model, instructions=ask.system, **options)


def with_tools(ask: Ask, desk: Desk, **options: Any) -> Any:
    """An agent with both tools."""
    return agent(ask, tools=[desk.get_weather, desk.save_note], **options)


def stream(ask: Ask) -> dict[str, Any]:
    """Return the chunks of a streamed run."""

    async def pieces() -> list[str]:
        async with agent(ask).run_stream(ask.prompt) as run:
            return [chunk async for chunk in run.stream_text(delta=True, debounce_by=None)]

    return {"pieces": asyncio.run(pieces())}


def tools(ask: Ask) -> dict[str, Any]:
    """A run with tools."""
    desk = Desk()
    run = asyncio.run(with_tools(ask, desk).run(ask.prompt))
    return {"text": run.output, "calls": desk.calls}


def tools_streamed(ask: Ask) -> dict[str, Any]:
    """A streamed run with tools."""
    desk = Desk()

    async def text() -> str:
        async with with_tools(ask, desk).run_stream(ask.prompt) as run:
            return str(await run.get_output())

    return {"text": asyncio.run(text()), "calls": desk.calls}


def structured(ask: Ask) -> dict[str, Any]:
    """A native output: `response_format` json_schema."""
    run = asyncio.run(agent(ask, output_type=NativeOutput(Person)).run(ask.prompt))
    return {"value": run.output.model_dump()}


def structured_by_tool(ask: Ask) -> dict[str, Any]:
    """The default: a forced tool."""
    run = asyncio.run(agent(ask, output_type=Person).run(ask.prompt))
    return {"value": run.output.model_dump()}


def structured_agent(ask: Ask) -> dict[str, Any]:
    """Tools and structured output in one agent."""
    desk = Desk()
    run = asyncio.run(with_tools(ask, desk, output_type=NativeOutput(Person)).run(ask.prompt))
    return {"value": run.output.model_dump(), "calls": desk.calls}


def structured_agent_by_tool(ask: Ask) -> dict[str, Any]:
    """The structured output is a further tool, and each response must call a tool."""
    desk = Desk()
    run = asyncio.run(with_tools(ask, desk, output_type=ToolOutput(Person, name="person")).run(ask.prompt))
    return {"value": run.output.model_dump(), "calls": desk.calls}


def image(ask: Ask) -> dict[str, Any]:
    """A picture as bytes; the client sends a data URL."""
    content = [ask.prompt, BinaryContent(data=ask.image_bytes, media_type="image/png")]
    return {"text": asyncio.run(agent(ask).run(content)).output}


if __name__ == "__main__":
    typed = (structured, structured_by_tool, structured_agent, structured_agent_by_tool)
    serve({task.__name__: task for task in (stream, tools, tools_streamed, *typed, image)})
