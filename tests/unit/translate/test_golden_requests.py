"""Golden requests: OpenAI's body to Gemini's (see `tests/golden_cases.py`).

A case names its model in `profile.json` (`{"name": ...}` and overrides); the default is a Gemini 3 model.
`gemini_request.json` is the sent body, or a list of bodies for several prompts; `translation.json` has the further
values of the translation: notes, placement, parallel calls and changed names.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from api.openai.chat.request import parse_chat_completion
from api.openai.completions.request import parse_completion
from api.translate.chat.request import UpstreamCall, chat_to_gemini
from api.translate.completions.request import completion_to_gemini
from sessions_store.catalogue.model_profile import ModelProfile
from tests.golden_cases import REQUEST, RESPONSE, STREAM, cases, check, parametrize, read
from tests.unit.translate.requests import FLASH_3, PROFILES, judge

ANSWERED = {*cases(holding=RESPONSE), *cases(holding=STREAM)}
CASES = [case for case in cases("chat", "completions") if case not in ANSWERED]


def profile_of(case: Path) -> ModelProfile:
    """Return the profile of a case, by default FLASH_3."""
    path = case / "profile.json"
    if not path.exists():
        return FLASH_3
    fields = read(path)
    return replace(PROFILES[fields.pop("name")], **fields)


def calls_of(case: Path) -> Sequence[UpstreamCall]:
    """Return the translation of a case's request; a legacy completion is a call for each prompt."""
    body = (case / REQUEST).read_bytes()
    profile = profile_of(case)
    if case.parent.name == "completions":
        return completion_to_gemini(parse_completion(body), profile=profile)
    return [chat_to_gemini(parse_chat_completion(body), profile=profile)]


def remarks(call: UpstreamCall) -> dict[str, Any]:
    """Return the values of the translation beside the body."""
    return {
        "notes": [str(note) for note in call.notes],
        "placement": call.placement,
        "parallel": call.parallel,
        "tool_names": dict(call.tool_names),
    }


def check_all(path: Path, values: list[Any]) -> None:
    """Compare the values of all calls with a file; the value of a single call is not in a list."""
    check(path, values[0] if len(values) == 1 else values)


def test_golden_requests_are_found() -> None:
    assert len(CASES) >= 15
    assert {case.parent.name for case in CASES} == {"chat", "completions"}


@parametrize(CASES)
def test_request(case: Path) -> None:
    calls = calls_of(case)
    for call in calls:
        judge(call, profile_of(case))
    check_all(case / "gemini_request.json", [call.body for call in calls])
    check_all(case / "translation.json", [remarks(call) for call in calls])
