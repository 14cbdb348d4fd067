"""Token counts: Gemini's `usageMetadata` to OpenAI's `usage`.

OpenAI's prompt holds cached and tool-use tokens, its completion holds thoughts; Gemini counts thoughts and tool use
apart (https://ai.google.dev/api/generate-content#UsageMetadata).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from api.openai.shared.usage import Usage


def usage_metadata_to_usage(metadata: Iterable[Mapping[str, Any]]) -> Usage:
    """Return what all upstream calls of an exchange used together; one `usageMetadata` for each call, its last, as
    `counts.storable` gives it.

    With n parallel calls the prompt counts n times, as it is billed. What is missing is 0.
    """
    prompt = completion = cached = thoughts = audio_in = audio_out = 0
    for counts in metadata:
        count = counts.get
        call_prompt = count("promptTokenCount", 0) + count("toolUsePromptTokenCount", 0)
        prompt += call_prompt
        completion += _completion_tokens(counts, call_prompt)
        cached += min(count("cachedContentTokenCount", 0), call_prompt)  # inside the prompt already (rule 97)
        thoughts += count("thoughtsTokenCount", 0)
        audio_in += _audio(count("promptTokensDetails", ())) + _audio(count("toolUsePromptTokensDetails", ()))
        audio_out += _audio(count("candidatesTokensDetails", ()))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": audio_in},
        "completion_tokens_details": {
            "reasoning_tokens": thoughts,
            "audio_tokens": audio_out,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _completion_tokens(counts: Mapping[str, Any], prompt: int) -> int:
    """Return candidates + thoughts, unless the candidates hold the thoughts already, which only the total tells.

    Some models and versions do so (rule 95).
    """
    candidates: int = counts.get("candidatesTokenCount") or counts.get("responseTokenCount", 0)
    thoughts: int = counts.get("thoughtsTokenCount", 0)
    if thoughts <= candidates and prompt + candidates == counts.get("totalTokenCount", 0):
        return candidates
    return candidates + thoughts


def _audio(details: Any) -> int:
    if not details or not isinstance(details, list):
        return 0
    return sum(detail.get("tokenCount", 0) for detail in details if detail.get("modality") == "AUDIO")
