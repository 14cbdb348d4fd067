"""Golden responses: OpenAI's body in, Gemini's out; Gemini's answer in, OpenAI's out. `UPDATE_GOLDEN=1` writes them.

A case holds `openai_request.json` and one or both directions: `gemini_request.json` with what the translation says
beside it (`translation.json`), and `gemini_stream.jsonl` with the events and the plain answer that they add up to.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from api.openai.responses_request import ResponsesRequest, parse_responses
from api.translate.responses.request import responses_to_gemini
from tests.unit.responses.building import answer_to, plain_of, stream_of, turns_of
from tests.unit.translate.requests import FLASH_3, PROFILES, ROOT, judge

GOLDEN = ROOT / "tests" / "golden"
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
CASES = sorted(path.parent for path in GOLDEN.glob("responses_*/openai_request.json"))
ANSWERS = [case for case in CASES if (case / "gemini_stream.jsonl").exists()]


def name(case: Path) -> str:
    return case.name


def request_of(case: Path) -> ResponsesRequest:
    return parse_responses((case / "openai_request.json").read_bytes())


def check(path: Path, text: str) -> None:
    if UPDATE:
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text


def pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def lines(values: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n" for value in values)


def responses_of(case: Path) -> list[Any]:
    return [json.loads(line) for line in (case / "gemini_stream.jsonl").read_text("utf-8").split("\n") if line]


def test_there_are_cases() -> None:
    assert len(CASES) >= 10
    assert len(ANSWERS) >= 5


@pytest.mark.parametrize("case", CASES, ids=name)
def test_request(case: Path) -> None:
    profile = FLASH_3
    if (case / "profile.json").exists():
        profile = PROFILES[json.loads((case / "profile.json").read_text("utf-8"))["name"]]
    request = request_of(case)
    call = responses_to_gemini(request, turns=turns_of(request, profile.family), profile=profile)
    judge(call, profile)
    check(case / "gemini_request.json", pretty(call.body))
    said = {
        "notes": [str(note) for note in call.notes],
        "placement": call.placement,
        "tool_names": dict(call.tool_names),
    }
    check(case / "translation.json", pretty(said))


@pytest.mark.parametrize("case", ANSWERS, ids=name)
def test_answer(case: Path) -> None:
    events = stream_of(answer_to(request_of(case)), responses_of(case))
    check(case / "openai_stream.jsonl", lines(events))
    plain = plain_of(answer_to(request_of(case)), responses_of(case))
    check(case / "openai_response.json", pretty(plain))
    assert events[-1]["response"] == plain
