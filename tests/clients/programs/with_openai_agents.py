"""OpenAI's Agents SDK: runs, streamed runs, `output_type`, a picture.

Over chat completions; or, `with_openai_agents responses`, over the Responses API of its default model, also with the
history stored by the server: by the previous response's id, and in conversations.
"""

import asyncio
import sys
from typing import Any

from agents import (
    Agent,
    ApplyPatchTool,
    LocalShellTool,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIConversationsSession,
    Runner,
    ShellTool,
    function_tool,
    set_default_openai_client,
    set_tracing_disabled,
)
from openai import AsyncOpenAI

from tests.clients.programs.desk import Desk, Person
from tests.clients.programs.task_loop import Ask, serve

set_tracing_disabled(True)


def model(ask: Ask) -> Any:
    """Return the name of the default model, or the model for chat completions."""
    client = AsyncOpenAI(base_url=ask.base_url, api_key="key", max_retries=0)
    if "responses" not in sys.argv:
        return OpenAIChatCompletionsModel(model=ask.model, openai_client=client)
    set_default_openai_client(client, use_for_tracing=False)
    return ask.model


def agent(ask: Ask, desk: Desk | None = None, **options: Any) -> Any:
    """Return an agent on the gateway, with the desk's tools if there is a desk."""
    return Agent(
        name="Desk",
        instructions=ask.system,
        model=model(ask),
        tools=[function_tool(desk.get_weather), function_tool(desk.save_note)] if desk else [],
        **options,
    )


def stream(ask: Ask) -> dict[str, Any]:
    """Return the chunks of a streamed run."""
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
    chunks = asyncio.run(_streamed(agent(ask, desk), ask.prompt))
    return {"text": "".join(chunks), "calls": desk.calls}


def structured(ask: Ask) -> dict[str, Any]:
    """`output_type`: a strict schema."""
    run = asyncio.run(Runner.run(agent(ask, output_type=Person), ask.prompt))
    return {"value": run.final_output.model_dump()}


def structured_agent(ask: Ask) -> dict[str, Any]:
    """Tools and structured output in one agent."""
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


def chained(ask: Ask) -> dict[str, Any]:
    """Two runs; each request sends only new input and the id of the previous response."""
    return asyncio.run(_twice(ask))


def conversation(ask: Ask) -> dict[str, Any]:
    """Two runs in a stored conversation."""

    async def run() -> dict[str, Any]:
        client = AsyncOpenAI(base_url=ask.base_url, api_key="key", max_retries=0)
        return await _twice(ask, conversation_id=(await client.conversations.create()).id)

    return asyncio.run(run())


def session(ask: Ask) -> dict[str, Any]:
    """Two runs in a session with the items of a conversation."""

    async def run() -> dict[str, Any]:
        client = AsyncOpenAI(base_url=ask.base_url, api_key="key", max_retries=0)
        kept = OpenAIConversationsSession(openai_client=client)
        response = await _twice(ask, session=kept)
        return {**response, "items": [item.get("type", "message") for item in await kept.get_items()]}

    return asyncio.run(run())


class Editor:
    """An editor that records file operations."""

    def __init__(self, calls: list[list[str]]) -> None:
        self._calls = calls

    def create_file(self, operation: Any) -> str:
        """Make a file."""
        self._calls.append(["apply_patch", operation.path])
        return "made"

    update_file = delete_file = create_file


def client_tools(ask: Ask) -> dict[str, Any]:
    """OpenAI's tools that the client runs, each in a plain and in a streamed run."""
    calls: list[list[str]] = []

    def ran(name: str, command: str) -> str:
        calls.append([name, command])
        return "done"

    offered = (
        ShellTool(executor=lambda request: ran("shell", request.data.action.commands[0])),
        LocalShellTool(executor=lambda request: ran("local_shell", request.data.action.command[0])),
        ApplyPatchTool(editor=Editor(calls)),
    )

    async def run() -> list[str]:
        responses: list[str] = []
        for tool in offered:
            chosen = ModelSettings(tool_choice="required")
            worker = Agent(name="Desk", instructions=ask.system, model=model(ask), tools=[tool], model_settings=chosen)
            responses.append((await Runner.run(worker, ask.prompt)).final_output)
            responses.append("".join(await _streamed(worker, ask.prompt)))
        return responses

    return {"texts": asyncio.run(run()), "calls": calls}


async def _twice(ask: Ask, **thread: Any) -> dict[str, Any]:
    desk = Desk()
    worker = agent(ask, desk)
    first = await Runner.run(worker, ask.prompt, **(thread or {"auto_previous_response_id": True}))
    second = await Runner.run(
        worker, "Thank you. What now?", **(thread or {"previous_response_id": first.last_response_id})
    )
    return {"text": first.final_output, "calls": desk.calls, "after": second.final_output}


if __name__ == "__main__":
    tasks = (stream, tools, tools_streamed, structured, structured_agent, image, chained, conversation, session)
    serve({task.__name__: task for task in (*tasks, client_tools)})
