"""The dialect-independent half of an accumulator: it reads the candidates, not OpenAI's form of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from api.errors import GatewayError, UpstreamError
from api.gemini.wire import Content, GenerateContentResponse
from api.notes import Note
from api.openai.shared.error_body import error_body
from api.openai.shared.usage import Usage
from api.translate.candidates.choices import Candidates
from api.translate.candidates.usage_report import UsageReport


class BaseAccumulator(ABC):
    """Base class of the accumulators of all dialects; a dialect sets `_candidates`."""

    __slots__ = ()

    _candidates: Candidates

    def accumulate(self, response: GenerateContentResponse, *, first_choice: int = 0) -> None:
        """Accumulate the complete response of one upstream call without chunks for the client.

        `feed` returns chunks.
        """
        self._candidates.take(response, first_choice)

    def discard(self, responses: Iterable[tuple[int, GenerateContentResponse]]) -> None:
        """Count the usage of discarded responses, each with the first choice of its call."""
        self._candidates.discard(responses)

    def lacking(self, response: GenerateContentResponse, choices: int) -> dict[int, str]:
        """Return the choices without a usable completion in a plain response: index -> finish reason."""
        return self._candidates.lacking(response, choices)

    def shows(self, response: GenerateContentResponse) -> bool:
        """Whether a streamed response has visible content, or a finish reason that is no failure."""
        return self._candidates.shows(response, thoughts=self._shows_thoughts)

    def failed(self, error: GatewayError) -> Sequence[Any]:
        """Return the events that end a stream because of `error`."""
        return [error_body(error)]

    def cancelled(self) -> Any:
        """Mark the result as cancelled; None in a dialect without a status."""
        return None

    def failed_body(self, error: GatewayError) -> Any:
        """Return the stored object with status failed; None in a dialect that has only the error."""
        return None

    @property
    def fault(self) -> UpstreamError | None:
        """The error if the ended response has no usable completion, else None.

        Checked before the last chunk is sent.
        """
        return self._candidates.fault

    @property
    def _shows_thoughts(self) -> bool:
        return False

    @property
    def complete(self) -> bool:
        """Whether every choice has a finish reason, or its prompt was blocked."""
        return self._candidates.complete

    @property
    def contents(self) -> list[Content]:
        """The exact Gemini content of each choice for storage; partial if the response was cut."""
        return self._candidates.contents

    @property
    def usage(self) -> Usage:
        """The usage of all calls together; zeros without any `usageMetadata`."""
        return self._candidates.usage

    @property
    def usage_metadata(self) -> list[dict[str, Any]]:
        """The last `usageMetadata` of each call that sent one, in storable form."""
        return self._candidates.usage_metadata

    @property
    def counts_sound(self) -> bool:
        """Whether all of Gemini's token counts are valid; missing ones are not considered."""
        return self._candidates.counts_sound

    @property
    def searches(self) -> list[int]:
        """The number of Google Search queries of each call, in the order of `usage_metadata`."""
        return self._candidates.searches

    @property
    def model_version(self) -> str | None:
        """Gemini's version name of the model."""
        return self._candidates.model_version

    @property
    @abstractmethod
    def messages(self) -> Sequence[Mapping[str, Any]]:
        """OpenAI's assistant message of each choice."""

    @property
    @abstractmethod
    def finish_reasons(self) -> list[str]:
        """OpenAI's finish reason of each choice; "" for an unfinished or unusable choice."""

    @property
    @abstractmethod
    def native_finish_reasons(self) -> list[str]:
        """Gemini's finish or block reason of each choice; "" for an unfinished choice."""

    @property
    @abstractmethod
    def notes(self) -> list[Note]:
        """The differences between Gemini's responses and the client's object."""

    def report(self) -> UsageReport:
        """Return the current values for the usage record."""
        candidates = self._candidates
        return UsageReport(
            usage=self.usage,
            usage_metadata=candidates.usage_metadata,
            counts_sound=candidates.counts_sound,
            searches=candidates.searches,
            complete=candidates.complete,
            model_version=candidates.model_version,
            finish_reasons=self.finish_reasons,
            native_finish_reasons=self.native_finish_reasons,
            messages=self.messages,
            contents=candidates.contents,
            notes=self.notes,
        )
