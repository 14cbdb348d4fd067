"""What leaves as a legacy text completion (https://platform.openai.com/docs/api-reference/completions/object)."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from api.openai.shared.usage import Usage

CompletionFinishReason = Literal["stop", "length", "content_filter"]


class CompletionLogprobs(TypedDict):
    """Log probabilities as parallel lists, one entry a token."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


class CompletionChoice(TypedDict):
    """One text. In a stream `text` is a piece and `finish_reason` is null until the choice's last chunk."""

    index: int
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: CompletionFinishReason | None


class CompletionObject(TypedDict):
    """The answer, and also each chunk of a stream: this old API has one shape for both.

    In a stream with `include_usage`, `usage` is null in all chunks but the last, whose `choices` are empty.
    """

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: NotRequired[Usage | None]
    system_fingerprint: NotRequired[str | None]
