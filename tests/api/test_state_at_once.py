"""State is consistent at once: a second server over the same database reads the acknowledged state of the first.

STATE_STEPS sets the number of repetitions (1000 for a long run); TEST_DATABASE_URL sets the database.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from openai import OpenAI

from tests.exchanges import GEMINI_25, chat_message, fresh
from tests.live_gateway import LiveGateway

STEPS = int(os.environ.get("STATE_STEPS", "200"))

pytestmark = pytest.mark.usefixtures("live_db", "emulator")


@pytest.fixture(scope="module")
def other(django_db_setup: None, emulator_url: str) -> Iterator[OpenAI]:
    """A client of a second server over the same database."""
    with (
        LiveGateway.start(upstream=emulator_url) as server,
        OpenAI(base_url=server.base_url, api_key="dummy-key", max_retries=0) as connected,
    ):
        yield connected


def test_a_response_is_known_to_the_other_server(client: OpenAI, other: OpenAI) -> None:
    previous = None
    for step in range(STEPS):
        asking, reading = (client, other) if step % 2 else (other, client)
        made = asking.responses.create(
            model=GEMINI_25, input=f"step {step}", previous_response_id=previous, max_output_tokens=16
        )
        assert reading.responses.retrieve(made.id).id == made.id
        # A new chain after some steps: another test covers long chains.
        previous = None if step % 20 == 19 else made.id


def test_a_streamed_response_is_known_with_its_last_event(client: OpenAI, other: OpenAI) -> None:
    for step in range(STEPS // 10):
        asking, reading = (client, other) if step % 2 else (other, client)
        for event in asking.responses.create(model=GEMINI_25, input="Hello!", stream=True):
            if event.type == "response.completed":
                assert reading.responses.create(
                    model=GEMINI_25, input="And?", previous_response_id=event.response.id
                ).output_text


def test_a_conversation_is_known_to_the_other_server(client: OpenAI, other: OpenAI) -> None:
    conversation = client.conversations.create().id
    for step in range(STEPS // 10):
        asking, reading = (client, other) if step % 2 else (other, client)
        made = asking.responses.create(model=GEMINI_25, input=f"step {step}", conversation=conversation)
        newest = reading.conversations.items.list(conversation, limit=1).data[0]
        assert newest.id == made.output[-1].id


def test_two_servers_append_complete_exchanges_to_one_conversation(client: OpenAI, other: OpenAI) -> None:
    conversation = client.conversations.create().id
    with ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(server.responses.create, model=GEMINI_25, input=f"turn {number}", conversation=conversation)
            for number in range(6)
            for server in (client, other)
        ]
        responses = {response.result().output[-1].id for response in asked}

    items = [item for item in other.conversations.items.list(conversation, order="asc") if item.type == "message"]
    assert [getattr(item, "role", "") for item in items] == ["user", "assistant"] * 12
    assert {item.id for item in items[1::2]} == responses
    assert client.responses.create(model=GEMINI_25, input="Last.", conversation=conversation).output_text


def test_a_stored_completion_is_known_to_the_other_server(client: OpenAI, other: OpenAI) -> None:
    for step in range(STEPS // 10):
        asking, reading = (client, other) if step % 2 else (other, client)
        run = fresh("run")
        made = asking.chat.completions.create(
            model=GEMINI_25, messages=[chat_message("Hello!")], store=True, metadata={"run": run}
        )
        assert [found.id for found in reading.chat.completions.list(metadata={"run": run})] == [made.id]
