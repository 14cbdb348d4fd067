"""OpenAI's token counts, one object for chat and text completions."""

from typing import NotRequired

from typing_extensions import TypedDict


class PromptTokensDetails(TypedDict):
    """Details of the prompt's tokens. `cached_tokens` is part of `prompt_tokens`."""

    cached_tokens: int
    audio_tokens: int
    image_tokens: NotRequired[int]
    text_tokens: NotRequired[int]
    cache_write_tokens: NotRequired[int]


class CompletionTokensDetails(TypedDict):
    """Details of the completion's tokens. `reasoning_tokens` is part of `completion_tokens`."""

    reasoning_tokens: int
    audio_tokens: int
    accepted_prediction_tokens: int
    rejected_prediction_tokens: int
    text_tokens: NotRequired[int]


class Usage(TypedDict):
    """Token counts; `total_tokens` is the sum of the other two."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: NotRequired[PromptTokensDetails]
    completion_tokens_details: NotRequired[CompletionTokensDetails]
