"""The retry delay of a Gemini error.

Gemini's 429 has no `Retry-After`; the delay stands in the body, in three places.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

# "45.837906927s", "837.9ms", "1h2m3.5s": protobuf's and Go's spellings of a duration.
_DURATION: Final = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?(?:ms|h|m|s))+")
_STEP: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_SECONDS_PER: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SENTENCE: Final = re.compile(rf"retry in ({_DURATION.pattern})", re.IGNORECASE)
_LONGEST: Final = 86_400


def retry_after_seconds(details: Iterable[Mapping[str, Any]], message: str, headers: Mapping[str, str]) -> int | None:
    """Return the delay in whole seconds, rounded up (1 to 86,400); None without one.

    Precedence: `RetryInfo.retryDelay`, `ErrorInfo.metadata.quotaResetDelay`, the sentence in the message, the
    `Retry-After` header (seconds only).
    """
    header = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    sentence = _SENTENCE.search(message)
    candidates = [
        *(detail.get("retryDelay") for detail in details),
        *(_quota_reset(detail) for detail in details),
        sentence[1] if sentence else None,
        f"{header}s",
    ]
    for candidate in candidates:
        seconds = _seconds(candidate)
        if seconds is not None:
            return min(max(1, seconds), _LONGEST)
    return None


def _quota_reset(detail: Mapping[str, Any]) -> Any:
    metadata = detail.get("metadata")
    return metadata.get("quotaResetDelay") if isinstance(metadata, dict) else None


def _seconds(duration: Any) -> int | None:
    """Return a duration in whole seconds, rounded up; None if it is not a duration."""
    if not isinstance(duration, str) or not _DURATION.fullmatch(duration):
        return None
    return math.ceil(sum(float(amount) * _SECONDS_PER[unit] for amount, unit in _STEP.findall(duration)))
