"""Google's own SDK validates the emulator's responses: the SDK sends the same requests as to Google."""

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


def test_the_sdk_reads_text_plain_and_streamed(client: genai.Client) -> None:
    response = client.models.generate_content(model=NEW, contents="Count to five")
    assert response.text == "[Gemini emulator] 1, 2, 3, 4, 5."
    assert response.candidates is not None
    assert response.candidates[0].finish_reason is types.FinishReason.STOP
    chunks = list(client.models.generate_content_stream(model=NEW, contents="Count to five"))
    assert "".join(chunk.text or "" for chunk in chunks) == response.text


def test_a_chat_of_the_sdk_has_its_history(client: genai.Client) -> None:
    chat = client.chats.create(model=NEW)
    chat.send_message("My name is Ada.")
    assert "Ada" in (chat.send_message("What is my name?").text or "")


def weather(city: str) -> str:
    """Return the weather of a city."""
    return f"sunny in {city}"


@pytest.mark.parametrize("model", [OLD, NEW])
def test_the_sdk_calls_functions_and_sends_their_results(client: genai.Client, model: str) -> None:
    config = types.GenerateContentConfig(tools=[weather])
    response = client.models.generate_content(model=model, contents="What is the weather in Paris?", config=config)
    assert "sunny in Paris" in (response.text or "")


def test_the_sdk_reads_json_and_thoughts(client: genai.Client) -> None:
    config = types.GenerateContentConfig(
        response_mime_type="application/json",
        response_json_schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        thinking_config=types.ThinkingConfig(include_thoughts=True),
        automatic_function_calling=NO_AFC,
    )
    response = client.models.generate_content(model=NEW, contents="I love Paris", config=config)
    assert response.parsed == {"city": "Paris"}
    assert response.usage_metadata is not None
    assert response.usage_metadata.thoughts_token_count


def test_the_sdk_reads_models_tokens_and_embeddings(client: genai.Client) -> None:
    assert f"models/{NEW}" in {model.name for model in client.models.list(config={"page_size": 5})}
    assert client.models.get(model=NEW).display_name == "Gemini 3.8 Flash"
    assert client.models.count_tokens(model=NEW, contents="Hello, world").total_tokens == 3
    embedded = client.models.embed_content(model="gemini-embedding-001", contents=["a", "b"])
    assert embedded.embeddings is not None
    assert [len(entry.values or []) for entry in embedded.embeddings] == [3072, 3072]


def test_a_rejection_is_googles_error_in_the_sdk(client: genai.Client) -> None:
    with pytest.raises(errors.ClientError) as rejected:
        client.models.generate_content(
            model=NEW, contents="Hello", config=types.GenerateContentConfig(candidate_count=2)
        )
    assert (rejected.value.code, rejected.value.message) == (400, "Multiple candidates is not enabled for this model")
