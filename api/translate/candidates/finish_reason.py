"""Gemini's `finishReason` to OpenAI's `finish_reason`.

Gemini has no finish reason for function calls: such a candidate ends with STOP, often a chunk after the call (rules 86,
87), so `tool_calls` follows from the calls in the choice. Keys are strings because Google adds values; an unknown value
becomes "stop", with a note.
"""

from typing import Final

from api.openai.chat.completion import FinishReason
from api.openai.completions.completion import CompletionFinishReason

# The zero value of the enum: the model has not stopped.
UNSPECIFIED: Final = "FINISH_REASON_UNSPECIFIED"

# https://ai.google.dev/api/generate-content#FinishReason, and further values of google-genai.
FINISH_REASONS: Final[dict[str, CompletionFinishReason]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    # A segment of a long response is full (Gemini 4). The next segment needs a second call with the continuation token,
    # and each call is billed: the client decides.
    "CONTINUATION": "length",
    # Google omitted the response, or the rest of it, because of its content.
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "ESCALATION": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    # The model failed to generate valid output, for which OpenAI has no reason: the partial content is returned with a
    # note. A response without content raises an error (`empty_response`).
    "OTHER": "stop",
    "MALFORMED_FUNCTION_CALL": "stop",
    "UNEXPECTED_TOOL_CALL": "stop",
    "TOO_MANY_TOOL_CALLS": "stop",
    "MISSING_THOUGHT_SIGNATURE": "stop",
    "MALFORMED_RESPONSE": "stop",
    "IMAGE_OTHER": "stop",
    "NO_IMAGE": "stop",
}

# The model generated an unreadable call or output. Without any call the completion is useless: an agent would stop in
# the middle of its task.
LOST_CALL: Final = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE"})

# Both sides mean the same by these two; every other reason is noted.
_SAME: Final = frozenset({"STOP", "MAX_TOKENS"})


def finish_reason_to_openai(native: str, *, blocked: bool = False) -> CompletionFinishReason:
    """Return OpenAI's reason for a choice without calls.

    `blocked` means that `native` is the block reason of the prompt.
    """
    return "content_filter" if blocked else FINISH_REASONS.get(native, "stop")


def finish_reason_with_calls(reason: CompletionFinishReason, *, legacy_functions: bool) -> FinishReason:
    """Return the reason for a choice with calls: a token limit or a content filter takes precedence (rule 86)."""
    if reason != "stop":
        return reason
    return "function_call" if legacy_functions else "tool_calls"


def finish_reason_note(native: str, *, blocked: bool = False) -> str | None:
    """Return a clause that explains a finish reason without an equal in OpenAI's list, or None."""
    if blocked:
        return f"Gemini blocked the prompt ({enum_name(native)})"
    return None if native in _SAME else f"Gemini ended with {enum_name(native)}"


def refusal_text(native: str, *, blocked: bool) -> str:
    """Return the `refusal` text of a choice that a filter left empty."""
    subject = "prompt was blocked" if blocked else "answer was withheld"
    return f"The {subject} by Gemini ({enum_name(native)})."


def enum_name(native: str) -> str:
    """Return a valid enum name, else "unknown": other upstream text must not enter a header."""
    return native if len(native) <= 60 and native.replace("_", "").isalnum() and native.isascii() else "unknown"
