"""What the answers of all dialects tell alike: it comes from the candidates, not from OpenAI's form of them."""

from typing import Any

from api.gemini.wire import Content, GenerateContentResponse
from api.openai.usage import Usage
from api.translate.candidates import Candidates


class FoldedAnswer:
    """The part of an answer that no dialect decides; a dialect sets `_candidates`."""

    __slots__ = ()

    _candidates: Candidates

    def fold(self, response: GenerateContentResponse, *, first_choice: int = 0) -> None:
        """Take the whole answer of one upstream call, as a dialect's `feed` does, for a client that gets no chunks."""
        self._candidates.take(response, first_choice)

    @property
    def complete(self) -> bool:
        """Whether every choice has its finish reason, or the prompt was blocked."""
        return self._candidates.complete

    @property
    def contents(self) -> list[Content]:
        """The exact Gemini content of each choice for storage, of an answer that was cut as far as it came."""
        return self._candidates.contents

    @property
    def usage(self) -> Usage:
        """What all calls used together; zeros where Gemini sent none."""
        return self._candidates.usage

    @property
    def usage_metadata(self) -> list[dict[str, Any]]:
        """The last `usageMetadata` of each call that sent one."""
        return self._candidates.usage_metadata

    @property
    def searches(self) -> list[int]:
        """How many queries each call put to Google Search, in the order of `usage_metadata`."""
        return self._candidates.searches

    @property
    def model_version(self) -> str | None:
        """The model that answered, as Gemini names it."""
        return self._candidates.model_version
