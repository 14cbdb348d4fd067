"""Calls that Vertex streams in pieces."""

from typing import Any

import pytest

from api.errors import UpstreamError
from tests.unit.translate.answers import chat_answer


def pieces(*calls: dict[str, Any], finish: str | None = "STOP") -> Any:
    candidate: dict[str, Any] = {"content": {"parts": [{"functionCall": call} for call in calls]}}
    return {"candidates": [{**candidate, **({"finishReason": finish} if finish else {})}]}


def part(path: str, **value: Any) -> dict[str, Any]:
    return {"partialArgs": [{"jsonPath": path, **value}], "willContinue": True}


START: dict[str, Any] = {"name": "f", "willContinue": True}


def args_of(*calls: dict[str, Any]) -> Any:
    answer = chat_answer()
    answer.feed(pieces(*calls))
    return answer.contents[0]["parts"][0]["functionCall"]["args"]


def test_a_string_grows_while_it_will_continue() -> None:
    first = part("$.id", stringValue="A", willContinue=True)
    assert args_of(START, first, part("$.id", stringValue="-1"), {}) == {"id": "A-1"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.a.b", {"a": {"b": 1}}),
        ("$.a[1].b", {"a": [None, {"b": 1}]}),
        ("$['a b']['c']", {"a b": {"c": 1}}),
        ('$["a.b"]', {"a.b": 1}),
        ("$.a[0][0]", {"a": [[1]]}),
    ],
)
def test_paths(path: str, expected: Any) -> None:
    assert args_of(START, part(path, numberValue=1), {}) == expected


def test_all_kinds_of_values() -> None:
    calls = [part("$.n", nullValue="NULL_VALUE"), part("$.b", boolValue=False), part("$.x", numberValue=1.5)]
    assert args_of(START, *calls, {}) == {"n": None, "b": False, "x": 1.5}


def test_a_call_that_nobody_closed_is_given_out_at_the_end_of_the_answer() -> None:
    answer = chat_answer()
    assert answer.feed(pieces(START, part("$.a", numberValue=1), finish=None)) == []
    assert len(answer.feed(pieces())) == 2
    assert answer.messages[0]["tool_calls"][0]["function"]["arguments"] == '{"a":1}'  # type: ignore[typeddict-item]


def test_the_next_named_call_closes_the_one_before() -> None:
    answer = chat_answer()
    answer.feed(pieces(START, {**START, "name": "g"}))
    assert [call["function"]["name"] for call in answer.messages[0]["tool_calls"]] == ["f", "g"]  # type: ignore[typeddict-item]


def test_a_call_without_a_name_is_left_out_with_a_note() -> None:
    answer = chat_answer()
    answer.feed(pieces({"args": {"a": 1}}))
    assert answer.contents[0]["parts"] == []
    assert [note.reason for note in answer.notes] == ["a function call without a name"]


@pytest.mark.parametrize("path", ["", "a", "$", "$.", "$.a..b", "$.a[x]", "$.a[99999]", "$.a[0].b[0", 3, None])
def test_paths_that_are_none_are_geminis_fault(path: Any) -> None:
    with pytest.raises(UpstreamError):
        chat_answer().feed(pieces(START, part(path, numberValue=1)))


def test_a_path_that_contradicts_an_earlier_one_is_geminis_fault() -> None:
    with pytest.raises(UpstreamError):
        chat_answer().feed(pieces(START, part("$.a", numberValue=1), part("$.a.b", numberValue=2)))
