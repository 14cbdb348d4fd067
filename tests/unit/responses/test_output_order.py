"""The order of output items is the order of Gemini's parts, for any number of chunks.

An event that was sent cannot move, so the plain response has the same order.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.recorded import gemini_answers
from tests.unit.responses.building import accumulator_of, gemini_chunk, parsed, plain_of, stream_of

Responses = list[dict[str, Any]]

SEARCHED: Any = {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["ducks"]}, "id": "1"}}
FOUND: Any = {"toolResponse": {"toolType": "GOOGLE_SEARCH_WEB", "id": "1"}}
GROUNDED: Any = {"groundingMetadata": {"webSearchQueries": ["", "ducks"]}}
CALL: Any = {"functionCall": {"name": "time", "args": {}}}
THOUGHT: Any = {"text": "Hm.", "thought": True}


def text(words: str) -> Any:
    return {"text": words}


def at_once(responses: Sequence[Any]) -> Responses:
    """Return the response of `generateContent`: one response with all parts."""
    whole: dict[str, Any] = {}
    candidate: dict[str, Any] = {}
    parts: list[Any] = []
    grounding: dict[str, Any] = {}
    for response in responses:
        whole |= response
        for chunk in response.get("candidates", ()):
            candidate |= chunk
            parts += chunk.get("content", {}).get("parts", ())
            for name, value in chunk.get("groundingMetadata", {}).items():
                grounding[name] = [*grounding.get(name, ()), *value] if isinstance(value, list) else value
    if candidate:
        candidate |= {"content": {"role": "model", "parts": parts}}
        candidate |= {"groundingMetadata": grounding} if grounding else {}
        whole["candidates"] = [candidate]
    return [whole]


def piecemeal(responses: Sequence[Any]) -> Responses:
    """Return the response as a stream: a chunk for each part, then a chunk with the finish reason.

    Each chunk of Gemini has the number of thought tokens, so the first chunk has it too.
    """
    (whole,) = at_once(responses)
    candidate, *_ = whole.get("candidates") or [{}]
    parts = candidate.get("content", {}).get("parts", ())
    end = {name: value for name, value in candidate.items() if name != "content"}
    usage = {"usageMetadata": whole["usageMetadata"]} if "usageMetadata" in whole else {}
    return [*(gemini_chunk(part) | usage for part in parts), {**whole, "candidates": [end] if candidate else []}]


def shown(output: Sequence[Any]) -> list[Any]:
    """Return the items without the sources of messages, which may come after the end of a message in a stream."""
    parts = ("text", "refusal")
    return [
        {
            **{name: value for name, value in item.items() if name not in ("id", "content", "container_id")},
            "content": [{name: part.get(name) for name in parts} for part in item.get("content", ())],
        }
        for item in output
    ]


def check_order(responses: Sequence[Any]) -> list[str]:
    """Check that plain and streamed forms of this response have the same items in one order; return their types."""
    request = parsed(tools=[{"type": "web_search"}, {"type": "function", "name": "time"}])
    plain = plain_of(accumulator_of(request), at_once(responses))["output"]
    for streamed in (responses, at_once(responses), piecemeal(responses)):
        events = stream_of(accumulator_of(request), streamed)
        sent = {
            event["output_index"]: event["item"] for event in events if event["type"] == "response.output_item.done"
        }
        assert shown([sent[index] for index in sorted(sent)]) == shown(plain)
        assert shown(events[-1]["response"]["output"]) == shown(plain)
    return [item["type"] for item in plain]


ORDERS: dict[str, tuple[list[Any], list[str]]] = {
    "a search that Gemini shows as it makes it": (
        [
            gemini_chunk(SEARCHED),
            gemini_chunk(FOUND),
            gemini_chunk(text("Ducks ")),
            gemini_chunk(text("fly.")),
            gemini_chunk(finish="STOP", **GROUNDED),
        ],
        ["web_search_call", "message"],
    ),
    "a search that only the end tells of": (
        [gemini_chunk(text("Ducks ")), gemini_chunk(text("fly.")), gemini_chunk(finish="STOP", **GROUNDED)],
        ["message", "web_search_call"],
    ),
    "a search that the beginning tells of and the end": (
        [gemini_chunk(text("Ducks "), **GROUNDED), gemini_chunk(text("fly.")), gemini_chunk(finish="STOP", **GROUNDED)],
        ["message", "web_search_call"],
    ),
    "thoughts before, a call behind": (
        [gemini_chunk(THOUGHT), gemini_chunk(text("Ducks.")), gemini_chunk(CALL, finish="STOP", **GROUNDED)],
        ["reasoning", "message", "function_call", "web_search_call"],
    ),
    "an empty query": (
        [gemini_chunk(text("Ducks."), finish="STOP", groundingMetadata={"webSearchQueries": [""]})],
        ["message"],
    ),
}


@pytest.mark.parametrize(("responses", "order"), ORDERS.values(), ids=ORDERS)
def test_streams_and_plain_responses_have_one_order(responses: list[Any], order: list[str]) -> None:
    assert check_order(responses) == order


@pytest.mark.parametrize("responses", gemini_answers())
def test_recorded_responses_have_one_order(responses: list[Any]) -> None:
    types = check_order(responses)
    if any(part.get("toolCall", {}).get("toolType") == "GOOGLE_SEARCH_WEB" for part in parts_of(responses)):
        assert next(kind for kind in types if kind != "reasoning") == "web_search_call"
        assert types.count("web_search_call") == 1


def parts_of(responses: Sequence[Any]) -> list[Any]:
    """Return the parts of a response."""
    candidates = [candidate for response in responses for candidate in response.get("candidates", ())]
    return [part for candidate in candidates for part in candidate.get("content", {}).get("parts", ())]
