"""The legacy text completion object (https://platform.openai.com/docs/api-reference/completions/object)."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from api.openai.shared.usage import Usage

CompletionFinishReason = Literal["stop", "length", "content_filter"]


class CompletionLogprobs(TypedDict):
    """Log probabilities as parallel lists, one entry per token."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


class CompletionChoice(TypedDict):
    """One choice. In a stream, `text` is a delta and `finish_reason` is null until the choice's last chunk."""

    index: int
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: CompletionFinishReason | None


class CompletionObject(TypedDict):
    """A text completion, and each chunk of a stream: this API has one shape for both.

    In a stream with `include_usage`, `usage` is null except in the last chunk, whose `choices` are empty.
    """

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: NotRequired[Usage | None]
    system_fingerprint: NotRequired[str | None]
