"""The examples of the seed documentation, unchanged except for the port, with a live server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import SecretStr

from tests.emulator_control import Emulator
from tests.exchanges import chat_message, lines, usage_of
from tests.live_gateway import LiveGateway

SEED = Path(__file__).resolve().parents[2].parent / "shared" / "seed-api.md"

CURL = """\
curl -X POST http://localhost:8080/v1/chat/completions \\
  -H "Content-Type: application/json" \\
  -d '{
    "model": "gpt-3.5-turbo",
    "messages": [{"role": "user", "content": "Hello!"}]
  }'
"""
CURL_STREAM = """\
curl -X POST http://localhost:8080/v1/chat/completions \\
  -H "Content-Type: application/json" \\
  -d '{
    "model": "gpt-3.5-turbo",
    "messages": [{"role": "user", "content": "Tell me a story"}],
    "stream": true
  }'
"""
PYTHON = """\
from openai import OpenAI

client = OpenAI(
    api_key="dummy-key",
    base_url="http://localhost:8080/v1"
)

# Regular completion
response = client.chat.completions.create(
    model="gpt-3.5-turbo",
    messages=[{"role": "user", "content": "Hello!"}]
)
print(response.choices[0].message.content)

# Streaming
stream = client.chat.completions.create(
    model="gpt-3.5-turbo",
    messages=[{"role": "user", "content": "Hello!"}],
    stream=True
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="")
"""
GREETING = "Hello! How can I help you today?"

pytestmark = pytest.mark.usefixtures("emulator", "live_db")


def at(example: str, gateway: LiveGateway) -> str:
    """Return the example with the port of the test's server."""
    assert "localhost:8080" in example
    return example.replace("localhost:8080", f"localhost:{gateway.port}")


def run(*command: str) -> str:
    """Return the output of a command that must succeed."""
    environment = {**os.environ, "NO_PROXY": "*"}
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.skipif(not SEED.is_file(), reason="the seed document is not beside this checkout")
@pytest.mark.parametrize("example", [CURL, CURL_STREAM, PYTHON])
def test_the_examples_equal_those_of_the_document(example: str) -> None:
    assert example in SEED.read_text()


def test_the_curl_example_returns_text(gateway: LiveGateway) -> None:
    printed = run("sh", "-c", at(CURL, gateway))

    completion = ChatCompletion.model_validate_json(printed)
    assert completion.model == "gpt-3.5-turbo"
    assert completion.id.startswith("chatcmpl-")
    assert completion.choices[0].finish_reason == "stop"
    assert GREETING in (completion.choices[0].message.content or "")


def test_the_curl_example_streams(gateway: LiveGateway) -> None:
    printed = run("sh", "-c", at(CURL_STREAM, gateway))

    *data, done = [line.removeprefix("data: ") for line in lines(printed)]
    chunks = [ChatCompletionChunk.model_validate(json.loads(text)) for text in data]
    story = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert done == "[DONE]"
    assert len(chunks) > 5
    assert "Once upon a time" in story
    assert story.endswith("The end.")


def test_the_python_example_runs_as_a_program(gateway: LiveGateway) -> None:
    printed = run(sys.executable, "-c", at(PYTHON, gateway))

    assert printed.count(GREETING) == 2


def test_the_openai_example_returns_text(client: OpenAI, emulator: Emulator) -> None:
    response = client.chat.completions.with_raw_response.create(
        model="gpt-3.5-turbo", messages=[chat_message("Hello!")]
    )

    completion = response.parse()
    assert GREETING in (completion.choices[0].message.content or "")
    assert completion.usage is not None
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    [sent] = emulator.received()
    assert sent["path"] == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert sent["body"]["contents"] == [{"role": "user", "parts": [{"text": "Hello!"}]}]
    assert "dummy-key" not in json.dumps(sent)
    assert usage_of(response.headers).status == "ok"


def test_the_openai_example_streams(client: OpenAI, emulator: Emulator) -> None:
    stream = client.chat.completions.create(model="gpt-3.5-turbo", messages=[chat_message("Hello!")], stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    assert GREETING in text
    [sent] = emulator.received()
    assert (sent["path"], sent["query"]) == ("/v1beta/models/gemini-2.5-flash:streamGenerateContent", "alt=sse")


async def test_the_async_example_returns_text(gateway: LiveGateway) -> None:
    async with AsyncOpenAI(base_url=gateway.base_url, api_key="dummy-key", max_retries=0) as client:
        completion = await client.chat.completions.create(model="gpt-4", messages=[chat_message("Hello!")])
        stream = await client.chat.completions.create(model="gpt-4", messages=[chat_message("Hello!")], stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert completion.choices[0].message.content == text
    assert GREETING in text


@pytest.fixture(params=["today's names", "the seed's names"])
def langchain(request: pytest.FixtureRequest, gateway: LiveGateway) -> ChatOpenAI:
    """LangChain's client, with either spelling of its parameters."""
    if request.param == "today's names":
        return ChatOpenAI(model="gpt-3.5-turbo", base_url=gateway.base_url, api_key=SecretStr("dummy-key"))
    seed = {"openai_api_key": "dummy-key", "openai_api_base": gateway.base_url, "model_name": "gpt-3.5-turbo"}
    return ChatOpenAI(**seed)  # type: ignore[arg-type]


def test_the_langchain_example_returns_text(langchain: ChatOpenAI) -> None:
    response = langchain.invoke("Hello!")

    assert GREETING in response.text
    assert response.usage_metadata is not None
    assert response.usage_metadata["output_tokens"] > 0


def test_the_langchain_example_streams(langchain: ChatOpenAI) -> None:
    pieces = [chunk.text for chunk in langchain.stream("Tell me a story")]

    assert len([piece for piece in pieces if piece]) > 5
    assert "Once upon a time" in "".join(pieces)
