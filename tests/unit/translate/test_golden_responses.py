"""Golden responses: Gemini's response or stream to OpenAI's (see `tests/golden_cases.py`).

The case of a stream also has the plain response that its chunks accumulate to.
"""

from pathlib import Path
from typing import Any

from tests.golden_cases import REQUEST, RESPONSE, STREAM, cases, check, check_lines, parametrize, read, read_lines
from tests.unit.translate.accumulators import accumulate, accumulator_for, choices_of, plain_of, stream_of

PLAIN = cases("chat", "completions", holding=RESPONSE)
STREAMS = cases("chat", "completions", holding=STREAM)


def responses_of(case: Path) -> list[tuple[int, Any]]:
    """Return (first choice, response) pairs; a list in gemini_response.json is one response for each upstream call."""
    if (case / STREAM).exists():
        return [(0, response) for response in read_lines(case / STREAM)]
    response = read(case / RESPONSE)
    return list(enumerate(response)) if isinstance(response, list) else [(0, response)]


def test_golden_response_cases_are_found() -> None:
    assert {case.parent.name for case in PLAIN} == {case.parent.name for case in STREAMS} == {"chat", "completions"}


@parametrize(PLAIN)
def test_plain_answer(case: Path) -> None:
    check(case / "openai_response.json", plain_of(accumulator_for(read(case / REQUEST)), responses_of(case)))


@parametrize(STREAMS)
def test_a_client_reads_a_stream(case: Path) -> None:
    check_lines(case / "openai_stream.jsonl", stream_of(accumulator_for(read(case / REQUEST)), responses_of(case)))


@parametrize(STREAMS)
def test_stream_adds_up_to_the_plain_answer(case: Path) -> None:
    plain = plain_of(accumulator_for(read(case / REQUEST)), responses_of(case))
    check(case / "openai_response.json", plain)
    chunks = read_lines(case / "openai_stream.jsonl")
    assert accumulate(chunks) == choices_of(plain)
    if chunks[-1].get("usage"):
        assert chunks[-1]["usage"] == plain["usage"]


@parametrize(PLAIN)
def test_a_plain_response_equals_its_stream(case: Path) -> None:
    chunks = stream_of(accumulator_for(read(case / REQUEST)), responses_of(case))
    assert accumulate(chunks) == choices_of(read(case / "openai_response.json"))
