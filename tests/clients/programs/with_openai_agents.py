"""OpenAI's Agents SDK over chat completions: runs, streamed runs, `output_type`, a picture."""

import asyncio
from typing import Any

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI

from tests.clients.programs.desk import Desk, Person
from tests.clients.programs.task_loop import Ask, serve

set_tracing_disabled(True)


def agent(ask: Ask, desk: Desk | None = None, **options: Any) -> Any:
    """An agent on the gateway, with the desk's tools if there is a desk."""
    client = AsyncOpenAI(base_url=ask.base_url, api_key="key", max_retries=0)
    return Agent(
        name="Desk",
        instructions=ask.system,
        model=OpenAIChatCompletionsModel(model=ask.model, openai_client=client),
        tools=[function_tool(desk.get_weather), function_tool(desk.save_note)] if desk else [],
        **options,
    )


def stream(ask: Ask) -> dict[str, Any]:
    """Pieces of a streamed run."""
    return {"pieces": asyncio.run(_streamed(agent(ask), ask.prompt))}


async def _streamed(speaker: Any, prompt: str) -> list[str]:
    run = Runner.run_streamed(speaker, prompt)
    return [
        event.data.delta
        async for event in run.stream_events()
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    ]


def tools(ask: Ask) -> dict[str, Any]:
    """A run with tools."""
    desk = Desk()
    run = asyncio.run(Runner.run(agent(ask, desk), ask.prompt))
    return {"text": run.final_output, "calls": desk.calls}


def tools_streamed(ask: Ask) -> dict[str, Any]:
    """A streamed run with tools."""
    desk = Desk()
    pieces = asyncio.run(_streamed(agent(ask, desk), ask.prompt))
    return {"text": "".join(pieces), "calls": desk.calls}


def structured(ask: Ask) -> dict[str, Any]:
    """`output_type`: a strict schema."""
    run = asyncio.run(Runner.run(agent(ask, output_type=Person), ask.prompt))
    return {"value": run.final_output.model_dump()}


def structured_agent(ask: Ask) -> dict[str, Any]:
    """Tools and a typed answer in one agent."""
    desk = Desk()
    run = asyncio.run(Runner.run(agent(ask, desk, output_type=Person), ask.prompt))
    return {"value": run.final_output.model_dump(), "calls": desk.calls}


def image(ask: Ask) -> dict[str, Any]:
    """A picture as a data URL."""
    content = [
        {"type": "input_text", "text": ask.prompt},
        {"type": "input_image", "image_url": ask.image, "detail": "auto"},
    ]
    run = asyncio.run(Runner.run(agent(ask), [{"role": "user", "content": content}]))
    return {"text": run.final_output}


if __name__ == "__main__":
    tasks = (stream, tools, tools_streamed, structured, structured_agent, image)
    serve({task.__name__: task for task in tasks})
