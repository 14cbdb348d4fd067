"""Any invalid response of Gemini is an UpstreamError, never another exception or an endless wait."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.errors import UpstreamError
from api.translate.candidates.empty_response import filled
from api.translate.candidates.speech import Speech
from api.translate.chat.accumulator import ChatAccumulator
from tests.golden_cases import RESPONSE, STREAM, cases, read, read_lines
from tests.unit.translate.accumulators import (
    accumulate,
    chat_accumulator,
    choices_of,
    completion_accumulator,
    plain_of,
    stream_of,
)

GOLDEN = [
    *(read(case / RESPONSE) for case in cases(holding=RESPONSE)),
    *(response for case in cases(holding=STREAM) for response in read_lines(case / STREAM)),
]
RESPONSES = [response for response in GOLDEN if isinstance(response, dict)]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, item in items for deeper in places(item, (*path, key)))]


@st.composite
def mutations(draw: st.DrawFn) -> Any:
    """Return a real response with up to three values replaced or removed."""
    response = json.loads(json.dumps(draw(st.sampled_from(RESPONSES))))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(places(response)[1:] or [("candidates",)]))
        holder = response
        for step in way:
            holder = holder[step]
        if draw(st.booleans()):
            holder[last] = draw(JSON)
        elif isinstance(holder, dict):
            holder.pop(last, None)
    return response


def spoken() -> ChatAccumulator:
    """Return generated speech; test_candidates_speech joins its chunks."""
    return chat_accumulator(speech=Speech(wav=False, expires_at=1, ids=(f"audio_{n}" for n in itertools.count())))


# Every kind of response.
ANSWERS: dict[str, Callable[[], Any]] = {
    "plain": chat_accumulator,
    "choices": lambda: chat_accumulator(choices=3, include_usage=True),
    "legacy functions": lambda: chat_accumulator(legacy_functions=True),
    "one call": lambda: chat_accumulator(parallel_tool_calls=False, show_reasoning=True),
    "no thoughts": lambda: chat_accumulator(show_thoughts=False),
    "log probabilities": lambda: chat_accumulator(top_logprobs=2),
    "speech": spoken,
    "completion": completion_accumulator,
    "echo": lambda: completion_accumulator(prompts=["Say"], echo=True, top_logprobs=2, include_usage=True),
    "prompts": lambda: completion_accumulator(prompts=["a", "b"], choices=4, echo=True),
}


@given(
    responses=st.lists(mutations(), min_size=1, max_size=3),
    fresh=st.sampled_from(list(ANSWERS.values())),
    first=st.sampled_from([0, 0, 0, 1]),
)
@settings(max_examples=800, deadline=None)
def test_mutated_responses_raise_upstream_errors_only(
    responses: list[Any], fresh: Callable[[], Any], first: int
) -> None:
    pairs = [(first if number else 0, response) for number, response in enumerate(responses)]
    try:
        plain = plain_of(fresh(), pairs)
    except UpstreamError:
        with pytest.raises(UpstreamError):
            stream_of(fresh(), pairs)
        return
    chunks = stream_of(fresh(), pairs)
    assert fresh is spoken or accumulate(chunks) == choices_of(plain)


@given(response=mutations(), fresh=st.sampled_from(list(ANSWERS.values())))
@settings(max_examples=400, deadline=None)
def test_the_rest_of_a_mutated_response_can_be_stored(response: Any, fresh: Callable[[], Any]) -> None:
    accumulator = fresh()
    try:
        accumulator.feed(response)
    except UpstreamError:
        return
    assert orjson.dumps(
        [accumulator.contents, accumulator.messages, accumulator.finish_reasons, accumulator.native_finish_reasons]
    )
    assert all(str(note).isprintable() for note in accumulator.notes)


def in_order(response: Any) -> list[Any]:
    """Return the candidates by index: candidates of two responses have any order."""
    return sorted(response.get("candidates") or [], key=lambda candidate: repr(candidate.get("index")))


@given(response=mutations(), other=mutations(), fresh=st.sampled_from(list(ANSWERS.values())))
@settings(max_examples=400, deadline=None)
def test_a_response_that_needs_a_retry_is_a_fault(response: Any, other: Any, fresh: Callable[[], Any]) -> None:
    accumulator = fresh()
    lacks = accumulator.lacking(response, 1)
    accumulator.shows(response)
    if not lacks:
        return
    discarded, whole = filled(response, lacks, other)
    assert in_order(filled(response, lacks, response)[1]) == in_order(response)
    try:
        accumulator.feed(response)
    except UpstreamError:
        return
    assert accumulator.fault is not None
    again = fresh()
    try:
        again.discard([(0, discarded)])
        again.feed(whole)
    except UpstreamError:
        return
    assert orjson.dumps([again.usage, again.usage_metadata, again.searches, again.messages])


@pytest.mark.parametrize("index", [-1, 1, 7, True, "0", 1.0])
def test_an_unrequested_candidate_is_an_error(index: Any) -> None:
    with pytest.raises(UpstreamError):
        chat_accumulator().feed({"candidates": [{"index": index}]})


@pytest.mark.parametrize("kind", ["functionCall", "toolResponse", "hologram"])
def test_too_deeply_nested_responses_are_an_error(kind: str) -> None:
    deep: Any = "end"
    for _ in range(300):
        deep = {"a": deep}
    part: Any = {kind: {"name": "f", "args": deep}}
    with pytest.raises(UpstreamError):
        chat_accumulator().feed({"candidates": [{"content": {"parts": [part]}}]})
