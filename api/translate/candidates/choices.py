"""Accumulates the responses of all upstream calls of one exchange, sorted into choices; shared by every dialect.

One call may return several candidates, or n parallel calls one each. The index of a call's first choice identifies the
call.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from math import gcd
from operator import attrgetter
from typing import Any, Final

from api.errors import UpstreamError
from api.gemini.wire import Content
from api.json.repair import replaced
from api.notes import Note
from api.openai.shared.usage import Usage
from api.translate.candidates.choice import LONGEST_REASON, Choice, DialectRules, PartDelta
from api.translate.candidates.counts import count, is_sound, storable
from api.translate.candidates.empty_response import empty_response, lacking, shows
from api.translate.candidates.upstream_json import expect, label, unexpected_shape
from api.translate.candidates.usage import usage_metadata_to_usage
from api.translate.config.service_tier import served_tier

UNFINISHED: Final = "upstream_truncated"
LONGEST_MODEL: Final = 200
_COUNTED: Final = frozenset({"promptTokenCount", "candidatesTokenCount", "totalTokenCount"})


class Candidates:
    """Accumulates the responses of an exchange: `choices` in OpenAI's order, usage per call, the model version."""

    __slots__ = (
        "_blocks",
        "_counted",
        "_discarded",
        "_replaced",
        "_rules",
        "_sound",
        "_storable",
        "_unreadable",
        "_usage",
        "_version_cut",
        "choices",
        "model_version",
        "service_tier",
    )

    def __init__(self, count: int, rules: DialectRules) -> None:
        self.choices = [Choice(index, rules) for index in range(count)]
        self._rules = rules
        self._discarded: list[Candidates] = []
        self.model_version: str | None = None
        self.service_tier: str | None = None
        self._usage: dict[int, dict[str, Any]] = {}
        self._unreadable = False  # an invalid usageMetadata was received
        self._version_cut = False
        # Computed from `_usage` on first access, and again after each response.
        self._counted: Usage | None = None
        self._storable: list[dict[str, Any]] | None = None
        self._sound: bool | None = None
        self._replaced = False  # characters that no database stores
        self._blocks: dict[int, str] = {}  # first choice of a call -> block reason of its prompt, "" if not blocked

    def take(self, response: Mapping[str, Any], first_choice: int) -> list[tuple[Choice, list[PartDelta]]]:
        """Add one response or chunk; return the part deltas of each choice. Raises UpstreamError for a wrong shape."""
        version = response.get("modelVersion")
        if version != self.model_version and isinstance(version, str):  # also True on each chunk if the version was cut
            self.model_version = label(version, LONGEST_MODEL)
            self._version_cut = self.model_version != version
        self._replaced = self._replaced or "replacedCharacters" in response
        usage = response.get("usageMetadata")
        if usage is not None:
            self._take_usage(usage, first_choice)
        feedback = response.get("promptFeedback")
        if feedback is not None or first_choice not in self._blocks:
            self._take_feedback({} if feedback is None else feedback, first_choice)
        gains: list[tuple[Choice, list[PartDelta]]] = []
        candidates = response.get("candidates") or []
        if not isinstance(candidates, list):
            raise unexpected_shape()
        for candidate in candidates:
            if not isinstance(candidate, dict):
                raise unexpected_shape()
            index = candidate.get("index") or 0  # proto JSON omits a zero
            if type(index) is not int or not 0 <= first_choice + index < len(self.choices):
                raise unexpected_shape()
            choice = self.choices[first_choice + index]
            gains.append((choice, choice.take(candidate)))
        return gains

    def _take_usage(self, usage: Any, first_choice: int) -> None:
        """Store the token counts of a call: Gemini's counts are cumulative, so the last ones apply (rule 90)."""
        if not isinstance(usage, dict):
            self._unreadable = True
            self._sound = None
            return
        self._counted = self._storable = self._sound = None
        self._usage[first_choice] = usage
        if "serviceTier" in usage or "trafficType" in usage:
            self.service_tier = served_tier(usage) or self.service_tier

    def _take_feedback(self, feedback: Any, first_choice: int) -> None:
        """Record whether the prompt of a call was blocked; the first block reason is kept."""
        reason = self._blocks.setdefault(first_choice, "")
        if not reason:
            blocked = expect(expect(feedback, dict).get("blockReason") or "", str)
            self._blocks[first_choice] = label(blocked, LONGEST_REASON)

    @property
    def complete(self) -> bool:
        """Whether every choice has a finish reason or a blocked prompt; meaningful after the responses of all calls."""
        return all(choice.finished or self._block_reason(choice) for choice in self.choices)

    def close(self) -> None:
        """End all calls. Raises UpstreamError if a choice is not complete."""
        for choice in self.choices:
            if not choice.finished:
                reason = self._block_reason(choice)
                if not reason:
                    raise UpstreamError(
                        "The upstream response ended without a finish reason.",
                        code=UNFINISHED,
                    )
                choice.block(reason)
            choice.close()

    @property
    def fault(self) -> UpstreamError | None:
        """The error of the first choice without a usable completion, although all calls ended normally.

        None if there is none.
        """
        for choice in self.choices:
            if choice.finished:
                fault = choice.fault
            else:
                fault = empty_response("") if choice.holds_nothing and not self._block_reason(choice) else None
            if fault is not None:
                return fault
        return None

    def discard(self, responses: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Count the usage of discarded responses, each with the first choice of its call.

        Any other defect of a discarded response is ignored.
        """
        discarded = Candidates(len(self.choices), self._rules)
        for first_choice, response in responses:
            with suppress(UpstreamError):
                discarded.take(response, first_choice)
        self._discarded.append(discarded)
        self._counted = self._storable = self._sound = None

    def lacking(self, response: Mapping[str, Any], choices: int) -> dict[int, str]:
        """See empty_response.lacking."""
        return lacking(response, choices, empty_stop=self._rules.empty_stop)

    def shows(self, response: Mapping[str, Any], *, thoughts: bool) -> bool:
        """See empty_response.shows."""
        rules = self._rules
        return shows(response, thoughts=thoughts, own_tools=rules.own_tools, empty_stop=rules.empty_stop)

    @property
    def contents(self) -> list[Content]:
        """The exact Gemini content of each choice, for storage."""
        return [choice.content for choice in self.choices]

    @property
    def usage_metadata(self) -> list[dict[str, Any]]:
        """The last `usageMetadata` of each call that sent one, in storable form and in the order of the choices.

        The calls of discarded responses come first.
        """
        if self._storable is None:
            own = [storable(self._usage[first]) for first in sorted(self._usage)]
            before = [used for discarded in self._discarded for used in discarded.usage_metadata]
            self._storable = before + own if before else own
        return self._storable

    @property
    def counts_sound(self) -> bool:
        """Whether all token counts are valid; an invalid count is clamped or left out."""
        if self._sound is None:
            own = not self._unreadable and all(map(is_sound, self._usage.values()))
            self._sound = own and all(map(attrgetter("counts_sound"), self._discarded))
        return self._sound

    @property
    def thought(self) -> bool:
        """Whether Gemini has billed thoughts so far."""
        return any(count(usage, "thoughtsTokenCount") for usage in self._usage.values())

    @property
    def uncounted(self) -> bool:
        """Whether a `usageMetadata` came without any count: Vertex AI counts at the end of a stream for some customers
        ({"trafficType": "PROVISIONED_THROUGHPUT"} in its chunks).
        """
        return not all(_COUNTED.intersection(usage) for usage in self._usage.values())

    @property
    def usage(self) -> Usage:
        """OpenAI's usage of all calls together; zeros without any `usageMetadata`."""
        if self._counted is None:
            self._counted = usage_metadata_to_usage(self.usage_metadata)
        return self._counted

    @property
    def searches(self) -> list[int]:
        """The number of different Google Search queries per call, first of the calls in `usage_metadata`, in its order.

        The choices of one call share its queries.
        """
        if not self._discarded:
            return self._own_searches()
        found = [(len(each.usage_metadata), each.searches) for each in self._discarded]
        found.append((len(self._usage), self._own_searches()))
        reported = [count for used, counts in found for count in counts[:used]]
        return [*reported, *(count for used, counts in found for count in counts[used:])]

    def _own_searches(self) -> list[int]:
        searched = [(choice, found) for choice in self.choices if (found := choice.search_queries)]
        if not searched:
            return [0] * len(self._blocks)
        silent = self._blocks.keys() - self._usage.keys()
        queries: dict[int, set[str]] = {first: set() for first in (*sorted(self._usage), *sorted(silent))}
        for choice, found in searched:
            queries[self._call_of(choice)] |= found
        return [len(found) for found in queries.values()]

    @property
    def notes(self) -> list[Note]:
        """The differences between Gemini's responses and OpenAI's choices, and the reasons for empty content."""
        notes = [note for choice in self.choices for note in choice.notes]
        notes += self._spent_on_thoughts()
        if not self.counts_sound:
            notes.append(Note("converted", "usage", "Gemini returned invalid token counts: estimated"))
        if self._version_cut:
            notes.append(Note("clamped", "model_version", "Gemini's model version is too long"))
        return [*notes, replaced("choices")] if self._replaced else notes

    def _spent_on_thoughts(self) -> list[Note]:
        """Explain choices without content: thoughts count against the output token limit (rule 66)."""
        cut = [choice for choice in self.choices if choice.native_finish_reason == "MAX_TOKENS"]
        if not cut:
            return []
        empty = [choice for choice in cut if not choice.text and not choice.calls]
        thoughts = self.usage.get("completion_tokens_details", {}).get("reasoning_tokens") if empty else 0
        if not thoughts:
            return []
        reason = f"reasoning used {thoughts} tokens and left no tokens for the answer"
        return [Note("clamped", f"choices[{choice.index}].message.content", reason) for choice in empty]

    def _block_reason(self, choice: Choice) -> str:
        """Return the block reason of the prompt of the choice's call, or ""."""
        return self._blocks.get(self._call_of(choice), "")

    def _call_of(self, choice: Choice) -> int:
        """Return the first choice of the call that generates this choice.

        All calls have the same number of choices, the greatest common divisor of their first choices and the total.
        """
        size = gcd(len(self.choices), *self._blocks)
        return choice.index // size * size
