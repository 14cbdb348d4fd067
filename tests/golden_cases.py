"""The golden cases: a folder in `tests/golden/` for each dialect, with a folder for each case.

A case has `openai_request.json` and Gemini's request, response or stream. `UPDATE_GOLDEN=1` writes the output of the
translation; `.ci/run` rejects the variable.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).with_name("golden")
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"

REQUEST = "openai_request.json"
# Gemini's response (or a list with one response per call), or the chunks of a stream.
RESPONSE, STREAM = "gemini_response.json", "gemini_stream.jsonl"


def cases(*dialects: str, holding: str = REQUEST) -> list[Path]:
    """Return the cases with a file of the dialects ("chat", "completions", "responses"; by default all)."""
    return sorted(path.parent for dialect in dialects or ("*",) for path in GOLDEN.glob(f"{dialect}/*/{holding}"))


def parametrize(cases: Iterable[Path]) -> pytest.MarkDecorator:
    """Run a test for each case, as its argument `case`."""
    return pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.parent.name}-{case.name}") for case in cases])


def read(path: Path) -> Any:
    """Return the value of a JSON file."""
    return json.loads(path.read_text("utf-8"))


def read_lines(path: Path) -> list[Any]:
    """Return the values of a file with a JSON value in each line."""
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def check(path: Path, value: Any) -> None:
    """Compare a value with a JSON file, byte for byte."""
    _check(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def check_lines(path: Path, values: Iterable[Any]) -> None:
    """Compare values with the lines of a file, byte for byte."""
    lines = (json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in values)
    _check(path, "".join(f"{line}\n" for line in lines))


def _check(path: Path, text: str) -> None:
    if UPDATE:
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text
