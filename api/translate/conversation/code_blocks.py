"""Code that Gemini ran, and its output, as fenced Markdown: OpenAI's chat has no field for either."""

import re
from collections.abc import Mapping
from typing import Any

_LANGUAGES = {"PYTHON": "python"}
_FENCE = "```"
_FAILURES = ("OUTCOME_FAILED", "OUTCOME_DEADLINE_EXCEEDED")
_FENCES = re.compile("`{3,}")


def executable_code_to_text(code: Mapping[str, Any]) -> str:
    """Return `executableCode` as a fenced block with its language."""
    language = code.get("language")
    return _fenced(code.get("code"), _LANGUAGES.get(language, "") if isinstance(language, str) else "")


def code_result_to_text(outcome: Mapping[str, Any]) -> str:
    """Return the output of `codeExecutionResult` as a fenced block; "" without output."""
    return _fenced(code_output(outcome), "")


def code_output(outcome: Mapping[str, Any]) -> str:
    """Return the output of executed code; Gemini's outcome if the code failed without output."""
    output, ended = outcome.get("output"), outcome.get("outcome")
    if isinstance(output, str) and output:
        return output
    return ended if ended in _FAILURES else ""


def _fenced(text: Any, language: str) -> str:
    if not isinstance(text, str) or not text:
        return ""
    longest = max(map(len, _FENCES.findall(text)), default=0)
    fence = "`" * max(longest + 1, len(_FENCE))
    end = "" if text.endswith("\n") else "\n"
    return f"{fence}{language}\n{text}{end}{fence}\n"
