"""The arguments of calls in the history: any text is accepted (rule 22)."""

from time import process_time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.translate.request.upstream_call import UpstreamCall
from tests.exchanges import user_message
from tests.unit.translate.requests import WEATHER_TOOL, assistant, call, noted, result, translate

DEEP = '{"a":' * 90 + "1" + "}" * 90
BOTTOMLESS = '{"a":[' * 50_000
PARAM = "messages[1].tool_calls[0].function.arguments"


def sent(arguments: str) -> tuple[Any, UpstreamCall]:
    """Return the sent arguments and the whole request."""
    history = [user_message(), assistant(tool_calls=[call("c1", arguments=arguments)]), result("c1")]
    upstream = translate(*history, tools=[WEATHER_TOOL])
    return upstream.body["contents"][1]["parts"][0]["functionCall"]["args"], upstream


READ: dict[str, tuple[str, Any]] = {
    "cut in a text": ('{"value": "abc', {"unparsed_arguments": '{"value": "abc'}),
    "cut in the second text": (
        '{"path": "a.py", "text": "def f(',
        {"path": "a.py", "unparsed_arguments": '"text": "def f('},
    ),
    "cut in a nested object": ('{"a": 1, "b": {"c": [1, 2', {"a": 1, "unparsed_arguments": '"b": {"c": [1, 2'}),
    "cut in a number": ('{"a": "x", "b": 12', {"a": "x", "unparsed_arguments": '"b": 12'}),
    "cut in a fraction": ('{"a": "x", "b": 1.', {"a": "x", "unparsed_arguments": '"b": 1.'}),
    "cut in a name": ('{"a": true, "b', {"a": True, "unparsed_arguments": '"b'}),
    "cut in an escape": ('{"a": null, "b": "\\u00', {"a": None, "unparsed_arguments": '"b": "\\u00'}),
    "cut after a comma": ('{"a": 1,', {"a": 1}),
    "cut before the brace": ('{"a": [1]', {"a": [1]}),
    "a brace too many": ('{"a": 1}}', {"a": 1}),
    "a trailing comma": ('{"a": 1,}', {"a": 1}),
    "two objects": ('{"a": 1} {"b": 2}', {"a": 1, "unparsed_arguments": '{"b": 2}'}),
    "opening brace": ("{", {"unparsed_arguments": "{"}),
    "single quotes": ("{'a': 1}", {"unparsed_arguments": "{'a': 1}"}),
    "no JSON": ("city=Paris", {"unparsed_arguments": "city=Paris"}),
    "array": ("[1, 2]", {"unparsed_arguments": "[1, 2]"}),
    "number": ("5", {"unparsed_arguments": "5"}),
    "false": ("false", {"unparsed_arguments": "false"}),
    "text": ('"Paris"', {"unparsed_arguments": '"Paris"'}),
    "object in a text": ('"{\\"city\\": \\"Paris\\"}"', {"city": "Paris"}),
    "null": ("null", {}),
    "NaN": ('{"a": NaN, "b": [-Infinity, 1]}', {"a": "NaN", "b": ["-Infinity", 1]}),
    "overflow": ('{"a": 1e999, "b": 1.5}', {"a": "1e999", "b": 1.5}),
    "5,000 digits": (f'{{"a": {"1" * 5000}, "b": 7}}', {"a": "1" * 5000, "b": 7}),
    "line break in a text": ('{"a": "x\ny"}', {"a": "x\ny"}),
    "90 levels": (DEEP, {"unparsed_arguments": DEEP}),
    "90 levels and cut": (DEEP[:-1] + ",", {"unparsed_arguments": DEEP[:-1] + ","}),
    "100,000 levels": (BOTTOMLESS, {"unparsed_arguments": BOTTOMLESS}),
    "NUL": (r'{"a": "x\u0000", "b\u0000": 1}', {"a": "x\ufffd", "b\ufffd": 1}),
    "half of a surrogate pair": (r'{"a": "x\ud83d", "b": "\ud83d\ude00"}', {"a": "x\ufffd", "b": "😀"}),
    "half of a surrogate pair, cut": (r'{"a": "\ud83d", "b', {"a": "\ufffd", "unparsed_arguments": '"b'}),
    "own key": ('{"unparsed_arguments": 1, "b', {"unparsed_arguments": '{"unparsed_arguments": 1, "b'}),
}


@pytest.mark.parametrize(("arguments", "value"), READ.values(), ids=READ.keys())
def test_rule_022_readable_arguments_are_sent(arguments: str, value: Any) -> None:
    args, upstream = sent(arguments)
    assert args == value
    assert [kind for kind, param in noted(upstream) if param == PARAM] == ["converted"]


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ("", {}),
        (" \n", {}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        (r'{"code": "\\u0000 \\ud83d"}', {"code": r"\u0000 \ud83d"}),
        (r'{"a": "\ud83d\ude00"}', {"a": "😀"}),
    ],
)
def test_rule_022_valid_arguments_are_sent_without_a_note(arguments: str, value: Any) -> None:
    args, upstream = sent(arguments)
    assert args == value
    assert PARAM not in {param for _, param in noted(upstream)}


def test_rule_022_a_legacy_call_is_named_by_its_own_parameter() -> None:
    legacy = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "[1"}}
    upstream = translate(user_message(), legacy, {"role": "function", "name": "f", "content": "1"})
    assert upstream.body["contents"][1]["parts"][0]["functionCall"]["args"] == {"unparsed_arguments": "[1"}
    assert ("converted", "messages[1].function_call.arguments") in noted(upstream)


@given(st.text(st.sampled_from('{}[]",:\\ \n0-1.eENaNtrufal\ufffdé'), max_size=40))
def test_rule_022_any_text_is_accepted(arguments: str) -> None:
    args, _ = sent(arguments)
    assert type(args) is dict
    assert orjson.loads(orjson.dumps(args)) == args


@given(st.dictionaries(st.text(max_size=4), st.text(max_size=8) | st.integers(0, 99), max_size=4), st.integers(0, 60))
def test_rule_022_values_read_of_a_cut_object_are_part_of_it(value: dict[str, Any], length: int) -> None:
    text = orjson.dumps(value).decode()[:length]
    args, _ = sent(text)
    args.pop("unparsed_arguments", None)
    assert args.items() <= {name.replace("\0", "\ufffd"): _sound(item) for name, item in value.items()}.items()


def _sound(item: Any) -> Any:
    return item.replace("\0", "\ufffd") if isinstance(item, str) else item


@pytest.mark.parametrize("unit", ['{"a":', '"a":1,', "\\", "[", '{"a":1}', " ", "1", '"'])
def test_the_work_of_reading_arguments_grows_with_the_length_only(unit: str) -> None:
    def seconds(units: int) -> float:
        began = process_time()
        sent('{"x": 1, ' + unit * units)
        return process_time() - began

    seconds(1000)
    assert seconds(200_000) < 40 * max(seconds(20_000), 0.002)
