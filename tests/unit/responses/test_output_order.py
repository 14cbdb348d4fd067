"""The order of output items: that of Gemini's parts, the same however many chunks an answer comes in.

What a stream has told cannot move any more: so a plain answer has it in that order too.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.recorded import gemini_answers
from tests.unit.responses.building import answer_to, gemini_chunk, parsed, plain_of, stream_of

Responses = list[dict[str, Any]]

SEARCHED: Any = {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["ducks"]}, "id": "1"}}
FOUND: Any = {"toolResponse": {"toolType": "GOOGLE_SEARCH_WEB", "id": "1"}}
GROUNDED: Any = {"groundingMetadata": {"webSearchQueries": ["", "ducks"]}}
CALL: Any = {"functionCall": {"name": "time", "args": {}}}
THOUGHT: Any = {"text": "Hm.", "thought": True}


def text(words: str) -> Any:
    return {"text": words}


def at_once(responses: Sequence[Any]) -> Responses:
    """Return the answer as `generateContent` gives it: one response with all parts."""
    whole: dict[str, Any] = {}
    candidate: dict[str, Any] = {}
    parts: list[Any] = []
    grounding: dict[str, Any] = {}
    for response in responses:
        whole |= response
        for piece in response.get("candidates", ()):
            candidate |= piece
            parts += piece.get("content", {}).get("parts", ())
            for name, value in piece.get("groundingMetadata", {}).items():
                grounding[name] = [*grounding.get(name, ()), *value] if isinstance(value, list) else value
    if candidate:
        candidate |= {"content": {"role": "model", "parts": parts}}
        candidate |= {"groundingMetadata": grounding} if grounding else {}
        whole["candidates"] = [candidate]
    return [whole]


def piecemeal(responses: Sequence[Any]) -> Responses:
    """Return the answer as a stream gives it: a chunk for each part, then one that tells how it ended.

    How many thoughts there were is known when the answer begins: each chunk of Gemini's says so.
    """
    (whole,) = at_once(responses)
    candidate, *_ = whole.get("candidates") or [{}]
    parts = candidate.get("content", {}).get("parts", ())
    end = {name: value for name, value in candidate.items() if name != "content"}
    usage = {"usageMetadata": whole["usageMetadata"]} if "usageMetadata" in whole else {}
    return [*(gemini_chunk(part) | usage for part in parts), {**whole, "candidates": [end] if candidate else []}]


def shown(output: Sequence[Any]) -> list[Any]:
    """Return what items show, without what a stream may be too late for: the sources of a message that has ended."""
    parts = ("text", "refusal")
    return [
        {
            **{name: value for name, value in item.items() if name not in ("id", "content", "container_id")},
            "content": [{name: part.get(name) for name in parts} for part in item.get("content", ())],
        }
        for item in output
    ]


def check_order(responses: Sequence[Any]) -> list[str]:
    """Check that all ways to give this answer show the same items in one order; return their types."""
    request = parsed(tools=[{"type": "web_search"}, {"type": "function", "name": "time"}])
    plain = plain_of(answer_to(request), at_once(responses))["output"]
    for streamed in (responses, at_once(responses), piecemeal(responses)):
        events = stream_of(answer_to(request), streamed)
        told = {
            event["output_index"]: event["item"] for event in events if event["type"] == "response.output_item.done"
        }
        assert shown([told[index] for index in sorted(told)]) == shown(plain)
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
def test_streams_and_plain_answers_have_one_order(responses: list[Any], order: list[str]) -> None:
    assert check_order(responses) == order


@pytest.mark.parametrize("responses", gemini_answers())
def test_recorded_answers_have_one_order(responses: list[Any]) -> None:
    types = check_order(responses)
    if any(part.get("toolCall", {}).get("toolType") == "GOOGLE_SEARCH_WEB" for part in parts_of(responses)):
        assert next(kind for kind in types if kind != "reasoning") == "web_search_call"
        assert types.count("web_search_call") == 1


def parts_of(responses: Sequence[Any]) -> list[Any]:
    """Return the parts of an answer."""
    candidates = [candidate for response in responses for candidate in response.get("candidates", ())]
    return [part for candidate in candidates for part in candidate.get("content", {}).get("parts", ())]
