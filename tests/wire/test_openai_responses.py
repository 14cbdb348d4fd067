"""Every helper of OpenAI's client for responses, conversations and stored completions; each response and each event is
strictly validated with the client's types.
"""

import asyncio
from typing import Any, Final

import httpx2
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.lib.responses_websocket import ResponsesWebSocketLimits, ResponsesWebSocketSession
from openai.types.chat import ChatCompletion
from openai.types.chat.chat_completion_deleted import ChatCompletionDeleted
from openai.types.conversations import Conversation, ConversationItem
from openai.types.conversations.conversation_deleted_resource import ConversationDeletedResource
from openai.types.responses import CompactedResponse, Response, ResponseItem, ResponseStreamEvent
from openai.types.responses.input_token_count_response import InputTokenCountResponse
from pydantic import BaseModel, TypeAdapter

from tests.emulator_control import Emulator
from tests.exchanges import CHAT, GEMINI_3, fresh
from tests.live_gateway import LiveGateway
from tests.responses import CONVERSATIONS, ENDS, RESPONSES, WEATHER, named_events
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("emulator")

EVENT: Final[TypeAdapter[Any]] = TypeAdapter(ResponseStreamEvent)
ITEM: Final[TypeAdapter[Any]] = TypeAdapter(ResponseItem)
CONVERSATION_ITEM: Final[TypeAdapter[Any]] = TypeAdapter(ConversationItem)
ASKS: Final[dict[str, dict[str, Any]]] = {
    "text": {"input": "Tell me a story"},
    "instructions": {
        "input": [{"role": "user", "content": "Hello!"}],
        "instructions": "Be kind.",
        "metadata": {"a": "b"},
    },
    "thoughts": {"input": "Hello!", "reasoning": {"effort": "high", "summary": "auto"}},
    "carried": {"input": "Hello!", "include": ["reasoning.encrypted_content"], "store": False},
    "call": {"input": "What is the weather in Paris? Use the tool.", "tools": [WEATHER]},
    "calls": {"input": "What is the weather in Paris and what is the weather in Rome?", "tools": [WEATHER]},
    "custom": {
        "input": "Run the code tool.",
        "tools": [{"type": "custom", "name": "code", "description": "Runs code"}],
        "tool_choice": "required",
    },
    "search": {"input": "Search the web for the news of today.", "tools": [{"type": "web_search"}]},
    "JSON": {
        "input": "Ada is 36 years old.",
        "text": {"format": {"type": "json_schema", "name": "person", "schema": {"type": "object", "properties": {}}}},
    },
    "short": {"input": "Tell me a story", "max_output_tokens": 16},
}
# The fields of OpenAI's own object, from its first event on.
REAL: Final = {
    *(
        "id",
        "object",
        "created_at",
        "status",
        "completed_at",
        "error",
        "incomplete_details",
        "output",
        "usage",
        "model",
    ),
    *("access_programs", "background", "billing", "instructions", "metadata", "moderation", "parallel_tool_calls"),
    *("max_output_tokens", "max_tool_calls", "frequency_penalty", "presence_penalty", "temperature", "top_p"),
    *("previous_response_id", "prompt_cache_key", "prompt_cache_retention", "reasoning", "safety_identifier", "store"),
    *("service_tier", "text", "tool_choice", "tool_usage", "tools", "top_logprobs", "truncation", "user"),
}


class Person(BaseModel):
    """A structured output."""

    name: str
    age: int


@pytest.mark.parametrize("name", ASKS)
def test_responses_match_the_clients_types(http: httpx2.Client, name: str) -> None:
    body = {"model": GEMINI_3, **ASKS[name]}

    plain = http.post(RESPONSES, json=body).json()
    events = named_events(http.post(RESPONSES, json={**body, "stream": True}).text)

    Response.model_validate(plain, strict=True)
    for event in events:
        EVENT.validate_python(event, strict=True)
    # A search precedes the text in a plain response, and follows the text in a stream.
    kinds = [sorted(item["type"] for item in response["output"]) for response in (plain, events[-1]["response"])]
    assert kinds[0] == kinds[1]
    assert events[-1]["type"] == ("response.incomplete" if name == "short" else "response.completed")
    if body.get("store") is not False:
        Response.model_validate(http.get(f"{RESPONSES}/{plain['id']}").json(), strict=True)
        for item in http.get(f"{RESPONSES}/{plain['id']}/input_items").json()["data"]:
            ITEM.validate_python(item, strict=True)


def test_a_response_has_the_fields_of_openais(http: httpx2.Client) -> None:
    events = named_events(http.post(RESPONSES, json={"model": GEMINI_3, "input": "Hi", "stream": True}).text)

    for event in events:
        if "response" in event:
            assert event["response"].keys() >= REAL, event["type"]
    usage = events[-1]["response"]["usage"]
    assert usage["input_tokens_details"].keys() == {"cached_tokens", "cache_write_tokens"}
    assert usage["output_tokens_details"].keys() == {"reasoning_tokens"}


def test_the_client_parses_structured_output(client: OpenAI) -> None:
    parsed = client.responses.parse(model=GEMINI_3, input="Ada is 36 years old.", text_format=Person)

    assert parsed.output_parsed == Person(name="Ada", age=36)


def test_the_client_parses_a_stream(client: OpenAI) -> None:
    with client.responses.stream(model=GEMINI_3, input="Ada is 36 years old.", text_format=Person) as stream:
        assert stream.get_final_response().output_parsed == Person(name="Ada", age=36)


def test_the_client_resumes_a_stream(client: OpenAI) -> None:
    with client.responses.stream(model=GEMINI_3, input="Tell me a story", background=True) as stream:
        whole = stream.get_final_response()

    with client.responses.stream(response_id=whole.id, starting_after=3) as again:
        events = list(again)

    assert events[0].sequence_number == 4
    assert events[-1].type == "response.completed"
    assert client.responses.retrieve(whole.id, stream=True).response.status_code == 200


def test_the_client_cancels_a_response(client: OpenAI, emulator: Emulator) -> None:
    emulator.script({"hang_after": 1})
    made = client.responses.create(model=GEMINI_3, input="Hello!", background=True)

    assert client.responses.cancel(made.id).status == "cancelled"
    assert client.responses.retrieve(made.id).status == "cancelled"


def test_the_client_deletes_a_response(client: OpenAI, http: httpx2.Client) -> None:
    first, second = (client.responses.create(model=GEMINI_3, input="Hello!").id for _ in range(2))

    client.responses.delete(first)
    assert http.delete(f"{RESPONSES}/{second}").json() == {"id": second, "object": "response", "deleted": True}


def test_the_client_compacts_a_conversation(client: OpenAI, emulator: Emulator) -> None:
    first = client.responses.create(model=GEMINI_3, input="My name is Ada.")

    compacted = client.responses.compact(model=GEMINI_3, previous_response_id=first.id)

    assert compacted.object == "response.compaction"
    *_, item = compacted.output
    assert item.type == "compaction"
    # The type has no user messages, although OpenAI's responses have them.
    whole = compacted.to_dict(warnings=False)
    CompactedResponse.model_validate({**whole, "output": [item.to_dict()]}, strict=True)
    again: Any = [*list(whole["output"]), {"role": "user", "content": "Who am I?"}]  # type: ignore[call-overload]
    assert client.responses.create(model=GEMINI_3, input=again).output_text
    *_, body = emulator.bodies()
    assert "My name is Ada." in str(body["contents"])


def test_the_client_counts_input_tokens(http: httpx2.Client, client: OpenAI) -> None:
    response = http.post(f"{RESPONSES}/input_tokens", json={"model": GEMINI_3, "input": "How long?"}).json()

    InputTokenCountResponse.model_validate(response, strict=True)
    assert (
        client.responses.input_tokens.count(model=GEMINI_3, input="How long?").input_tokens == response["input_tokens"]
    )


def test_the_client_lists_input_items(client: OpenAI) -> None:
    made = client.responses.create(
        model=GEMINI_3, input=[{"role": "user", "content": text} for text in ("a", "b", "c")]
    )

    listed = list(client.responses.input_items.list(made.id, limit=2))

    assert [item.to_dict()["content"][0]["text"] for item in listed] == ["c", "b", "a"]  # type: ignore[index]
    page = client.responses.input_items.list(made.id, order="asc", after=listed[-1].id)
    assert [item.id for item in page.data] == [listed[1].id, listed[0].id]


@pytest.mark.filterwarnings(r"ignore:connect\(\) must be used:DeprecationWarning")  # a warning of the client itself
def test_a_connection_serves_several_stream_ids(client: OpenAI) -> None:
    limits = ResponsesWebSocketLimits(
        max_lanes=4,
        max_events_per_lane=256,
        max_events=1024,
        max_bytes_per_lane=1 << 20,
        max_bytes=1 << 22,
        max_response_bytes=None,
    )
    with (
        client.responses.connect() as connection,
        ResponsesWebSocketSession(connection, limits=limits) as session,
    ):
        lanes = [session.lane(name) for name in ("one", "two")]
        for lane in lanes:
            lane.send({"type": "response.create", "model": GEMINI_3, "input": "Hello!"})
        first, second = (lane.get_final_response(timeout=20) for lane in lanes)

        assert first.status == second.status == "completed"
        follow: Any = {"type": "response.create", "model": GEMINI_3, "input": "And?", "previous_response_id": first.id}
        lanes[1].send(follow)
        assert lanes[1].get_final_response(timeout=20).previous_response_id == first.id


def test_the_asynchronous_client_is_served(gateway: LiveGateway) -> None:
    async def ask() -> list[str]:
        async with AsyncOpenAI(base_url=gateway.base_url, api_key="dummy-key", max_retries=0) as client:
            made = await client.responses.create(model=GEMINI_3, input="Hello!")
            types = [
                event.type async for event in await client.responses.create(model=GEMINI_3, input="Hi", stream=True)
            ]
            async with client.responses.connect() as connection:
                await connection.response.create(model=GEMINI_3, input="And?", previous_response_id=made.id)
                async for event in connection:
                    if event.type in ENDS:
                        return [*types, event.type]
        return []

    assert asyncio.run(ask())[-2:] == ["response.completed", "response.completed"]


def test_the_client_manages_conversations(client: OpenAI, http: httpx2.Client) -> None:
    made = http.post(CONVERSATIONS, json={"metadata": {"a": "b"}}).json()
    Conversation.model_validate(made, strict=True)
    path = f"{CONVERSATIONS}/{made['id']}"
    asked = {"model": GEMINI_3, "conversation": made["id"], **ASKS["call"]}
    response = http.post(RESPONSES, json=asked).json()
    assert response["conversation"] == {"id": made["id"]}
    [call] = [item for item in response["output"] if item["type"] == "function_call"]
    result: Any = {"type": "function_call_output", "call_id": call["call_id"], "output": "21 degrees"}
    client.conversations.items.create(made["id"], items=[result])

    listed = http.get(f"{path}/items").json()["data"]

    for item in listed:
        CONVERSATION_ITEM.validate_python(item, strict=True)
        CONVERSATION_ITEM.validate_python(http.get(f"{path}/items/{item['id']}").json(), strict=True)
    assert [item["type"] for item in listed][::-1] == [
        "message",
        "reasoning",
        "function_call",
        "function_call_output",
    ]
    Conversation.model_validate(http.post(path, json={"metadata": {"c": "d"}}).json(), strict=True)
    Conversation.model_validate(http.delete(f"{path}/items/{listed[0]['id']}").json(), strict=True)
    ConversationDeletedResource.model_validate(http.delete(path).json(), strict=True)


def test_the_client_manages_stored_completions(client: OpenAI, http: httpx2.Client) -> None:
    run = fresh("run")
    made = client.chat.completions.create(
        model=GEMINI_3, messages=[{"role": "user", "content": "Hello!"}], store=True, metadata={"run": run}
    )
    path = f"{CHAT}/{made.id}"

    ChatCompletion.model_validate(http.get(path).json(), strict=True)
    [listed] = http.get(CHAT, params={"metadata[run]": run}).json()["data"]
    assert ChatCompletion.model_validate(listed, strict=True).id == made.id
    [message] = client.chat.completions.messages.list(made.id)
    assert (message.id, message.content) == (f"{made.id}-0", "Hello!")
    changed = client.chat.completions.update(made.id, metadata={"run": run, "more": "1"})
    assert changed.metadata == client.chat.completions.retrieve(made.id).metadata == {"run": run, "more": "1"}
    assert [one.id for one in client.chat.completions.list(metadata={"run": run})] == [made.id]
    ChatCompletionDeleted.model_validate(http.delete(path).json(), strict=True)


def test_the_client_polls_a_background_response(client: OpenAI) -> None:
    made = client.responses.create(model=GEMINI_3, input="Hello!", background=True)
    Response.model_validate(made.to_dict(), strict=True)
    assert made.status == "queued"

    def look() -> Response | None:
        now = client.responses.retrieve(made.id)
        return now if now.status == "completed" else None

    assert eventually(look).output_text
