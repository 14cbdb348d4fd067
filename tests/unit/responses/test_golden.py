"""Golden responses: OpenAI's request to Gemini's, Gemini's response to OpenAI's (see `tests/golden_cases.py`).

A case has `openai_request.json` and one or both directions: `gemini_request.json` with further values of the
translation (`translation.json`), and `gemini_stream.jsonl` with the events and the accumulated plain response.
"""

from pathlib import Path

from api.openai.responses.request import ResponsesRequest, parse_responses
from api.translate.responses.request import responses_to_gemini
from tests.golden_cases import REQUEST, STREAM, cases, check, check_lines, parametrize, read, read_lines
from tests.unit.responses.building import accumulator_of, own_messages, plain_of, stream_of
from tests.unit.translate.requests import FLASH_3, PROFILES, judge

CASES = cases("responses")
ANSWERS = cases("responses", holding=STREAM)


def request_of(case: Path) -> ResponsesRequest:
    return parse_responses((case / REQUEST).read_bytes())


def test_golden_responses_are_found() -> None:
    assert len(CASES) >= 10
    assert len(ANSWERS) >= 5


@parametrize(CASES)
def test_request(case: Path) -> None:
    profile = FLASH_3
    if (case / "profile.json").exists():
        profile = PROFILES[read(case / "profile.json")["name"]]
    request = request_of(case)
    call = responses_to_gemini(request, own=own_messages(request, profile.family), profile=profile)
    judge(call, profile)
    check(case / "gemini_request.json", call.body)
    remarks = {
        "notes": [str(note) for note in call.notes],
        "placement": call.placement,
        "tool_names": dict(call.tool_names),
    }
    check(case / "translation.json", remarks)


@parametrize(ANSWERS)
def test_answer(case: Path) -> None:
    responses = read_lines(case / STREAM)
    events = stream_of(accumulator_of(request_of(case)), responses)
    check_lines(case / "openai_stream.jsonl", events)
    plain = plain_of(accumulator_of(request_of(case)), responses)
    check(case / "openai_response.json", plain)
    assert events[-1]["response"] == plain
