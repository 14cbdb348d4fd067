"""Recorded traffic: requests of real clients, responses of OpenAI, responses of Gemini."""

import json
from typing import Any

import orjson
import pytest

from api.openai.responses.request import parse_responses
from api.translate.request.upstream_call import HistoryMessage
from api.translate.responses.request import responses_to_gemini
from sessions_store.catalogue.model_profile import ModelProfile
from sessions_store.transcript.canonical import canonical_message
from tests.recorded import CLIENTS, WHOLE, client_requests, gemini_answers, openai_exchanges
from tests.unit.responses.building import (
    accumulator_of,
    gemini_chunk,
    items_to_messages,
    kinds,
    own_messages,
    parsed,
    plain_of,
    stream_of,
)
from tests.unit.translate.requests import FLASH_2, FLASH_3, judge


def client_bodies() -> list[Any]:
    """Return recorded requests of clients and their responses of OpenAI, as parameters of a test."""
    bodies = [
        pytest.param(sent["body"], id=f"{client}-{number}")
        for client in CLIENTS
        for number, sent in client_requests(client)
        if (sent["method"], sent["path"]) == ("POST", "/v1/responses")
    ]
    recorded = [
        pytest.param(exchange["request"], id=f"openai-{number}")
        for number, exchange in openai_exchanges()
        if isinstance(exchange["request"], dict) and "model" in exchange["request"] and output_of(exchange) is not None
    ]
    return bodies + recorded


def output_of(exchange: Any) -> Any:
    """Return the output of a recorded response, None for another exchange."""
    text = exchange["response"]
    if text.startswith("event: response."):
        return events_of(text)[-1]["response"]["output"]
    response = json.loads(text) if text.startswith("{") else {}
    return response.get("output") if response.get("object") == "response" else None


def events_of(text: str) -> list[Any]:
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: {")]


def history_for(items: list[Any]) -> list[HistoryMessage]:
    """Return the calls of results in `items` without their calls, which are in a stored conversation."""
    made = {item.get("call_id") for item in items if item.get("type", "").endswith("_call")}
    answered = [item["call_id"] for item in items if item.get("type") == "function_call_output"]
    calls = [
        {"id": call_id, "type": "function", "function": {"name": "f", "arguments": "{}"}}
        for call_id in answered
        if call_id not in made
    ]
    if not calls:
        return []
    messages: list[Any] = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": calls},
    ]
    return [HistoryMessage(message=message, content=None) for message in messages]


@pytest.mark.parametrize("profile", [FLASH_2, FLASH_3], ids=lambda profile: str(profile.name))
@pytest.mark.parametrize("body", client_bodies())
def test_recorded_requests_of_real_clients_are_accepted(body: dict[str, Any], profile: ModelProfile) -> None:
    request = parse_responses(orjson.dumps(body))
    assert set(request.unknown) <= {"client_metadata"}
    history = history_for(request.items) if body.get("previous_response_id") or body.get("conversation") else []
    call = responses_to_gemini(request, own=own_messages(request, profile.family), profile=profile, history=history)
    judge(call, profile)
    assert not [note for note in call.notes if note.param.startswith(("messages", "remembered", "tool_calls"))]


def openai_streams() -> list[Any]:
    """Return (output, order of events) of each recorded stream with items that Gemini generates too."""
    known = {"message", "reasoning", "function_call", "custom_tool_call"}
    found = []
    for number, exchange in openai_exchanges():
        if not exchange["response"].startswith("event: response."):
            continue
        output = output_of(exchange)
        if {item["type"] for item in output} <= known:
            found.append(pytest.param(output, kinds(events_of(exchange["response"])), id=str(number)))
    return found


def as_gemini(output: list[Any]) -> list[Any]:
    """Return Gemini's chunks for these items."""
    chunks = []
    for item in output:
        if item["type"] == "message":
            words = item["content"][0]["text"].split(" ")
            chunks += [gemini_chunk({"text": word}) for word in words]
            chunks += [gemini_chunk({"text": "."})] if item["status"] == "incomplete" else []
        elif item["type"] == "function_call":
            chunks.append(gemini_chunk({"functionCall": {"name": item["name"], "args": json.loads(item["arguments"])}}))
        elif item["type"] == "custom_tool_call":
            chunks.append(gemini_chunk({"functionCall": {"name": item["name"], "args": {"input": item["input"]}}}))
    cut = any(item.get("status") == "incomplete" for item in output)
    return [*chunks, gemini_chunk(finish="MAX_TOKENS" if cut else "STOP")]


@pytest.mark.parametrize(("output", "order"), openai_streams())
def test_the_order_of_events_is_the_recorded_one(output: list[Any], order: list[str]) -> None:
    tools = [{"type": "custom", "name": item["name"]} for item in output if item["type"] == "custom_tool_call"]
    events = stream_of(accumulator_of(parsed(tools=tools)), as_gemini(output))
    # Gemini sends thoughts on request only, so there is no reasoning item.
    assert kinds(events) == [kind for kind in order if not kind.endswith(":reasoning")]


def test_the_recordings_are_not_empty() -> None:
    assert len(client_bodies()) > (90 if WHOLE else 60)
    assert len(openai_streams()) > (8 if WHOLE else 6)
    assert len(gemini_answers()) > (250 if WHOLE else 60)


@pytest.mark.parametrize("include", [[], ["reasoning.encrypted_content"]], ids=["kept", "carried"])
@pytest.mark.parametrize("responses", gemini_answers())
def test_a_recorded_response_of_gemini_becomes_an_openai_response(responses: list[Any], include: list[str]) -> None:
    request = parsed(include=include)
    events = stream_of(accumulator_of(request), responses)
    accumulator = accumulator_of(request)
    plain = plain_of(accumulator, responses)
    assert events[-1]["response"] == plain
    if plain["output"]:
        (message,) = items_to_messages(plain["output"], family=FLASH_3.family).messages
        assert canonical_message(message) == canonical_message(accumulator.messages[0])
        assert bool(message.get("extra_content")) <= bool(include)
