"""Empty responses, although Gemini sent status 200: no content, or a lost function call.

Gemini reports such a response with MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL, OTHER, or even STOP
(https://ai.google.dev/api/generate-content#FinishReason). An agent would take it for the end of its task.
Token limits and content filters are no such reasons: OpenAI has finish reasons for both.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from api.errors import UpstreamError
from api.gemini.wire import GenerateContentResponse
from api.translate.candidates.finish_reason import FINISH_REASONS, LOST_CALL, UNSPECIFIED, enum_name

EMPTY: Final = "upstream_empty_answer"
MALFORMED: Final = "upstream_malformed_answer"

# Fields of a part without visible content, and fields visible only with `DialectRules.own_tools`.
_UNSEEN: Final = frozenset({"text", "thought", "thoughtSignature", "partMetadata"})
_OWN_TOOLS: Final = frozenset({"toolCall", "toolResponse"})


def empty_response(native: str) -> UpstreamError:
    """Return the error for a response without content; `native` is Gemini's finish reason."""
    return UpstreamError(f"The upstream model returned an empty response ({enum_name(native)}).", code=EMPTY)


def malformed_response(native: str) -> UpstreamError:
    """Return the error for a response that ends at an invalid function call."""
    return UpstreamError(f"The upstream response is incomplete ({enum_name(native)}).", code=MALFORMED)


def invisible_response() -> UpstreamError:
    """Return the error for a response without visible content; a retry does not help."""
    return UpstreamError("The upstream response contains nothing that this API supports.", code=EMPTY, retryable=False)


def unplaced() -> UpstreamError:
    """Return the error for function call arguments without a call."""
    return UpstreamError("The upstream model sent function call arguments without a call.", code=MALFORMED)


def is_no_answer(error: BaseException | None) -> bool:
    """Return whether the error reports an empty or malformed response."""
    return isinstance(error, UpstreamError) and error.code in (EMPTY, MALFORMED)


def lacking(response: Mapping[str, Any], choices: int, *, empty_stop: bool) -> dict[int, str]:
    """Return the choices without a usable completion in a plain `response`: index -> finish reason.

    `choices` is the number of choices of the call. The finish reason is Gemini's, "" if missing. A response of an
    unexpected shape counts as usable, because parsing it raises the error. `empty_stop` is as in DialectRules.
    """
    candidates = response.get("candidates") or []
    if choices == 1 and "promptFeedback" not in response and _is_plain_text(candidates):
        return {}
    if not isinstance(candidates, list) or _is_blocked(response):
        return {}
    reasons = dict.fromkeys(range(choices), "")
    for candidate in candidates:
        if not isinstance(candidate, dict):
            return {}
        index = _index(candidate)
        if _is_usable(candidate, empty_stop=empty_stop):
            reasons.pop(index, None)
        elif index in reasons:
            reasons[index] = _reason(candidate)
    return reasons


def _is_plain_text(candidates: Any) -> bool:
    """Whether the one candidate has one text part and STOP, as most do: saves 2 us per request over the full check."""
    try:
        (candidate,) = candidates
        (part,) = candidate["content"]["parts"]
        return bool(candidate["finishReason"] == "STOP" and part["text"] and not part.get("thought"))
    except (LookupError, TypeError, ValueError, AttributeError):
        return False


def filled(
    response: GenerateContentResponse, lacks: Mapping[int, str], other: GenerateContentResponse
) -> tuple[GenerateContentResponse, GenerateContentResponse]:
    """Return the discarded part of `response`, and `other` completed with the usable candidates of `response`."""
    candidates, others = response.get("candidates") or [], other.get("candidates") or []
    kept = [candidate for candidate in candidates if _index(candidate) not in lacks]
    if not kept or not isinstance(others, list):
        return response, other
    gone = [candidate for candidate in candidates if _index(candidate) in lacks]
    fresh = [candidate for candidate in others if _index(candidate) in lacks]
    return {**response, "candidates": gone}, {**other, "candidates": [*kept, *fresh]}


def shows(response: Mapping[str, Any], *, thoughts: bool, own_tools: bool, empty_stop: bool) -> bool:
    """Whether a streamed `response` has visible content, or a finish reason that is no failure.

    `thoughts` makes thoughts visible; `own_tools` and `empty_stop` are as in DialectRules.
    """
    candidates = response.get("candidates") or []
    if not isinstance(candidates, list) or _is_blocked(response):
        return True
    return any(
        not isinstance(candidate, dict)
        or _ends_well(_reason(candidate), empty_stop=empty_stop)
        or any(_holds(part, thoughts=thoughts, own_tools=own_tools) for part in _parts(candidate))
        for candidate in candidates
    )


def reasons_of(responses: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the finish reasons of a stream without visible content, in order."""
    found = [_reason(candidate) for response in responses for candidate in response.get("candidates") or ()]
    return [reason for reason in found if reason]


def names_of(reasons: Iterable[str]) -> str:
    """Return the different finish reasons, joined for a note."""
    return ", ".join(dict.fromkeys(map(enum_name, filter(None, reasons)))) or "no reason"


def _is_usable(candidate: Mapping[str, Any], *, empty_stop: bool) -> bool:
    reason = _reason(candidate)
    if _ends_well(reason, empty_stop=empty_stop):
        return True
    parts = _parts(candidate)
    if reason in LOST_CALL:
        return any(not isinstance(part, dict) or "functionCall" in part for part in parts)
    return any(_holds(part, thoughts=False, own_tools=False) for part in parts)


def _ends_well(reason: str, *, empty_stop: bool) -> bool:
    """Whether an empty completion is valid: OpenAI has such a finish reason, or the client set `stop`."""
    return FINISH_REASONS.get(reason, "stop") != "stop" or (reason == "STOP" and empty_stop)


def _holds(part: Any, *, thoughts: bool, own_tools: bool) -> bool:
    """Whether a part has visible content; a part of an unknown kind counts as visible."""
    if not isinstance(part, dict):
        return True
    if "functionCall" in part:
        return True
    is_thought = part.get("thought") is True
    if part.get("text"):
        return thoughts or not is_thought
    beside = part.keys() - (_UNSEEN if own_tools else _UNSEEN | _OWN_TOOLS)
    return bool(beside) and not is_thought


def _index(candidate: Any) -> int:
    """Return the index of a candidate within its call, -1 for an invalid candidate; proto JSON omits a zero."""
    index = (candidate.get("index") or 0) if isinstance(candidate, dict) else -1
    return index if type(index) is int else -1


def _reason(candidate: Mapping[str, Any]) -> str:
    reason = candidate.get("finishReason")
    return reason if isinstance(reason, str) and reason != UNSPECIFIED else ""


def _parts(candidate: Mapping[str, Any]) -> list[Any]:
    """Return the parts of a candidate; `[None]` for an unexpected shape."""
    content = candidate.get("content")
    if content is None:
        return []
    parts = content.get("parts") or [] if isinstance(content, dict) else None
    return parts if isinstance(parts, list) else [None]


def _is_blocked(response: Mapping[str, Any]) -> bool:
    feedback = response.get("promptFeedback")
    return feedback is not None and (not isinstance(feedback, dict) or bool(feedback.get("blockReason")))
