"""Gemini's responses to legacy text completions: one object form for plain responses and chunks.

The choices of several prompts are consecutive: prompt 0's n choices, then prompt 1's. Thoughts, images and calls are
omitted. Source: https://platform.openai.com/docs/api-reference/completions/object.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from api.gemini.wire import GenerateContentResponse
from api.notes import Note
from api.openai.completions.completion import CompletionFinishReason, CompletionLogprobs, CompletionObject
from api.openai.shared.usage import Usage
from api.translate.candidates.base_accumulator import BaseAccumulator
from api.translate.candidates.choice import Choice, DialectRules
from api.translate.candidates.choices import Candidates
from api.translate.candidates.fingerprint import system_fingerprint
from api.translate.candidates.usage import usage_metadata_to_usage


@dataclass(slots=True, kw_only=True)
class CompletionAccumulator(BaseAccumulator):
    """Accumulates the completions of one exchange; `choices` counts the choices of all `prompts` together.

    `echo` puts the prompt before each choice's text; `top_logprobs` and `empty_stop` are as in DialectRules. An echoed
    prompt has no log probabilities, because Gemini returns none for its input. `feed`, `finish` and `completion` raise
    UpstreamError for an unusable or unfinished response.
    """

    id: str
    created: int
    model: str
    choices: int
    include_usage: bool
    prompts: Sequence[str] = ("",)
    echo: bool = False
    top_logprobs: int | None = None
    empty_stop: bool = False
    _candidates: Candidates = field(init=False, repr=False)
    _skeleton: dict[str, Any] = field(init=False, repr=False)
    _opened: set[int] = field(init=False, repr=False, default_factory=set)

    def __post_init__(self) -> None:
        rules = DialectRules(
            call_ids=iter(()),
            tool_names={},
            call_limit=0,
            images=False,
            top_logprobs=self.top_logprobs,
            empty_stop=self.empty_stop,
        )
        self._candidates = Candidates(self.choices, rules)
        self._skeleton = {
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
        }

    def feed(self, response: GenerateContentResponse, *, first_choice: int = 0) -> list[CompletionObject]:
        """Add one response or chunk of the call with this first choice; return the chunks to send."""
        chunks: list[CompletionObject] = []
        gains = self._candidates.take(response, first_choice)
        self._skeleton["system_fingerprint"] = system_fingerprint(self._candidates.model_version)
        for choice, part_deltas in gains:
            for part_delta in part_deltas:
                if part_delta.kind == "text":
                    chunks += self._opening(choice)
                    chunks.append(self._chunk(choice, part_delta.text, None))
        return chunks

    def accumulate(self, response: GenerateContentResponse, *, first_choice: int = 0) -> None:
        """See BaseAccumulator."""
        self.feed(response, first_choice=first_choice)

    def finish(self) -> list[CompletionObject]:
        """Return the last chunk of each choice and, if requested, the usage."""
        self._candidates.close()
        chunks: list[CompletionObject] = []
        for choice in self._candidates.choices:
            chunks += self._opening(choice)
            chunks.append(self._chunk(choice, "", choice.finish_reason))
        if self.include_usage:
            chunks.append({**self._skeleton, "choices": [], "usage": self.usage})  # type: ignore[typeddict-item]
        return chunks

    def completion(self) -> CompletionObject:
        """Return the complete object."""
        self._candidates.close()
        choices = [
            {
                "index": choice.index,
                "text": self._echoed(choice) + "".join(choice.text),
                "logprobs": self._logprobs(choice, fresh=False),
                "finish_reason": choice.finish_reason,
            }
            for choice in self._candidates.choices
        ]
        return {**self._skeleton, "choices": choices, "usage": self.usage}  # type: ignore[typeddict-item]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Each choice as an assistant message without the echo, for the transcript."""
        return [
            {"role": "assistant", "content": "".join(choice.text), "refusal": None}
            for choice in self._candidates.choices
        ]

    @property
    def finish_reasons(self) -> list[str]:
        """OpenAI's finish reason of each choice; "" for an unfinished or unusable choice."""
        choices = self._candidates.choices
        return [choice.finish_reason if choice.finished and not choice.fault else "" for choice in choices]

    @property
    def native_finish_reasons(self) -> list[str]:
        """Gemini's finish or block reason of each choice; "" for an unfinished choice."""
        return [choice.native_finish_reason for choice in self._candidates.choices]

    @property
    def notes(self) -> list[Note]:
        """The differences between Gemini's responses and the client's object."""
        return self._candidates.notes

    def _opening(self, choice: Choice) -> list[CompletionObject]:
        """Return the chunk with the echoed prompt, once per choice."""
        if not self.echo or choice.index in self._opened:
            return []
        self._opened.add(choice.index)
        return [self._chunk(choice, self._echoed(choice), None, fresh=False)]

    def _echoed(self, choice: Choice) -> str:
        return self.prompts[choice.index * len(self.prompts) // self.choices] if self.echo else ""

    def _logprobs(self, choice: Choice, *, fresh: bool) -> CompletionLogprobs | None:
        """Return all log probabilities, or those added since the last call."""
        if choice.logprobs is None:
            return None
        start = len(self._echoed(choice))
        return choice.logprobs.fresh_legacy(start) if fresh else choice.logprobs.whole_legacy(start)

    def _chunk(
        self, choice: Choice, text: str, reason: CompletionFinishReason | None, *, fresh: bool = True
    ) -> CompletionObject:
        logprobs = self._logprobs(choice, fresh=True) if fresh else None
        chunk_choice = {"index": choice.index, "text": text, "logprobs": logprobs, "finish_reason": reason}
        chunk = {**self._skeleton, "choices": [chunk_choice]}
        if self.include_usage:
            chunk["usage"] = None
        return chunk  # type: ignore[return-value]


@dataclass(slots=True, kw_only=True)
class PromptOnlyAccumulator(CompletionAccumulator):
    """The completion for `max_tokens: 0`, without an upstream call: the echoed prompt or "", with reason `length`.

    `prompt_tokens` is an estimate.
    """

    prompt_tokens: int

    def __post_init__(self) -> None:
        CompletionAccumulator.__post_init__(self)
        ended = [{"index": index, "finishReason": "MAX_TOKENS"} for index in range(self.choices)]
        self._candidates.take({"candidates": ended}, 0)

    @property
    def usage(self) -> Usage:
        """The tokens of the prompts."""
        return usage_metadata_to_usage([{"promptTokenCount": self.prompt_tokens}])

    @property
    def native_finish_reasons(self) -> list[str]:
        """ "" for each choice: there is no upstream call."""
        return [""] * self.choices
