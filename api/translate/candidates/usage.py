"""Token counts: Gemini's `usageMetadata` to OpenAI's `usage`.

OpenAI's prompt tokens include cached and tool-use tokens, its completion tokens include thoughts; Gemini counts
thoughts and tool use separately (https://ai.google.dev/api/generate-content#UsageMetadata).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from api.openai.shared.usage import Usage


def usage_metadata_to_usage(metadata: Iterable[Mapping[str, Any]]) -> Usage:
    """Return the total usage of an exchange: `metadata` has the last `usageMetadata` of each call, in storable form.

    With n parallel calls the prompt counts n times, as billed. A missing count is 0.
    """
    prompt = completion = cached = thoughts = audio_in = audio_out = 0
    for counts in metadata:
        count = counts.get
        call_prompt = count("promptTokenCount", 0) + count("toolUsePromptTokenCount", 0)
        prompt += call_prompt
        completion += _completion_tokens(counts, call_prompt)
        cached += min(count("cachedContentTokenCount", 0), call_prompt)  # included in the prompt tokens (rule 97)
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
    """Return candidates + thoughts, or candidates alone if they include the thoughts.

    Some models and versions include them; only the total shows it (rule 95).
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
