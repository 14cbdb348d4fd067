"""LangChain: `ChatOpenAI`, its agent with tools, structured output by schema and by tool, alone and beside tools.

Over chat completions, or over the Responses API: `with_langchain responses`.
"""

import sys
from typing import Any

from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.clients.programs.desk import Desk, Person
from tests.clients.programs.task_loop import Ask, serve


def chat(ask: Ask) -> Any:
    """The model."""
    return ChatOpenAI(
        base_url=ask.base_url,
        api_key=SecretStr("key"),
        model=ask.model,
        max_retries=0,
        use_responses_api="responses" in sys.argv,
    )


def agent(ask: Ask, desk: Desk, **options: Any) -> Any:
    """An agent with both tools."""
    tools = [tool(desk.get_weather), tool(desk.save_note)]
    return create_agent(chat(ask), tools=tools, system_prompt=ask.system, **options)


def run(ask: Ask, desk: Desk, **options: Any) -> Any:
    """Return the final state of the agent's loop; an endless loop is an error."""
    return agent(ask, desk, **options).invoke({"messages": ask.messages[1:]}, {"recursion_limit": 20})


def stream(ask: Ask) -> dict[str, Any]:
    """Return the chunks of a streamed response."""
    return {"pieces": [chunk.text for chunk in chat(ask).stream(ask.messages) if chunk.text]}


def tools(ask: Ask) -> dict[str, Any]:
    """The agent's loop."""
    desk = Desk()
    state = run(ask, desk)
    return {"text": state["messages"][-1].text, "calls": desk.calls}


def tools_streamed(ask: Ask) -> dict[str, Any]:
    """The agent's loop with the model's tokens streamed."""
    desk = Desk()
    spoken = agent(ask, desk).stream({"messages": ask.messages[1:]}, stream_mode="messages")
    return {
        "text": "".join(message.text for message, _ in spoken if isinstance(message, AIMessage)),
        "calls": desk.calls,
    }


def structured(ask: Ask) -> dict[str, Any]:
    """The default, `response_format` json_schema."""
    return {"value": chat(ask).with_structured_output(Person).invoke(ask.messages).model_dump()}


def structured_by_tool(ask: Ask) -> dict[str, Any]:
    """A forced tool with parallel calls off."""
    answering = chat(ask).with_structured_output(Person, method="function_calling")
    return {"value": answering.invoke(ask.messages).model_dump()}


def structured_agent(ask: Ask) -> dict[str, Any]:
    """Tools and structured output in one agent: `tools` and `response_format` in each request."""
    desk = Desk()
    state = run(ask, desk, response_format=ProviderStrategy(Person))
    return {"value": state["structured_response"].model_dump(), "calls": desk.calls}


def structured_agent_by_tool(ask: Ask) -> dict[str, Any]:
    """The structured output is a further tool, and each response must call a tool."""
    desk = Desk()
    state = run(ask, desk, response_format=ToolStrategy(Person))
    return {"value": state["structured_response"].model_dump(), "calls": desk.calls}


def image(ask: Ask) -> dict[str, Any]:
    """A picture as a data URL."""
    return {"text": chat(ask).invoke(ask.messages).text}


if __name__ == "__main__":
    typed = (structured, structured_by_tool, structured_agent, structured_agent_by_tool)
    serve({task.__name__: task for task in (stream, tools, tools_streamed, *typed, image)})
