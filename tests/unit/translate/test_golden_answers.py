"""Golden answers: Gemini's response or stream in, OpenAI's out, byte for byte; `UPDATE_GOLDEN=1` writes what comes out.

A stream's case also holds the plain answer that its chunks must add up to.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.unit.translate.answers import ROOT, answer_for, choices_of, fold, plain_of, stream_of

GOLDEN = ROOT / "tests" / "golden"
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
PLAIN = sorted(path.parent for path in GOLDEN.glob("[ac]*/gemini_response.json"))
STREAMS = sorted(path.parent for path in GOLDEN.glob("[ac]*/gemini_stream.jsonl"))


def name(case: Path) -> str:
    return case.name


def request_of(case: Path) -> dict[str, Any]:
    request: dict[str, Any] = json.loads((case / "openai_request.json").read_text("utf-8"))
    return request


def responses_of(case: Path) -> list[tuple[int, Any]]:
    """Return (first choice, response) pairs; a list in gemini_response.json is one response for each upstream call."""
    stream = case / "gemini_stream.jsonl"
    if stream.exists():
        return [(0, json.loads(line)) for line in stream.read_text("utf-8").split("\n") if line]
    response = json.loads((case / "gemini_response.json").read_text("utf-8"))
    return list(enumerate(response)) if isinstance(response, list) else [(0, response)]


def check(path: Path, text: str) -> None:
    if UPDATE:
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text


def pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def lines(values: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n" for value in values)


@pytest.mark.parametrize("case", PLAIN, ids=name)
def test_plain_answer(case: Path) -> None:
    check(case / "openai_response.json", pretty(plain_of(answer_for(request_of(case)), responses_of(case))))


@pytest.mark.parametrize("case", STREAMS, ids=name)
def test_stream(case: Path) -> None:
    check(case / "openai_stream.jsonl", lines(stream_of(answer_for(request_of(case)), responses_of(case))))


@pytest.mark.parametrize("case", STREAMS, ids=name)
def test_stream_adds_up_to_the_plain_answer(case: Path) -> None:
    plain = plain_of(answer_for(request_of(case)), responses_of(case))
    check(case / "openai_response.json", pretty(plain))
    chunks = [json.loads(line) for line in (case / "openai_stream.jsonl").read_text("utf-8").split("\n") if line]
    assert fold(chunks) == choices_of(plain)
    if chunks[-1].get("usage"):
        assert chunks[-1]["usage"] == plain["usage"]


@pytest.mark.parametrize("case", PLAIN, ids=name)
def test_plain_response_streams_to_the_same_answer(case: Path) -> None:
    chunks = stream_of(answer_for(request_of(case)), responses_of(case))
    plain = json.loads((case / "openai_response.json").read_text("utf-8"))
    assert fold(chunks) == choices_of(plain)
