"""Calls that Vertex AI streams in chunks."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.errors import UpstreamError
from tests.unit.translate.accumulators import accumulate, chat_accumulator, choices_of, plain_of, stream_of


def calls_chunk(*calls: dict[str, Any], finish: str | None = "STOP") -> Any:
    candidate: dict[str, Any] = {"content": {"parts": [{"functionCall": call} for call in calls]}}
    return {"candidates": [{**candidate, **({"finishReason": finish} if finish else {})}]}


def part(path: str, **value: Any) -> dict[str, Any]:
    return {"partialArgs": [{"jsonPath": path, **value}], "willContinue": True}


GROWING = {"jsonPath": "$.a", "stringValue": "x", "willContinue": True}
START: dict[str, Any] = {"name": "f", "willContinue": True}


def calls_of(*calls: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return name and arguments of each call for the client."""
    accumulator = chat_accumulator()
    accumulator.feed(calls_chunk(*calls))
    made: Any = accumulator.completion()["choices"][0]["message"]["tool_calls"]
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in made]


def args_of(*calls: dict[str, Any]) -> Any:
    accumulator = chat_accumulator()
    accumulator.feed(calls_chunk(*calls))
    return accumulator.contents[0]["parts"][0]["functionCall"]["args"]


def test_a_string_is_continued_with_will_continue() -> None:
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
        ("$['it\\'s']", {"it's": 1}),
        ('$["\\"]"]', {'"]': 1}),
        ("$['\\u00e9\\ud83d\\ude00\\n']", {"é😀\n": 1}),
        ("$['']", {"": 1}),
        ("$ .a[ 0 ] [ 'b' ]", {"a": [{"b": 1}]}),
    ],
)
def test_paths_address_objects_and_arrays(path: str, expected: Any) -> None:
    assert args_of(START, part(path, numberValue=1), {}) == expected


def test_all_kinds_of_values_are_read() -> None:
    calls = [part("$.n", nullValue="NULL_VALUE"), part("$.b", boolValue=False), part("$.x", numberValue=1.5)]
    assert args_of(START, *calls, {}) == {"n": None, "b": False, "x": 1.5}


def test_an_unclosed_call_is_sent_at_the_end_of_the_response() -> None:
    accumulator = chat_accumulator()
    assert accumulator.feed(calls_chunk(START, part("$.a", numberValue=1), finish=None)) == []
    assert len(accumulator.feed(calls_chunk())) == 2
    assert accumulator.messages[0]["tool_calls"][0]["function"]["arguments"] == '{"a":1}'  # type: ignore[typeddict-item]


def test_the_next_named_call_closes_the_previous_call() -> None:
    accumulator = chat_accumulator()
    accumulator.feed(calls_chunk(START, {**START, "name": "g"}))
    assert [call["function"]["name"] for call in accumulator.messages[0]["tool_calls"]] == ["f", "g"]  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    "calls",
    [
        [{"args": {"a": 1}}],
        [part("$.a", numberValue=1), {}],
        [{"name": "f", "args": {}}, {"args": {"a": 1}}],
        [{"name": "f", "id": "1", "willContinue": True}, {"id": "1"}, {"id": "1", "args": {"a": 1}}],
        [{"name": "f", "id": "1", "willContinue": True}, {"id": "2", "args": {"a": 1}}],
    ],
    ids=["no name", "no name in pieces", "behind a whole call", "behind its own end", "another id"],
)
def test_arguments_without_a_call_are_an_upstream_error(calls: list[dict[str, Any]]) -> None:
    with pytest.raises(UpstreamError) as caught:
        chat_accumulator().feed(calls_chunk(*calls))
    assert caught.value.code == "upstream_malformed_answer"


def test_a_part_of_a_call_after_the_end_is_an_upstream_error() -> None:
    accumulator = chat_accumulator()
    accumulator.feed(calls_chunk(START))
    accumulator.feed(calls_chunk(part("$.a", numberValue=1), finish=None))
    with pytest.raises(UpstreamError):
        accumulator.finish()


def test_an_end_without_a_call_loses_no_content() -> None:
    assert calls_of({"name": "f", "args": {"a": 1}}, {}) == [("f", {"a": 1})]


def test_an_incomplete_value_is_noted() -> None:
    for finish in ("STOP", "MAX_TOKENS"):
        for last in (part("$.a", stringValue="x", willContinue=True), {"partialArgs": [GROWING]}):
            accumulator = chat_accumulator()
            accumulator.feed(calls_chunk(START, last, finish=finish))
            made: Any = accumulator.completion()["choices"][0]["message"]["tool_calls"]
            assert made[0]["function"]["arguments"] == '{"a":"x"}'
            assert [(note.kind, note.param) for note in accumulator.notes] == [
                ("dropped", "choices[0].message.tool_calls")
            ]


def test_a_call_with_all_its_values_is_not_noted() -> None:
    accumulator = chat_accumulator()
    accumulator.feed(calls_chunk(START, part("$.a", stringValue="x")))
    assert accumulator.completion()["choices"][0]["message"]["tool_calls"]
    assert not accumulator.notes


FORMS: dict[str, list[dict[str, Any]]] = {
    "name first": [START, part("$.a", stringValue="x", willContinue=True), part("$.a", stringValue="y"), {}],
    "name last": [part("$.a", stringValue="xy"), {"name": "f"}],
    "name behind all arguments": [{"args": {"a": "xy"}}, {"name": "f"}],
    "name in each part": [START, {"name": "f", **part("$.a", stringValue="xy")}, {"name": "f"}],
    "name and id in each part": [
        {**START, "id": "1"},
        {"name": "f", "id": "1", **part("$.a", stringValue="xy")},
        {"name": "f", "id": "1"},
    ],
    "id later": [START, {"id": "1", **part("$.a", stringValue="xy")}, {}],
    "id last": [START, part("$.a", stringValue="xy"), {"id": "1"}],
    "id alone first": [{"id": "1"}, {"id": "1", "name": "f"}, {"id": "1", "args": {"a": "xy"}}],
    "arguments behind a name alone": [{"name": "f"}, {"args": {"a": "xy"}}],
    "arguments more than once": [{"name": "f", "args": {}, "willContinue": True}, {"args": {"a": "xy"}}],
    "an end without a value": [START, part("$.a", stringValue="xy", willContinue=True), part("$.a"), {}],
    "a beginning without a value": [START, part("$.a", willContinue=True), part("$.a", stringValue="xy"), {}],
    "the same value twice": [START, part("$.a", stringValue="xy"), part("$.a", stringValue="xy"), {}],
    "no end": [START, part("$.a", stringValue="x", willContinue=True), part("$['a']", stringValue="y")],
}


@pytest.mark.parametrize("calls", FORMS.values(), ids=FORMS)
def test_a_call_in_chunks_equals_the_whole_call(calls: list[dict[str, Any]]) -> None:
    assert calls_of(*calls) == [("f", {"a": "xy"})]
    accumulator = chat_accumulator()
    for call in calls:
        accumulator.feed(calls_chunk(call, finish=None))
    accumulator.feed(calls_chunk())
    completion: Any = accumulator.completion()
    [made] = completion["choices"][0]["message"]["tool_calls"]
    assert json.loads(made["function"]["arguments"]) == {"a": "xy"}


def test_calls_with_ids_may_be_interleaved() -> None:
    assert calls_of(
        {**START, "id": "1"},
        {"id": "2", "name": "g", "willContinue": True},
        {"id": "1", **part("$.a", stringValue="x", willContinue=True)},
        {"id": "2", **part("$.a", stringValue="z")},
        {"id": "2"},
        {"id": "1", **part("$.a", stringValue="y")},
        {"id": "1"},
    ) == [("f", {"a": "xy"}), ("g", {"a": "z"})]


def test_whole_and_partial_arguments_are_merged() -> None:
    first = {"name": "f", "args": {"a": {"b": 1}}, "willContinue": True}
    assert args_of(first, part("$.a.c", numberValue=2), {"args": {"a": {"d": 3}}}) == {"a": {"b": 1, "c": 2, "d": 3}}


def test_a_text_between_two_parts_of_a_call_does_not_change_the_call() -> None:
    accumulator = chat_accumulator()
    accumulator.feed(calls_chunk(START, finish=None))
    accumulator.feed({"candidates": [{"content": {"parts": [{"text": "So: "}]}}]})
    accumulator.feed(calls_chunk(part("$.a", numberValue=1), {}))
    message: Any = accumulator.completion()["choices"][0]["message"]
    assert (message["content"], message["tool_calls"][0]["function"]["arguments"]) == ("So: ", '{"a":1}')


def test_a_signature_in_a_later_part_belongs_to_the_call() -> None:
    accumulator = chat_accumulator()
    parts: Any = [{"functionCall": START}, {"functionCall": {}, "thoughtSignature": "c2ln"}]
    accumulator.feed({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]})
    assert accumulator.contents[0]["parts"][0]["thoughtSignature"] == "c2ln"


def test_array_items_come_in_any_order() -> None:
    calls = [part(f"$.a[{index}]", numberValue=index) for index in (2, 0, 1)]
    assert args_of(START, *calls, {}) == {"a": [0, 1, 2]}


def test_a_long_string_is_joined_in_linear_time() -> None:
    calls = [part("$.a", stringValue="word", willContinue=True)] * 50_000
    assert args_of(START, *calls, {}) == {"a": "word" * 50_000}


CONTRADICTIONS: dict[str, list[dict[str, Any]]] = {
    "another value": [part("$.a", numberValue=1), part("$.a", numberValue=2)],
    "a string that had ended": [part("$.a", stringValue="x"), part("$.a", stringValue="y")],
    "a value inside null": [part("$.a", nullValue=None), part("$.a.b", numberValue=1)],
    "a value for an object": [part("$.a.b", numberValue=1), part("$.a", numberValue=2)],
    "a number in a string": [part("$.a", stringValue="x", willContinue=True), part("$.a", numberValue=1)],
    "two values": [part("$.a", stringValue="x", numberValue=1)],
    "a value of a wrong type": [part("$.a", stringValue=1)],
    "a kind of value that is not known": [part("$.a", structValue={})],
    "other whole arguments": [part("$.a", numberValue=1), {"args": {"a": 2}}],
}


@pytest.mark.parametrize("calls", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_no_value_replaces_another_one(calls: list[dict[str, Any]]) -> None:
    with pytest.raises(UpstreamError):
        chat_accumulator().feed(calls_chunk(START, *calls))


def test_another_name_under_the_same_id_is_an_upstream_error() -> None:
    with pytest.raises(UpstreamError):
        chat_accumulator().feed(calls_chunk({**START, "id": "1"}, {"id": "1", "name": "g"}))


# Any arguments, and any way to cut the call into parts.
LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=6)
KEYS = st.text(max_size=4).filter(lambda key: key.isprintable())
ARGS = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(KEYS, inner, min_size=1, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


def leaves(value: Any, path: str = "$") -> list[tuple[str, Any]]:
    """Return each scalar in `value` by its normalized path."""
    if isinstance(value, dict):
        named = [(f"[{quoted(key)}]", inner) for key, inner in value.items()]
    elif isinstance(value, list):
        named = [(f"[{index}]", inner) for index, inner in enumerate(value)]
    else:
        return [(path, value)]
    return [leaf for step, inner in named for leaf in leaves(inner, path + step)]


def quoted(key: str) -> str:
    return "'" + json.dumps(key)[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"


@st.composite
def cut_calls(draw: st.DrawFn) -> tuple[list[tuple[str, Any]], list[dict[str, Any]]]:
    """Return calls and their parts; the parts of calls with ids may be interleaved."""
    made: list[tuple[str, Any]] = []
    queues: list[list[dict[str, Any]]] = []
    ids = draw(st.booleans())
    for number in range(draw(st.integers(1, 3))):
        name, args = f"f{number}", draw(ARGS)
        made.append((name, args))
        queue = [{"willContinue": True}, *draw(entries(args)), {}]
        queue[draw(st.integers(0, len(queue) - 1)) if ids else 0]["name"] = name
        queues.append([{**piece, "id": name} for piece in queue] if ids else queue)
    parts = [queue.pop(0) for queue in queues] if ids else []
    while any(queues):
        queue = draw(st.sampled_from([queue for queue in queues if queue])) if ids else next(filter(None, queues))
        parts.append(queue.pop(0))
    return made, parts


@st.composite
def entries(draw: st.DrawFn, args: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parts for each value of `args`, in any order, strings in two chunks."""
    parts = []
    for path, value in draw(st.permutations(leaves(args) if args else [])):
        if isinstance(value, str):
            cut = draw(st.integers(0, len(value)))
            parts.append(part(path, stringValue=value[:cut], willContinue=True))
            parts.append(part(path, stringValue=value[cut:]))
        else:
            kind = "nullValue" if value is None else "boolValue" if isinstance(value, bool) else "numberValue"
            parts.append(part(path, **{kind: value}))
    return parts


@given(cut_calls(), st.data())
@settings(max_examples=300, deadline=None)
def test_any_way_of_cutting_calls_gives_the_same_calls(
    cut: tuple[list[tuple[str, Any]], list[dict[str, Any]]], data: st.DataObject
) -> None:
    made, parts = cut
    assert calls_of(*parts) == made
    chunks: list[Any] = []
    while parts:
        size = data.draw(st.integers(1, len(parts)))
        chunks.append(calls_chunk(*parts[:size], finish=None))
        parts = parts[size:]
    chunks.append(calls_chunk())
    pairs = [(0, chunk) for chunk in chunks]
    plain = plain_of(chat_accumulator(), pairs)
    assert accumulate(stream_of(chat_accumulator(), pairs)) == choices_of(plain)
    calls = plain["choices"][0]["message"]["tool_calls"]
    assert [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls] == made


ANY_PART = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["f", "g"]),
        "id": st.sampled_from(["1", "2"]),
        "args": st.sampled_from([{}, {"a": "x"}, {"b": 1}]),
        "willContinue": st.booleans(),
        "partialArgs": st.lists(
            st.fixed_dictionaries(
                {"jsonPath": st.sampled_from(["$.a", "$.b", "$.c[0]", "$.c[1]"])},
                optional={"stringValue": st.sampled_from(["x", "y"]), "willContinue": st.booleans()},
            ),
            max_size=2,
        ),
    },
)


@given(st.lists(ANY_PART, max_size=6))
@settings(max_examples=500, deadline=None)
def test_no_argument_is_lost_in_any_order_of_parts(calls: list[dict[str, Any]]) -> None:
    accumulator = chat_accumulator()
    try:
        accumulator.feed(calls_chunk(*calls))
        accumulator.completion()
    except UpstreamError:
        return
    message: Any = accumulator.messages[0]
    given = "".join(made["function"]["arguments"] for made in message.get("tool_calls", ()))
    for call in calls:
        assert all(f'"{key}":' in given for key in call.get("args", ()))
        assert all(f'"{entry["jsonPath"][2]}":' in given for entry in call.get("partialArgs", ()))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a",
        "$",
        "$.",
        "$.a..b",
        "$.a[x]",
        "$.a[99999]",
        "$.a[0].b[0",
        "$.*",
        "$.a[-1]",
        "$['\\q']",
        "$['\\ud83d']",
        3,
        None,
    ],
)
def test_invalid_paths_are_an_upstream_error(path: Any) -> None:
    with pytest.raises(UpstreamError):
        chat_accumulator().feed(calls_chunk(START, part(path, numberValue=1)))


def test_a_path_that_contradicts_an_earlier_one_is_an_upstream_error() -> None:
    with pytest.raises(UpstreamError):
        chat_accumulator().feed(calls_chunk(START, part("$.a", numberValue=1), part("$.a.b", numberValue=2)))
