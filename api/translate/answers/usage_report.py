"""The contents of an answer that its usage record and its transcript need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.gemini.wire import Content
from api.notes import Note


@dataclass(slots=True, kw_only=True)
class UsageReport:
    """Tokens, finish reasons and messages of an answer, as far as it has come.

    `usage` is OpenAI's usage object, `usage_metadata` has Gemini's last usageMetadata of each upstream call, in a form
    that can be stored. `counts_sound` is False if one of Gemini's counts cannot be read. `searches` has the number of
    Google Search queries of each upstream call, in the order of `usage_metadata`. `complete` says that each choice has
    ended. `contents` (Gemini's), `messages` (OpenAI's) and the finish reasons have one entry for each choice.
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
