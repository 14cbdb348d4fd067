"""LlamaIndex: `OpenAILike`, its function agent (plain and streamed), a structured LLM, a picture."""

import asyncio
from typing import Any

from llama_index.core.agent.workflow import AgentStream, FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.llms.openai_like import OpenAILike

from tests.clients.programs.desk import Desk, Person
from tests.clients.programs.task_loop import Ask, serve


def chat(ask: Ask) -> Any:
    """The model."""
    return OpenAILike(
        model=ask.model,
        api_base=ask.base_url,
        api_key="key",
        is_chat_model=True,
        is_function_calling_model=True,
        should_use_structured_outputs=True,
        max_retries=0,
    )


def messages(ask: Ask) -> list[Any]:
    """Return the messages of the task in LlamaIndex's form."""
    blocks: list[Any] = [TextBlock(text=ask.prompt)]
    if ask.image:
        blocks.append(ImageBlock(image=ask.image_bytes, image_mimetype="image/png"))
    return [ChatMessage(role="system", content=ask.system), ChatMessage(role="user", blocks=blocks)]


def stream(ask: Ask) -> dict[str, Any]:
    """Return the chunks of a streamed response."""
    return {"pieces": [chunk.delta for chunk in chat(ask).stream_chat(messages(ask)) if chunk.delta]}


def tools(ask: Ask) -> dict[str, Any]:
    """The agent's loop over plain responses."""
    return asyncio.run(_agent(ask, streaming=False))


def tools_streamed(ask: Ask) -> dict[str, Any]:
    """The agent's loop over streams."""
    return asyncio.run(_agent(ask, streaming=True))


async def _agent(ask: Ask, *, streaming: bool) -> dict[str, Any]:
    desk = Desk()
    agent = FunctionAgent(
        tools=[desk.get_weather, desk.save_note], llm=chat(ask), system_prompt=ask.system, streaming=streaming
    )
    run = agent.run(ask.prompt)
    chunks = [event.delta async for event in run.stream_events() if isinstance(event, AgentStream)]
    text = str((await run).response.content)
    if streaming and "".join(chunks) != text:
        raise ValueError(f"streamed {chunks}, answered {text}")
    return {"text": text, "calls": desk.calls}


def structured(ask: Ask) -> dict[str, Any]:
    """A structured LLM: `response_format` json_schema."""
    return {"value": chat(ask).as_structured_llm(Person).chat(messages(ask)).raw.model_dump()}


def image(ask: Ask) -> dict[str, Any]:
    """A picture as bytes; the client sends a data URL."""
    return {"text": chat(ask).chat(messages(ask)).message.content}


if __name__ == "__main__":
    serve({task.__name__: task for task in (stream, tools, tools_streamed, structured, image)})
