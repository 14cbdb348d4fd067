"""Builders of requests and responses of the Responses API for the tests of this folder, with their validation."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from api.errors import InvalidRequestError
from api.gemini.wire import Content
from api.openai.responses.request import ResponsesRequest, parse_responses
from api.translate.request.upstream_call import HistoryMessage
from api.translate.responses.accumulator import ResponseAccumulator
from api.translate.responses.carried_state import StateSigner
from api.translate.responses.input import items as read_items
from api.translate.responses.input.items import ItemMessages
from api.translate.responses.request import ResponsesCall, responses_to_gemini
from api.translate.responses.request_echo import response_echo
from sessions_store.catalogue.model_profile import ModelProfile
from tests.unit.translate.requests import FLASH_3, judge

SIGNER = StateSigner(b"the tests' key")
CREATED, ENDED = 1_700_000_000, 1_700_000_005
EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def parsed(**parameters: Any) -> ResponsesRequest:
    """Parse a small request with `parameters` in its body."""
    return parse_responses(orjson.dumps({"model": "gpt-6-astra", "input": "Hi", **parameters}))


def refusal(**parameters: Any) -> InvalidRequestError:
    """Return the parsing error of a request with the parameters."""
    with pytest.raises(InvalidRequestError) as caught:
        parsed(**parameters)
    return caught.value


def items_to_messages(items: Sequence[Mapping[str, Any]], **options: Any) -> ItemMessages:
    """Return the messages of items; carried state is signed with the key of the tests."""
    return read_items.items_to_messages(items, signer=SIGNER, **options)


def own_messages(request: ResponsesRequest, family: str = "gemini-3") -> ItemMessages:
    """Return the messages of a request's items."""
    return items_to_messages(request.items, family=family, text_input=isinstance(request.input, str))


def translate(
    *,
    profile: ModelProfile = FLASH_3,
    history: Sequence[HistoryMessage] = (),
    restored: Mapping[int, Content] | None = None,
    **parameters: Any,
) -> ResponsesCall:
    """Return the translation of a parsed request; the emulator's rules validate the body."""
    request = parsed(**parameters)
    call = responses_to_gemini(
        request, own=own_messages(request, profile.family), profile=profile, history=history, restored=restored or {}
    )
    judge(call, profile)
    return call


def translation_error(**parameters: Any) -> InvalidRequestError:
    """Return the translation error of a request with the parameters."""
    with pytest.raises(InvalidRequestError) as caught:
        translate(**parameters)
    return caught.value


def noted(call: ResponsesCall) -> list[str]:
    """Return the notes of a translation as text."""
    return [str(note) for note in call.notes]


def counted(prefix: str = "") -> Iterator[str]:
    """Return consecutive ids: 1, 2, …"""
    return (f"{prefix}{number}" for number in itertools.count(1))


def accumulator_of(request: ResponsesRequest, **options: Any) -> ResponseAccumulator:
    """Return the accumulator of a request, as the exchange builds it, for a model with signatures."""
    profile = options.pop("profile", FLASH_3)
    call = responses_to_gemini(request, own=own_messages(request, profile.family), profile=profile)
    defaults: dict[str, Any] = {
        "id": "resp_1",
        "created_at": CREATED,
        "now": lambda: ENDED,
        "echo": response_echo(request, model=request.model),
        "item_ids": counted(),
        "call_ids": counted("call_"),
        "tool_names": call.tool_names,
        "called": call.called,
        "signer": SIGNER,
        "family": profile.family if request.encrypted_reasoning else None,
        "top_logprobs": request.wanted_top_logprobs,
        "thinks": profile.thinking != "none" and call.thinking_budget != 0,
    }
    return ResponseAccumulator(**{**defaults, **options})


def stream_of(accumulator: ResponseAccumulator, responses: Sequence[Any]) -> list[dict[str, Any]]:
    """Feed all responses; return every event as JSON, validated by the SDK's types.

    An event must not change after `feed` has returned it, because it is sent or stored later.
    """
    events: list[Any] = []
    at_once: list[bytes] = []
    for response in responses:
        fed = accumulator.feed(response)
        events += fed
        at_once += map(orjson.dumps, fed)
    ended = accumulator.finish()
    assert list(map(orjson.dumps, events)) == at_once
    sent: list[dict[str, Any]] = json.loads(json.dumps([*events, *ended]))
    for event in sent:
        EVENTS.validate_python(event)
    return sent


def plain_of(accumulator: ResponseAccumulator, responses: Sequence[Any]) -> dict[str, Any]:
    """Feed all responses; return the plain response as JSON, validated by the SDK's type."""
    for response in responses:
        accumulator.feed(response)
    plain: dict[str, Any] = json.loads(json.dumps(accumulator.completion()))
    Response.model_validate(plain, strict=True)
    return plain


def gemini_chunk(*parts: Mapping[str, Any], finish: str = "", **fields: Any) -> Any:
    """Return one chunk of Gemini with these parts."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, **fields}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})]}


def kinds(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the event types without their common prefix, consecutive equal types once; items with their own type."""
    shown = [
        event["type"].removeprefix("response.") + (f":{event['item']['type']}" if "item" in event else "")
        for event in events
    ]
    return [kind for kind, _ in itertools.groupby(shown)]
