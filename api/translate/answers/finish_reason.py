"""Why an answer ended: Gemini's `finishReason` to OpenAI's `finish_reason`.

Gemini has no reason of its own for function calls: they end with STOP, often a chunk after the call (rules 86, 87), so
`tool_calls` follows from what the answer holds. Keys are strings because Google adds values; an unknown one is "stop",
and is noted.
"""

from typing import Final

from api.openai.chat.completion import FinishReason
from api.openai.completions.completion import CompletionFinishReason

# The zero value of the enum: the model has not stopped.
UNSPECIFIED: Final = "FINISH_REASON_UNSPECIFIED"

# https://ai.google.dev/api/generate-content#FinishReason, and what google-genai knows beyond it.
FINISH_REASONS: Final[dict[str, CompletionFinishReason]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    # A segment of a long answer is full (Gemini 4). Going on would need another call with the continuation token, and
    # two calls are two bills: the client is told and decides.
    "CONTINUATION": "length",
    # Google withheld the answer, or the rest of it, for what it says or shows.
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
    # The model failed at its own output. OpenAI has no word for it: what there is of the answer is given, with a note.
    # An answer with nothing in it is none, and fails (`no_answer`).
    "OTHER": "stop",
    "MALFORMED_FUNCTION_CALL": "stop",
    "UNEXPECTED_TOOL_CALL": "stop",
    "TOO_MANY_TOOL_CALLS": "stop",
    "MISSING_THOUGHT_SIGNATURE": "stop",
    "MALFORMED_RESPONSE": "stop",
    "IMAGE_OTHER": "stop",
    "NO_IMAGE": "stop",
}

# The model went on with a call, or something else, that could not be read. Without any call the answer lacks what it
# was for: a client that took it as whole would stop in the middle of its task.
LOST_CALL: Final = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE"})

# These two say the same on both sides; every other reason is worth a note.
_SAME: Final = frozenset({"STOP", "MAX_TOKENS"})


def finish_reason_to_openai(native: str, *, blocked: bool = False) -> CompletionFinishReason:
    """Return OpenAI's reason for an answer without calls; `blocked` says that `native` is the prompt's block reason."""
    return "content_filter" if blocked else FINISH_REASONS.get(native, "stop")


def finish_reason_with_calls(reason: CompletionFinishReason, *, legacy_functions: bool) -> FinishReason:
    """Return the reason of an answer that holds calls: a limit or a filter still wins (rule 86)."""
    if reason != "stop":
        return reason
    return "function_call" if legacy_functions else "tool_calls"


def finish_reason_note(native: str, *, blocked: bool = False) -> str | None:
    """Return the clause that explains a reason which OpenAI's word does not tell, or None."""
    if blocked:
        return f"Gemini blocked the prompt ({enum_name(native)})"
    return None if native in _SAME else f"Gemini ended with {enum_name(native)}"


def refusal_text(native: str, *, blocked: bool) -> str:
    """Return what a client is told in place of an answer that a filter took away whole."""
    subject = "prompt was blocked" if blocked else "answer was withheld"
    return f"The {subject} by Gemini ({enum_name(native)})."


def enum_name(native: str) -> str:
    """Return the name if it looks like one of an enum: whatever else stands there goes into no header."""
    return native if len(native) <= 60 and native.replace("_", "").isalnum() and native.isascii() else "unknown"
