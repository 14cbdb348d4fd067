"""The introductory examples of each client's documentation, with tools, agents and structured output, limited loops.

Each task imports its client itself, because the clients are installed in two environments.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Literal

from pydantic import BaseModel, SecretStr

from tests.clients.programs.task_loop import Ask, serve

STEPS = 20
STRATEGIES = ("tool", "provider")


class User(BaseModel):
    """A user."""

    name: str
    age: int


class FullName(BaseModel):
    """A name."""

    first_name: str
    last_name: str


class Weather(BaseModel):
    """Return the weather of a city."""

    city: str
    temperature: float
    condition: str


class City(BaseModel):
    """A capital."""

    city: str
    country: str


class Event(BaseModel):
    """An event of a calendar."""

    name: str
    date: str
    participants: list[str]


class Review(BaseModel):
    """Analysis of a product review."""

    rating: int | None
    sentiment: Literal["positive", "negative"]
    key_points: list[str]


def get_weather(city: str) -> str:
    """Get weather for a given city."""
    return f"It's 72 degrees and always sunny in {city}!"


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def langchain(ask: Ask) -> dict[str, Any]:
    """`create_agent` with each strategy of `response_format`, and the tutorial's calls of bound tools."""
    from langchain.agents import create_agent
    from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI

    model: Any = ChatOpenAI(base_url=ask.base_url, api_key=SecretStr("key"), model=ask.model, max_retries=0)

    def state(prompt: str, tools: list[Callable[..., Any]], response_format: Any = None) -> Any:
        agent = create_agent(model, tools=tools, system_prompt=ask.system, response_format=response_format)
        return agent.invoke({"messages": [{"role": "user", "content": prompt}]}, {"recursion_limit": STEPS})

    def typed(prompt: str, tools: list[Callable[..., Any]], form: Any) -> list[Any]:
        return [
            state(prompt, tools, strategy(form))["structured_response"].model_dump()
            for strategy in (ToolStrategy, ProviderStrategy)
        ]

    bound = model.bind_tools([tool(add), tool(multiply)])
    calls = bound.invoke("What is 3 * 12? Also, what is 11 + 49?").tool_calls
    review = "Analyze this review: 'Great product: 5 out of 5 stars. Fast shipping, but expensive'"
    return {
        "calls": [[call["name"], call["args"]] for call in calls],
        "text": state("what is 5 * 4", [add, multiply])["messages"][-1].text,
        "weather": typed("what is the weather in San Francisco, CA", [get_weather], Weather),
        "user": typed("Extract: Erick is 27", [], User),
        "review": typed(review, [], Review),
        "capital": model.with_structured_output(City).invoke("What is the capital of France?").model_dump(),
    }


def openai_agents(ask: Ask) -> dict[str, Any]:
    """Tools, a required tool, a handoff, and an output type."""
    return asyncio.run(_openai_agents(ask))


async def _openai_agents(ask: Ask) -> dict[str, Any]:
    from agents import (
        Agent,
        ModelSettings,
        OpenAIChatCompletionsModel,
        Runner,
        function_tool,
        set_tracing_disabled,
    )
    from openai import AsyncOpenAI

    set_tracing_disabled(True)
    client = AsyncOpenAI(base_url=ask.base_url, api_key="key", max_retries=0)
    model = OpenAIChatCompletionsModel(model=ask.model, openai_client=client)

    async def run(prompt: str, **options: Any) -> Any:
        agent = Agent(name="Assistant", instructions=ask.system, model=model, **options)
        return await Runner.run(agent, prompt, max_turns=STEPS)

    tutors = [
        Agent(
            name=f"{subject} Tutor",
            handoff_description=f"Specialist agent for {subject.lower()} questions",
            model=model,
        )
        for subject in ("History", "Math")
    ]
    weather: dict[str, Any] = {"prompt": "What's the weather in Tokyo?", "tools": [function_tool(get_weather)]}
    required = await run(**weather, model_settings=ModelSettings(tool_choice="required"))
    handed = await run("can you help me solve for x: 2x + 5 = 11", handoffs=tutors)
    event = await run("Alice and Bob are going to a science fair on Friday.", output_type=Event)
    return {
        "weather": (await run(**weather)).final_output,
        "required": required.final_output,
        "tutor": handed.last_agent.name,
        "solved": handed.final_output,
        "event": event.final_output.model_dump(),
    }


def pydantic_ai(ask: Ask) -> dict[str, Any]:
    """The dice game, structured output by tool, structured output or a question, and a list."""
    from pydantic_ai import Agent, UsageLimits
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    model = OpenAIChatModel(ask.model, provider=OpenAIProvider(base_url=ask.base_url, api_key="key"))

    class Box(BaseModel):
        """A box."""

        width: int
        height: int
        depth: int
        units: str

    def run(prompt: str, system: str = "", **options: Any) -> Any:
        agent = Agent(model, instructions=system or ask.system, **options)
        output = asyncio.run(agent.run(prompt, usage_limits=UsageLimits(request_limit=STEPS))).output
        return output.model_dump() if isinstance(output, BaseModel) else output

    def roll_dice() -> str:
        """Roll a six-sided die and return the result."""
        return "4"

    def get_player_name() -> str:
        """Get the player's name."""
        return "Anne"

    game = "You're a dice game, you should roll the die. Use the player's name in the response."
    return {
        "game": run("My guess is 4", game, tools=[roll_dice, get_player_name]),
        "city": run("What is the capital of Italy?", output_type=City),
        "weather": run("What is the weather in Paris?", tools=[get_weather], output_type=Weather),
        "asked": run("The box is 10x20x30", output_type=[Box, str]),
        "box": run("The box is 10x20x30 cm", output_type=[Box, str]),
        "colours": run("red square, blue circle, green triangle", output_type=list[str]),
    }


def instructor(ask: Ask) -> dict[str, Any]:
    """A response model, lists by iterable and by type, and a classification; by tool and by schema."""
    import instructor as library
    from openai import OpenAI

    connection = OpenAI(base_url=ask.base_url, api_key="key", max_retries=0)

    class Label(BaseModel):
        """The class of a text."""

        label: Literal["spam", "not_spam"]

    def answers(prompt: str, form: Any, *, iterable: bool = False) -> list[Any]:
        modes = (library.Mode.TOOLS, library.Mode.JSON_SCHEMA)
        clients = [library.from_openai(connection, mode=mode).chat.completions for mode in modes]
        request: dict[str, Any] = {
            "model": ask.model,
            "messages": [{"role": "user", "content": prompt}],
            "response_model": form,
        }
        return [
            list(client.create_iterable(**request)) if iterable else client.create(**request, max_retries=0)
            for client in clients
        ]

    def dumped(found: Iterable[Any]) -> list[Any]:
        return [entry.model_dump() for entry in found]

    two = "Jason is 10 and John is 30"
    return {
        "user": dumped(answers("Jason is 25 years old", User)),
        "name": dumped(answers("John Smith", FullName)),
        "iterable": [dumped(found) for found in answers(two, User, iterable=True)],
        "list": [dumped(found) for found in answers(two, list[User])],
        "label": dumped(answers("Classify: I'm a prince and I want to give you money", Label)),
    }


def llama_index(ask: Ask) -> dict[str, Any]:
    """The function agent of the starter tutorial, and a structured prediction."""
    from llama_index.core.agent.workflow import FunctionAgent
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai_like import OpenAILike

    model = OpenAILike(
        model=ask.model,
        api_base=ask.base_url,
        api_key="key",
        is_chat_model=True,
        is_function_calling_model=True,
        max_retries=0,
    )

    async def run(*prompts: str) -> list[str]:
        agent = FunctionAgent(tools=[multiply, add], llm=model, system_prompt=ask.system, streaming=False)
        runs = [await agent.run(prompt, max_iterations=STEPS) for prompt in prompts]
        return [str(run.response.content) for run in runs]

    structured = model.as_structured_llm(User).chat([ChatMessage(role="user", content="Extract: Erick is 27")])
    return {
        "texts": asyncio.run(run("What is 20+(2*4)?", "What is 1234 * 4567?")),
        "user": structured.raw.model_dump(),
    }


def openai(ask: Ask) -> dict[str, Any]:
    """OpenAI's guides: function calling in both APIs, and structured output."""
    from openai import OpenAI
    from openai import pydantic_function_tool as tool_of

    client: Any = OpenAI(base_url=ask.base_url, api_key="key", max_retries=0)

    class GetWeather(BaseModel):
        """Get current temperature for a given location."""

        location: str

    asked = [{"role": "user", "content": "What is the weather like in Paris today?"}]
    spoken = client.chat.completions.create(model=ask.model, messages=asked, tools=[tool_of(GetWeather)])
    function: Any = tool_of(GetWeather)["function"]
    response = client.responses.create(model=ask.model, input=asked, tools=[{"type": "function", **function}])
    parsed = client.chat.completions.parse(
        model=ask.model,
        messages=[{"role": "user", "content": "Alice and Bob are going to a science fair on Friday."}],
        response_format=Event,
    )
    return {
        "chat": [call.function.arguments for call in spoken.choices[0].message.tool_calls or []],
        "responses": [item.arguments for item in response.output if item.type == "function_call"],
        "event": parsed.choices[0].message.parsed.model_dump(),
    }


if __name__ == "__main__":
    serve({task.__name__: task for task in (langchain, openai_agents, pydantic_ai, instructor, llama_index, openai)})
