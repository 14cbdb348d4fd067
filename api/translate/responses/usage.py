"""Token counts in the form of the Responses API."""

from typing import TYPE_CHECKING, Any, cast

from api.openai.responses.response import ResponseUsage, ToolUsage
from api.openai.shared.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping


def usage_to_responses(usage: Usage) -> ResponseUsage:
    """Return the counts of chat completions under the names of the Responses API; Gemini counts no cache writes."""
    prompt = cast("Mapping[str, int]", usage.get("prompt_tokens_details") or {})
    completion = cast("Mapping[str, int]", usage.get("completion_tokens_details") or {})
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": {
            "cache_write_tokens": prompt.get("cache_write_tokens", 0),
            "cached_tokens": prompt.get("cached_tokens", 0),
        },
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": completion.get("reasoning_tokens", 0)},
        "total_tokens": usage["total_tokens"],
    }


def added_usage(one: ResponseUsage, other: ResponseUsage) -> ResponseUsage:
    """Return the sum of two usages."""
    first, second = one["input_tokens_details"], other["input_tokens_details"]
    reasoning = [used["output_tokens_details"]["reasoning_tokens"] for used in (one, other)]
    return {
        "input_tokens": one["input_tokens"] + other["input_tokens"],
        "input_tokens_details": {
            "cache_write_tokens": first["cache_write_tokens"] + second["cache_write_tokens"],
            "cached_tokens": first["cached_tokens"] + second["cached_tokens"],
        },
        "output_tokens": one["output_tokens"] + other["output_tokens"],
        "output_tokens_details": {"reasoning_tokens": sum(reasoning)},
        "total_tokens": one["total_tokens"] + other["total_tokens"],
    }


def tool_usage(searches: int) -> ToolUsage:
    """Return the number of web searches as `tool_usage`."""
    return {"image_gen": dict(_NO_IMAGES), "web_search": {"num_requests": searches}}


_NO_KINDS: dict[str, int] = {"image_tokens": 0, "text_tokens": 0}
_NO_IMAGES: dict[str, Any] = {
    "input_tokens": 0,
    "input_tokens_details": _NO_KINDS,
    "output_tokens": 0,
    "output_tokens_details": _NO_KINDS,
    "total_tokens": 0,
}
