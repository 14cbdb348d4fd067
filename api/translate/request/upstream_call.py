"""What a translated request is: the body for Gemini, and how it belongs to the messages that it came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.gemini.wire import Content, GenerateContentRequest
from api.notes import Note
from sessions_store.transcript.values import OMITTED, SYSTEM

__all__ = ["OMITTED", "SYSTEM", "RememberedMessage", "UpstreamCall"]


@dataclass(slots=True, kw_only=True)
class UpstreamCall:
    """One request as Gemini gets it, ready for the wire.

    `faces` holds the Gemini face of each *request* message in order, exactly as sent; None if nothing of it is sent.
    `placement` tells for each remembered and request message its index in `body["contents"]`, or SYSTEM or OMITTED.
    `parallel` is how many upstream calls give all choices. `tool_names` maps names as sent to the client's own, only
    where they differ.
    """

    body: GenerateContentRequest
    faces: list[Content | None]
    placement: list[int]
    notes: tuple[Note, ...]
    parallel: int
    tool_names: Mapping[str, str]

    @property
    def empty_stop(self) -> bool:
        """Whether the answer may be empty, because a sequence that ends it may come first."""
        return bool(self.body.get("generationConfig", {}).get("stopSequences"))

    @property
    def thinking_budget(self) -> int | None:
        """The budget of thoughts that is sent, in tokens; None if none is."""
        return self.body.get("generationConfig", {}).get("thinkingConfig", {}).get("thinkingBudget")


@dataclass(slots=True, kw_only=True)
class RememberedMessage:
    """A message of the stored session that goes before the request: its OpenAI face and its Gemini face.

    A face with the role "system" goes to `systemInstruction`; None means that none is stored.
    """

    message: Mapping[str, Any]
    content: Content | None
