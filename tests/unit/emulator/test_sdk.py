"""Google's own SDK is the judge of shapes: it talks to the emulator as it talks to Google."""

from collections.abc import Iterator

import pytest
from google import genai
from google.genai import errors, types

from tests.emulator_control import Emulator
from tests.unit.emulator.conftest import NEW, OLD

NO_AFC = types.AutomaticFunctionCallingConfig(disable=True)


@pytest.fixture
def client(emulator: Emulator) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=emulator.base_url, api_version="v1beta")
    with genai.Client(api_key="test", http_options=options) as client:
        yield client


def test_text_plain_and_streamed(client: genai.Client) -> None:
    answer = client.models.generate_content(model=NEW, contents="Count to five")
    assert answer.text == "[Gemini emulator] 1, 2, 3, 4, 5."
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    chunks = list(client.models.generate_content_stream(model=NEW, contents="Count to five"))
    assert "".join(chunk.text or "" for chunk in chunks) == answer.text


def test_a_chat_remembers(client: genai.Client) -> None:
    chat = client.chats.create(model=NEW)
    chat.send_message("My name is Ada.")
    assert "Ada" in (chat.send_message("What is my name?").text or "")


def weather(city: str) -> str:
    """Tells the weather of a city."""
    return f"sunny in {city}"


@pytest.mark.parametrize("model", [OLD, NEW])
def test_functions_are_called_and_their_results_answered(client: genai.Client, model: str) -> None:
    config = types.GenerateContentConfig(tools=[weather])
    answer = client.models.generate_content(model=model, contents="What is the weather in Paris?", config=config)
    assert "sunny in Paris" in (answer.text or "")


def test_json_and_thoughts(client: genai.Client) -> None:
    config = types.GenerateContentConfig(
        response_mime_type="application/json",
        response_json_schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        thinking_config=types.ThinkingConfig(include_thoughts=True),
        automatic_function_calling=NO_AFC,
    )
    answer = client.models.generate_content(model=NEW, contents="I love Paris", config=config)
    assert answer.parsed == {"city": "Paris"}
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.thoughts_token_count


def test_models_tokens_and_embeddings(client: genai.Client) -> None:
    assert f"models/{NEW}" in {model.name for model in client.models.list(config={"page_size": 5})}
    assert client.models.get(model=NEW).display_name == "Gemini 3.8 Flash"
    assert client.models.count_tokens(model=NEW, contents="Hello, world").total_tokens == 3
    embedded = client.models.embed_content(model="gemini-embedding-001", contents=["a", "b"])
    assert embedded.embeddings is not None
    assert [len(entry.values or []) for entry in embedded.embeddings] == [3072, 3072]


def test_a_refusal_is_googles_error(client: genai.Client) -> None:
    with pytest.raises(errors.ClientError) as refused:
        client.models.generate_content(
            model=NEW, contents="Hello", config=types.GenerateContentConfig(candidate_count=2)
        )
    assert (refused.value.code, refused.value.message) == (400, "Multiple candidates is not enabled for this model")
