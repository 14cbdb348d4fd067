"""A key that stores metadata only: no text is stored or logged, stored state is refused, tool loops work (G12)."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from openai import APIStatusError, BadRequestError, OpenAI
from websockets.sync.client import connect

from sessions_store.models import CallSignature, UsageRecord
from tests.emulator_control import Emulator, text_chunks
from tests.exchanges import GEMINI_3, fresh, user_message
from tests.issued_keys import Issued
from tests.live_gateway import LiveGateway
from tests.responses import WEATHER

Sdk = Callable[[str], OpenAI]
MADE_BY_THE_EMULATOR = b"emulated-signature:"
FUNCTION = {"type": "function", "function": {name: WEATHER[name] for name in ("name", "description", "parameters")}}


def stored_text() -> str:
    """Return every value of every table."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - names of our own tables
            found += [repr(bytes(value) if isinstance(value, memoryview) else value) for row in cursor for value in row]
    return "\n".join(found)


@pytest.fixture
def canary(gateway: LiveGateway, issued: Issued) -> Iterator[str]:
    """A word that must be neither in the database nor in the log at the end of the test."""
    word = fresh("canary")
    yield word
    assert word not in stored_text()
    assert word not in gateway.log


def calls_of(response: Any) -> list[Any]:
    """Return the function calls of a response."""
    return [item for item in response.output if item.type == "function_call"]


def chat_answer(client: OpenAI, messages: list[Any], *, stream: bool) -> Any:
    """Return the message of a chat completion, as a client that knows OpenAI's fields only sends it back."""
    if stream:
        with client.chat.completions.stream(model=GEMINI_3, messages=messages, tools=[FUNCTION]) as events:  # type: ignore[list-item]
            message: Any = events.get_final_completion().choices[0].message
    else:
        created = client.chat.completions.create(model=GEMINI_3, messages=messages, tools=[FUNCTION])  # type: ignore[list-item]
        message = created.choices[0].message
    known = {"role": "assistant", "content": message.content}
    if message.tool_calls:
        known["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in message.tool_calls
        ]
    return known


def chat_turn(client: OpenAI, messages: list[Any], canary: str, *, stream: bool) -> None:
    """Add the call, the result and the answer of one turn to a chat."""
    called = chat_answer(client, messages, stream=stream)
    messages.append(called)
    assert called["tool_calls"]
    for call in called["tool_calls"]:
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": f"Sunny, {canary}"})
    messages.append(chat_answer(client, messages, stream=stream))


def response_answer(client: OpenAI, items: list[Any], *, stream: bool) -> Any:
    """Add the output of a response to the items that a client holds, and return the response."""
    fields: dict[str, Any] = {"model": GEMINI_3, "input": items, "tools": [WEATHER], "store": False}
    if stream:
        with client.responses.stream(**fields) as events:
            response: Any = events.get_final_response()
    else:
        response = client.responses.create(**fields)
    for item in response.output:
        if item.type == "function_call":
            items.append({name: getattr(item, name) for name in ("type", "call_id", "name", "arguments")})
        elif item.type == "message":
            items.append({"role": "assistant", "content": item.content[0].text})
    return response


def check_signatures(emulator: Emulator, *, steps: int) -> None:
    """Each step of calls in the last request has the signature that the emulator gave it."""
    contents = list(emulator.bodies())[-1]["contents"]
    first = [
        next(part for part in content["parts"] if "functionCall" in part)
        for content in contents
        if any("functionCall" in part for part in content["parts"])
    ]
    assert len(first) == steps
    for part in first:
        assert base64.b64decode(part["thoughtSignature"]).startswith(MADE_BY_THE_EMULATOR)


@pytest.mark.parametrize("stream", [False, True])
def test_g12_a_tool_loop_of_chat_completions_keeps_its_signatures(
    sdk: Sdk, issued: Issued, emulator: Emulator, canary: str, stream: bool
) -> None:
    client = sdk(issued.client_key(content="metadata"))
    messages: list[Any] = [{"role": "system", "content": f"Be brief. {canary}"}]

    for turn in range(1, 4):
        messages.append(user_message(f"What is the weather in {canary}?"))
        chat_turn(client, messages, canary, stream=stream)
        check_signatures(emulator, steps=turn)

    assert canary in json.dumps(messages)


@pytest.mark.parametrize("stream", [False, True])
def test_g12_a_tool_loop_of_responses_keeps_its_signatures(
    sdk: Sdk, issued: Issued, emulator: Emulator, canary: str, stream: bool
) -> None:
    client = sdk(issued.client_key(content="metadata"))
    items: list[Any] = []

    for turn in range(1, 4):
        items.append({"role": "user", "content": f"What is the weather in {canary}?"})
        called = calls_of(response_answer(client, items, stream=stream))
        assert called
        items += [
            {"type": "function_call_output", "call_id": call.call_id, "output": f"Sunny, {canary}"} for call in called
        ]
        assert response_answer(client, items, stream=stream).output_text
        check_signatures(emulator, steps=turn)


def test_g12_a_tool_loop_on_a_websocket_keeps_its_signatures(
    gateway: LiveGateway, issued: Issued, emulator: Emulator, canary: str
) -> None:
    headers = {"authorization": f"Bearer {issued.client_key(content='metadata')}"}
    items: list[Any] = [{"role": "user", "content": f"What is the weather in {canary}?"}]
    with connect(gateway.origin.replace("http", "ws") + "/v1/responses", additional_headers=headers, proxy=None) as ws:

        def asked(**fields: Any) -> dict[str, Any]:
            frame = {"type": "response.create", "model": GEMINI_3, "tools": [WEATHER], "store": False, **fields}
            ws.send(json.dumps(frame))
            while (event := json.loads(ws.recv(timeout=10)))["type"] not in {"response.completed", "error"}:
                pass
            found: dict[str, Any] = event
            return found

        first = asked(input=items)["response"]
        [call] = [item for item in first["output"] if item["type"] == "function_call"]
        items += [call, {"type": "function_call_output", "call_id": call["call_id"], "output": "Sunny"}]
        assert asked(input=items)["type"] == "response.completed"
        check_signatures(emulator, steps=1)
        refused = asked(input=items, previous_response_id=first["id"])

    assert (refused["status"], refused["error"]["param"]) == (400, "previous_response_id")


@pytest.mark.parametrize("stream", [False, True])
def test_g12_prompt_answer_user_metadata_and_system_are_not_stored(
    sdk: Sdk, issued: Issued, emulator: Emulator, canary: str, stream: bool
) -> None:
    row, key = issued.key(content="metadata")
    client = sdk(key)
    fields: Any = {"user": canary, "stream": stream, "extra_body": {"metadata": {canary: canary}, canary: 1}}
    messages: Any = [{"role": "system", "content": canary}, user_message(canary)]
    emulator.script(*[{"chunks": text_chunks(canary)} if stream else {"body": text_chunks(canary)[0]}] * 3)

    answers = [
        client.chat.completions.create(
            model=GEMINI_3, messages=messages, extra_headers={"x-session-id": canary}, **fields
        ),
        client.completions.create(model=GEMINI_3, prompt=canary, suffix=canary, **fields),
        client.responses.create(model=GEMINI_3, input=canary, instructions=canary, store=False, **fields),
    ]
    for answer in answers:
        text = "".join(map(str, answer)) if stream else str(answer)
        assert canary in text

    records = UsageRecord.objects.filter(key_id=row.pk)
    assert [(record.upstream_model, record.prompt_tokens, record.completion_tokens) for record in records] == [
        (GEMINI_3, 3, 5)
    ] * 3
    assert all(record.cost_nano for record in records)
    assert any(["dropped", "", ""] in record.notes for record in records)


def test_g12_a_failed_request_stores_no_text(sdk: Sdk, issued: Issued, emulator: Emulator, canary: str) -> None:
    row, key = issued.key(content="metadata")
    client = sdk(key)
    quoted = {"error": {"code": 400, "message": f"Invalid value: {canary}", "status": "INVALID_ARGUMENT"}}
    emulator.script({"status": 400, "body": quoted})

    calls: list[Callable[[], Any]] = [
        lambda: client.chat.completions.create(model=GEMINI_3, messages=[user_message(canary)]),  # type: ignore[list-item]
        lambda: client.chat.completions.create(model=canary, messages=[user_message(canary)]),  # type: ignore[list-item]
        lambda: client.responses.create(model=GEMINI_3, input=[{"type": "message", "role": canary, "content": canary}]),  # type: ignore[list-item,misc]
    ]
    for call in calls:
        with pytest.raises(APIStatusError):
            call()

    assert [record.status for record in UsageRecord.objects.filter(key_id=row.pk)]


def test_g12_counting_and_compacting_store_no_text(sdk: Sdk, issued: Issued, canary: str) -> None:
    client = sdk(issued.client_key(content="metadata"))

    assert client.responses.input_tokens.count(model=GEMINI_3, input=canary).input_tokens
    compacted = client.responses.compact(model=GEMINI_3, input=[user_message(canary)])  # type: ignore[list-item]
    items: Any = [item.model_dump(warnings=False) for item in compacted.output]
    assert client.responses.create(
        model=GEMINI_3, input=[*items, {"role": "user", "content": canary}], store=False, user=canary
    ).output_text


def test_g12_stored_state_is_refused_by_its_parameter(sdk: Sdk, issued: Issued) -> None:
    project = issued.project()
    full, client = sdk(issued.client_key(project)), sdk(issued.client_key(project, content="metadata"))
    earlier, conversation = full.responses.create(model=GEMINI_3, input="Hi"), full.conversations.create()
    completion = full.chat.completions.create(model=GEMINI_3, messages=[user_message()], store=True)  # type: ignore[list-item]

    calls: list[tuple[str, Callable[[], Any]]] = [
        ("store", lambda: client.responses.create(model=GEMINI_3, input="Hi", store=True)),
        ("store", lambda: client.chat.completions.create(model=GEMINI_3, messages=[user_message()], store=True)),  # type: ignore[list-item]
        ("background", lambda: client.responses.create(model=GEMINI_3, input="Hi", background=True)),
        (
            "previous_response_id",
            lambda: client.responses.create(model=GEMINI_3, input="Hi", previous_response_id=earlier.id),
        ),
        ("conversation", lambda: client.responses.create(model=GEMINI_3, input="Hi", conversation=conversation.id)),
        ("conversation", client.conversations.create),
        ("metadata", lambda: client.chat.completions.update(completion.id, metadata={"a": "b"})),
    ]
    for param, call in calls:
        with pytest.raises(BadRequestError) as refused:
            call()
        assert (refused.value.param, refused.value.code) == (param, "storage_not_allowed")
    assert client.responses.create(model=GEMINI_3, input="Hi").model_dump()["store"] is False


def test_g12_signatures_are_encrypted_and_deleted_after_24_hours(
    sdk: Sdk, issued: Issued, emulator: Emulator, canary: str
) -> None:
    client = sdk(issued.client_key(content="metadata"))
    messages: list[Any] = [user_message(f"What is the weather in {canary}?")]
    called = chat_answer(client, messages, stream=False)
    call = called["tool_calls"][0]
    row = CallSignature.objects.get(call_id=call["id"])
    assert MADE_BY_THE_EMULATOR not in bytes(row.sealed)
    assert base64.b64encode(MADE_BY_THE_EMULATOR)[:20] not in bytes(row.sealed)

    CallSignature.objects.filter(pk=row.pk).update(created_at=datetime.now(UTC) - timedelta(hours=24, seconds=1))
    messages += [called, {"role": "tool", "tool_call_id": call["id"], "content": "Sunny"}]
    chat_answer(client, messages, stream=False)
    sent = [part for content in list(emulator.bodies())[-1]["contents"] for part in content["parts"]]
    [signature] = [part["thoughtSignature"] for part in sent if "functionCall" in part]
    assert not base64.b64decode(signature).startswith(MADE_BY_THE_EMULATOR)
    call_command("forget_old", days=0)
    assert not CallSignature.objects.filter(pk=row.pk).exists()
