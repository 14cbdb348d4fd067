"""Golden requests: OpenAI's body in, Gemini's out, byte for byte; `UPDATE_GOLDEN=1` writes what comes out.

A case names its model in `profile.json` (`{"name": ...}`, overrides beside it); without one it is a Gemini 3 model.
`gemini_request.json` is the body as sent, or a list of bodies for several prompts; `translation.json` is what the
translation says beside it: notes, placement, parallel calls and changed names.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.openai.chat_request import parse_chat_completion
from api.openai.completion_request import parse_completion
from api.translate.chat.request import UpstreamCall, chat_to_gemini
from api.translate.completions.request import completion_to_gemini
from sessions_store.model_profile import ModelProfile
from tests.unit.translate.requests import FLASH_3, PROFILES, ROOT, judge

GOLDEN = ROOT / "tests" / "golden"
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
CASES = sorted(path.parent for path in GOLDEN.glob("request_*/openai_request.json"))


def name(case: Path) -> str:
    return case.name


def profile_of(case: Path) -> ModelProfile:
    """Return the profile that a case asks, FLASH_3 unless it brings its own."""
    path = case / "profile.json"
    if not path.exists():
        return FLASH_3
    fields = json.loads(path.read_text("utf-8"))
    return replace(PROFILES[fields.pop("name")], **fields)


def calls_of(case: Path) -> Sequence[UpstreamCall]:
    """Return the translation of a case's request, of whichever dialect."""
    body = (case / "openai_request.json").read_bytes()
    profile = profile_of(case)
    if "prompt" in json.loads(body):
        return completion_to_gemini(parse_completion(body), profile=profile)
    return [chat_to_gemini(parse_chat_completion(body), profile=profile)]


def said(call: UpstreamCall) -> dict[str, Any]:
    """Return what the translation says beside the body."""
    return {
        "notes": [str(note) for note in call.notes],
        "placement": call.placement,
        "parallel": call.parallel,
        "tool_names": dict(call.tool_names),
    }


def check(path: Path, values: list[Any]) -> None:
    text = json.dumps(values[0] if len(values) == 1 else values, ensure_ascii=False, indent=2) + "\n"
    if UPDATE:
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text


def test_there_are_cases() -> None:
    assert len(CASES) >= 15


@pytest.mark.parametrize("case", CASES, ids=name)
def test_request(case: Path) -> None:
    calls = calls_of(case)
    for call in calls:
        judge(call, profile_of(case))
    check(case / "gemini_request.json", [call.body for call in calls])
    check(case / "translation.json", [said(call) for call in calls])
