"""LangChain's `ChatOpenAI` on the Responses API: text, streams, tools with and without stored responses, JSON."""

from typing import Any

import pytest
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr

from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3
from tests.live_gateway import LiveGateway

pytestmark = pytest.mark.usefixtures("emulator")


class Person(BaseModel):
    """A structured output."""

    name: str
    age: int


@tool
def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"{city}: 21 degrees"


def model(gateway: LiveGateway, **options: Any) -> ChatOpenAI:
    """LangChain's model for the live gateway."""
    return ChatOpenAI(
        base_url=gateway.base_url,
        api_key=SecretStr("dummy-key"),
        model=GEMINI_3,
        use_responses_api=True,
        max_retries=0,
        **options,
    )


def test_plain_and_streamed_texts_of_langchain_are_equal(gateway: LiveGateway) -> None:
    asked = model(gateway)

    plain = asked.invoke("Tell me a story").text
    assert plain
    assert "".join(chunk.text for chunk in asked.stream("Tell me a story")) == plain


@pytest.mark.parametrize("by_id", [False, True])
def test_a_tool_loop_ends_with_text(gateway: LiveGateway, emulator: Emulator, by_id: bool) -> None:
    asked = model(gateway, use_previous_response_id=by_id).bind_tools([get_weather])
    history: list[BaseMessage] = [HumanMessage("What is the weather in Paris? Use the tool.")]
    first = asked.invoke(history)
    history += [first, *(get_weather.invoke(call) for call in first.tool_calls)]

    assert "Paris: 21 degrees" in asked.invoke(history).text

    *_, sent = emulator.bodies()
    [called] = [part for content in sent["contents"] for part in content["parts"] if "functionCall" in part]
    assert called["thoughtSignature"]


def test_structured_output_is_valid(gateway: LiveGateway) -> None:
    found = model(gateway).with_structured_output(Person).invoke("Ada is 36 years old.")

    assert isinstance(found, Person)
