"""Runs of Google's code interpreter as items: every result is on the item of its run."""

from typing import Any

import pytest

from api.translate.responses.output.code_runs import MOST_OPEN
from tests.unit.responses.building import accumulator_of, gemini_chunk, parsed, plain_of, stream_of


def code(words: str, run: str = "") -> Any:
    return {"executableCode": {"language": "PYTHON", "code": words, **({"id": run} if run else {})}}


def result(output: str, run: str = "", outcome: str = "OUTCOME_OK") -> Any:
    return {"codeExecutionResult": {"outcome": outcome, "output": output, **({"id": run} if run else {})}}


def text(words: str) -> Any:
    return {"text": words}


# The parts of a response, and the items of the runs: code and output.
RUNS: dict[str, tuple[list[Any], list[tuple[str, list[str]]]]] = {
    "several results of one run": ([code("f()"), result("1\n"), result("2\n"), text("So.")], [("f()", ["1\n", "2\n"])]),
    "a run that nothing follows": ([code("f()"), result("1\n"), result("2\n")], [("f()", ["1\n", "2\n"])]),
    "words before the results": (
        [code("f()"), text("Wait. "), result("1\n"), result("2\n"), text("So.")],
        [("f()", ["1\n", "2\n"])],
    ),
    "two runs one after the other": (
        [code("f()"), result("1\n"), result("2\n"), code("g()"), result("3\n")],
        [("f()", ["1\n", "2\n"]), ("g()", ["3\n"])],
    ),
    "two runs at once, by their ids": (
        [code("f()", "a"), code("g()", "b"), result("1\n", "b"), result("2\n", "a"), result("3\n", "a")],
        [("f()", ["2\n", "3\n"]), ("g()", ["1\n"])],
    ),
    "two runs at once, in their order": (
        [code("f()"), code("g()"), result("1\n"), result("2\n")],
        [("f()", ["1\n"]), ("g()", ["2\n"])],
    ),
    "a result that came after its run had ended": (
        [code("f()", "a"), result("1\n", "a"), text("Wait. "), result("2\n", "a")],
        [("f()", ["1\n"]), ("", ["2\n"])],
    ),
    "a result without a run": ([result("1\n"), text("So.")], [("", ["1\n"])]),
    "a failure without a word": (
        [code("f()"), result("", outcome="OUTCOME_DEADLINE_EXCEEDED")],
        [("f()", ["OUTCOME_DEADLINE_EXCEEDED"])],
    ),
    "a run without a result": ([code("f()"), text("So.")], [("f()", [])]),
    "a run that printed nothing": ([code("f()"), result(""), text("So.")], [("f()", [])]),
}


@pytest.mark.parametrize(("parts", "expected"), RUNS.values(), ids=RUNS)
def test_every_result_is_on_the_item_of_its_run(parts: list[Any], expected: list[tuple[str, list[str]]]) -> None:
    chunks = [*(gemini_chunk(part) for part in parts), gemini_chunk(finish="STOP")]
    output = plain_of(accumulator_of(parsed()), [gemini_chunk(*parts, finish="STOP")])["output"]
    events = stream_of(accumulator_of(parsed()), chunks)
    assert events[-1]["response"]["output"] == output
    ends = {event["output_index"]: event["item"] for event in events if event["type"] == "response.output_item.done"}
    assert [ends[index] for index in sorted(ends)] == output

    runs = [item for item in output if item["type"] == "code_interpreter_call"]
    shown = [(item["code"], [printed["logs"] for printed in item["outputs"] or ()]) for item in runs]
    assert shown == expected
    assert {item["status"] for item in runs} == {"completed"}
    said = "".join(part["text"] for item in output if item["type"] == "message" for part in item["content"])
    assert said == "".join(part.get("text", "") for part in parts)


def test_runs_beyond_the_limit_of_open_runs_are_ended_in_order() -> None:
    parts = [code(str(number)) for number in range(MOST_OPEN + 3)]
    accumulator = accumulator_of(parsed())
    events: Any = accumulator.feed(gemini_chunk(*parts))
    assert [event["item"]["code"] for event in events if event["type"] == "response.output_item.done"] == [
        "0",
        "1",
        "2",
    ]
    output = plain_of(accumulator, [gemini_chunk(result("1\n"), finish="STOP")])["output"]
    assert output[3]["outputs"] == [{"type": "logs", "logs": "1\n"}]
