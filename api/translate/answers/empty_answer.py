"""Answers that are none, although Gemini has sent them with a 200: nothing in them, or a function call that got lost.

Gemini reports such an answer with MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL, OTHER, and also with a plain STOP
(https://ai.google.dev/api/generate-content#FinishReason). A client that got it as a success would take its task
as done. Limits and filters are no such reasons: OpenAI has words for them.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from api.errors import UpstreamError
from api.gemini.wire import GenerateContentResponse
from api.translate.answers.finish_reason import FINISH_REASONS, LOST_CALL, UNSPECIFIED, enum_name

EMPTY: Final = "upstream_empty_answer"
MALFORMED: Final = "upstream_malformed_answer"

# Fields of a part that show nothing by themselves, and what shows only where Google's own tools have their places.
_UNSEEN: Final = frozenset({"text", "thought", "thoughtSignature", "partMetadata"})
_OWN_TOOLS: Final = frozenset({"toolCall", "toolResponse"})


def empty_answer(native: str) -> UpstreamError:
    """Return the error for an answer with nothing in it, which ended with that reason of Gemini's."""
    return UpstreamError(f"The upstream model returned an empty response ({enum_name(native)}).", code=EMPTY)


def malformed_answer(native: str) -> UpstreamError:
    """Return the error for an answer that breaks off where the model failed at a function call."""
    return UpstreamError(f"The upstream response is incomplete ({enum_name(native)}).", code=MALFORMED)


def unseen_answer() -> UpstreamError:
    """Return the error for an answer of which the client can be given nothing; asking again does not help."""
    return UpstreamError("The upstream response contains nothing that this API supports.", code=EMPTY, retryable=False)


def unplaced() -> UpstreamError:
    """Return the error for arguments of no function call."""
    return UpstreamError("The upstream model sent function call arguments without a call.", code=MALFORMED)


def is_no_answer(error: BaseException | None) -> bool:
    """Return whether the error says that Gemini has ended an answer that is none."""
    return isinstance(error, UpstreamError) and error.code in (EMPTY, MALFORMED)


def lacking(response: Mapping[str, Any], choices: int, *, empty_stop: bool) -> dict[int, str]:
    """Return by index which of a call's `choices` are no answer in a plain `response`, each with its finish reason.

    The reason is Gemini's, "" where there is none. What has an unexpected shape counts as an answer: reading it raises.
    `empty_stop` is as in DialectRules.
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
        if _is_answer(candidate, empty_stop=empty_stop):
            reasons.pop(index, None)
        elif index in reasons:
            reasons[index] = _reason(candidate)
    return reasons


def _is_plain_text(candidates: Any) -> bool:
    """Whether one candidate ends with STOP behind one text, as most do: 2 us less a request than the whole look."""
    try:
        (candidate,) = candidates
        (part,) = candidate["content"]["parts"]
        return bool(candidate["finishReason"] == "STOP" and part["text"] and not part.get("thought"))
    except (LookupError, TypeError, ValueError, AttributeError):
        return False


def filled(
    response: GenerateContentResponse, lacks: Mapping[int, str], other: GenerateContentResponse
) -> tuple[GenerateContentResponse, GenerateContentResponse]:
    """Return what is discarded of `response`, and `other` with the candidates of `response` that are answers."""
    candidates, others = response.get("candidates") or [], other.get("candidates") or []
    kept = [candidate for candidate in candidates if _index(candidate) not in lacks]
    if not kept or not isinstance(others, list):
        return response, other
    gone = [candidate for candidate in candidates if _index(candidate) in lacks]
    fresh = [candidate for candidate in others if _index(candidate) in lacks]
    return {**response, "candidates": gone}, {**other, "candidates": [*kept, *fresh]}


def shows(response: Mapping[str, Any], *, thoughts: bool, own_tools: bool, empty_stop: bool) -> bool:
    """Whether a stream gives its client something with `response`: a piece of an answer, or an end that is no failure.

    `thoughts` says that the client gets thoughts, `own_tools` and `empty_stop` are as in DialectRules.
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
    """Return the finish reasons of a stream that has shown nothing, as they came."""
    found = [_reason(candidate) for response in responses for candidate in response.get("candidates") or ()]
    return [reason for reason in found if reason]


def names_of(reasons: Iterable[str]) -> str:
    """Return different finish reasons for a note."""
    return ", ".join(dict.fromkeys(map(enum_name, filter(None, reasons)))) or "no reason"


def _is_answer(candidate: Mapping[str, Any], *, empty_stop: bool) -> bool:
    reason = _reason(candidate)
    if _ends_well(reason, empty_stop=empty_stop):
        return True
    parts = _parts(candidate)
    if reason in LOST_CALL:
        return any(not isinstance(part, dict) or "functionCall" in part for part in parts)
    return any(_holds(part, thoughts=False, own_tools=False) for part in parts)


def _ends_well(reason: str, *, empty_stop: bool) -> bool:
    """Whether an answer that ends so may be empty: OpenAI has a word for the reason, or the client has asked for it."""
    return FINISH_REASONS.get(reason, "stop") != "stop" or (reason == "STOP" and empty_stop)


def _holds(part: Any, *, thoughts: bool, own_tools: bool) -> bool:
    """Whether a client sees something of a part. One of an unknown kind counts, too."""
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
    """Return which choice of its call a candidate is, -1 for what is no candidate; proto JSON leaves out a zero."""
    index = (candidate.get("index") or 0) if isinstance(candidate, dict) else -1
    return index if type(index) is int else -1


def _reason(candidate: Mapping[str, Any]) -> str:
    reason = candidate.get("finishReason")
    return reason if isinstance(reason, str) and reason != UNSPECIFIED else ""


def _parts(candidate: Mapping[str, Any]) -> list[Any]:
    """Return the parts of a candidate; one that is none where the shape is unexpected."""
    content = candidate.get("content")
    if content is None:
        return []
    parts = content.get("parts") or [] if isinstance(content, dict) else None
    return parts if isinstance(parts, list) else [None]


def _is_blocked(response: Mapping[str, Any]) -> bool:
    feedback = response.get("promptFeedback")
    return feedback is not None and (not isinstance(feedback, dict) or bool(feedback.get("blockReason")))
