"""A translated request: the body for Gemini, and its relation to OpenAI's messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.gemini.wire import Content, GenerateContentRequest
from api.notes import Note
from sessions_store.transcript.values import OMITTED, SYSTEM

__all__ = ["OMITTED", "SYSTEM", "HistoryMessage", "UpstreamCall"]


@dataclass(slots=True, kw_only=True)
class UpstreamCall:
    """One request in Gemini's form.

    `gemini_contents` has the Gemini content of each *request* message in order, exactly as sent; None if nothing of it
    is sent. `placement` has for each remembered and request message its index in `body["contents"]`, or SYSTEM or
    OMITTED. `parallel` is the number of upstream calls for all choices. `tool_names` maps sent names to the client's
    names, only where they differ.
    """

    body: GenerateContentRequest
    gemini_contents: list[Content | None]
    placement: list[int]
    notes: tuple[Note, ...]
    parallel: int
    tool_names: Mapping[str, str]

    @property
    def empty_stop(self) -> bool:
        """Whether an empty completion is valid, because the model may begin with a stop sequence."""
        return bool(self.body.get("generationConfig", {}).get("stopSequences"))

    @property
    def thinking_budget(self) -> int | None:
        """The budget of thoughts that is sent, in tokens; None if none is."""
        return self.body.get("generationConfig", {}).get("thinkingConfig", {}).get("thinkingBudget")


@dataclass(slots=True, kw_only=True)
class HistoryMessage:
    """A message of the stored session before the request: its OpenAI form and its Gemini content.

    A content with the role "system" goes to `systemInstruction`; None means that none is stored.
    """

    message: Mapping[str, Any]
    content: Content | None
