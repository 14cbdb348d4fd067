"""The number of searches of a response: different queries of each upstream call, as billed by Google (rule 98)."""

from typing import Any

import pytest

from tests.recorded import gemini_exchanges, responses_of_exchange
from tests.unit.translate.accumulators import chat_accumulator, completion_accumulator


def candidate(*queries: str, index: int = 0, text: str = "Yes.") -> Any:
    """Return a candidate with the search `queries`; without grounding if there are none."""
    grounding = {"groundingMetadata": {"webSearchQueries": list(queries)}} if queries else {}
    return {"index": index, "content": {"parts": [{"text": text}]}, "finishReason": "STOP", **grounding}


def own_call(*queries: str, tool: str = "GOOGLE_SEARCH_WEB") -> Any:
    """Return a candidate that ends with a function call after one of Google's tools, hence without grounding."""
    call = {"toolCall": {"toolType": tool, "id": "t", "args": {"queries": list(queries)}}}
    return {"content": {"parts": [call, {"functionCall": {"name": "f", "args": {}}}]}, "finishReason": "STOP"}


@pytest.mark.parametrize(
    ("candidates", "searches"),
    [
        pytest.param([candidate("ducks", "geese")], 2, id="two queries"),
        pytest.param([candidate("", "ducks", "", "ducks")], 1, id="empty and repeated ones are not billed"),
        pytest.param([candidate("")], 0, id="only an empty one"),
        pytest.param([candidate()], 0, id="no grounding"),
        pytest.param([candidate("ducks"), candidate("ducks", "geese")], 2, id="the pieces of a stream repeat them"),
        pytest.param([candidate("ducks", "geese"), candidate("geese", "swans", index=1)], 3, id="choices share them"),
        pytest.param([own_call("ducks", "geese")], 2, id="calls without any grounding"),
        pytest.param([own_call("ducks"), candidate("ducks")], 1, id="a call and its grounding"),
        pytest.param([own_call("ducks", tool="FILE_SEARCH")], 0, id="another tool of Google's"),
    ],
)
def test_rule_098_different_queries_are_counted(candidates: list[Any], searches: int) -> None:
    accumulator = chat_accumulator(choices=2)
    for one in candidates:
        accumulator.feed({"candidates": [one]})

    assert accumulator.searches == [searches]


def test_rule_098_sources_without_a_query_are_not_searches() -> None:
    """URL context and file search have grounding too; only their tokens are billed."""
    accumulator = chat_accumulator()
    grounded = candidate()
    grounded["groundingMetadata"] = {"groundingChunks": [{"web": {"uri": "https://example.org"}}]}
    accumulator.feed({"candidates": [grounded]})

    assert accumulator.searches == [0]


def test_rule_098_searches_are_counted_per_call() -> None:
    accumulator = completion_accumulator(choices=6, prompts=["a", "b", "c"])
    accumulator.feed({"candidates": [candidate("ducks"), candidate("geese", index=1)]}, first_choice=4)
    accumulator.feed(
        {"candidates": [candidate("ducks")]}, first_choice=0
    )  # the call reports no usage, so its count is the last
    for first in (4, 2):
        accumulator.feed({"usageMetadata": {"promptTokenCount": first}}, first_choice=first)

    assert [counts["promptTokenCount"] for counts in accumulator.usage_metadata] == [2, 4]
    assert accumulator.searches == [0, 2, 1]


@pytest.mark.parametrize(
    ("number", "searches"),
    [
        pytest.param(14, 1, id="a search, then a function call: no grounding"),
        pytest.param(15, 1, id="an empty query beside the real one"),
        pytest.param(16, 1, id="the same in a stream"),
        pytest.param(58, 0, id="file search"),
        pytest.param(94, 0, id="URL context"),
        pytest.param(120, 1, id="a query that only the grounding names"),
    ],
)
def test_rule_098_recorded_searches_are_counted(number: int, searches: int) -> None:
    accumulator = chat_accumulator()
    for response in responses_of_exchange(dict(gemini_exchanges())[number]):
        accumulator.feed(response)

    assert accumulator.searches == [searches]
