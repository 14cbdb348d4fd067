"""The values of an accumulator for the usage record and the transcript."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.gemini.wire import Content
from api.notes import Note


@dataclass(slots=True, kw_only=True)
class UsageReport:
    """Tokens, finish reasons and messages of a response, possibly partial.

    `usage` is OpenAI's usage object, `usage_metadata` has the last usageMetadata of each upstream call, in storable
    form. `counts_sound` is False if one of Gemini's counts is invalid. `searches` has the number of Google Search
    queries of each upstream call, in the order of `usage_metadata`. `complete` is True if each choice has ended.
    `contents` (Gemini's), `messages` (OpenAI's) and the finish reasons have one entry for each choice.
    """

    usage: Mapping[str, Any] = field(default_factory=dict)
    usage_metadata: Sequence[Mapping[str, Any]] = ()
    counts_sound: bool = True
    searches: Sequence[int] = ()
    complete: bool = True
    model_version: str | None = None
    finish_reasons: Sequence[str] = ()
    native_finish_reasons: Sequence[str] = ()
    messages: Sequence[Mapping[str, Any]] = ()
    contents: Sequence[Content] = ()
    notes: Sequence[Note] = ()
