"""What the answers of all dialects tell alike: it comes from the candidates, not from OpenAI's form of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from api.errors import GatewayError, UpstreamError
from api.gemini.wire import Content, GenerateContentResponse
from api.notes import Note
from api.openai.shared.error_body import error_body
from api.openai.shared.usage import Usage
from api.translate.answers.candidates import Candidates
from api.translate.answers.usage_report import UsageReport


class FoldedAnswer(ABC):
    """The part of an answer that no dialect decides; a dialect sets `_candidates`."""

    __slots__ = ()

    _candidates: Candidates

    def fold(self, response: GenerateContentResponse, *, first_choice: int = 0) -> None:
        """Take the whole answer of one upstream call, as a dialect's `feed` does, for a client that gets no chunks."""
        self._candidates.take(response, first_choice)

    def discard(self, responses: Iterable[tuple[int, GenerateContentResponse]]) -> None:
        """Count what responses used which are no answer and are not folded; each with the first choice of its call."""
        self._candidates.discard(responses)

    def lacking(self, response: GenerateContentResponse, choices: int) -> dict[int, str]:
        """Return by index which of a call's `choices` are no answer in a plain response, with their finish reasons."""
        return self._candidates.lacking(response, choices)

    def shows(self, response: GenerateContentResponse) -> bool:
        """Whether a stream gives its client something with a response: of an answer, or an end that is no failure."""
        return self._candidates.shows(response, thoughts=self._shows_thoughts)

    def failed(self, error: GatewayError) -> Sequence[Any]:
        """Return the events that end a stream because of `error`."""
        return [error_body(error)]

    def cancelled(self) -> Any:
        """End the answer because its client does not want it any more: a dialect without states has none for that."""
        return None

    def failed_answer(self, error: GatewayError) -> Any:
        """Return the plain answer that says that there is none; None where the dialect has nothing but the error."""
        return None

    @property
    def fault(self) -> UpstreamError | None:
        """Why the answer, of which nothing more comes, is none: for whoever gives it out to look at before its end."""
        return self._candidates.fault

    @property
    def _shows_thoughts(self) -> bool:
        return False

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
        """The last `usageMetadata` of each call that sent one, as it can be stored."""
        return self._candidates.usage_metadata

    @property
    def counts_sound(self) -> bool:
        """Whether Gemini's counts are what they should be; those of calls that sent none are not missed."""
        return self._candidates.counts_sound

    @property
    def searches(self) -> list[int]:
        """How many queries each call put to Google Search, in the order of `usage_metadata`."""
        return self._candidates.searches

    @property
    def model_version(self) -> str | None:
        """The model that answered, as Gemini names it."""
        return self._candidates.model_version

    @property
    @abstractmethod
    def messages(self) -> Sequence[Mapping[str, Any]]:
        """OpenAI's assistant message of each choice."""

    @property
    @abstractmethod
    def finish_reasons(self) -> list[str]:
        """OpenAI's finish reason of each choice; "" for one that has not ended, or is no answer."""

    @property
    @abstractmethod
    def native_finish_reasons(self) -> list[str]:
        """Gemini's finish or block reason of each choice; "" for one that has not ended."""

    @property
    @abstractmethod
    def notes(self) -> list[Note]:
        """What the client does not see as Gemini sent it."""

    def report(self) -> UsageReport:
        """Return what is recorded of the answer, as far as it has come."""
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
