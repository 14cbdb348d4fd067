"""Parameters of chat completions without effect: one table, one note each (docs/decisions/0006).

`prompt_cache_key` is no such parameter: Gemini caches without a key, and reports the cached tokens.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from api.openai.chat.request import ChatCompletionRequest
from api.translate.request.context import RequestContext


@dataclass(frozen=True, slots=True)
class Dropped:
    """The reason why a parameter has no effect; `harmless` is True for values that need no note."""

    reason: str
    harmless: Callable[[Any], bool]


def _empty(value: Any) -> bool:
    return not value


def _never(_value: Any) -> bool:
    return False


_HINT = "hint for OpenAI's servers only"

DROPPED: dict[str, Dropped] = {
    "verbosity": Dropped("not supported by Gemini", lambda value: value == "medium"),
    "prediction": Dropped("Gemini does not support predicted outputs", _never),
    "moderation": Dropped("Gemini's safety filters apply instead", _never),
    "safety_identifier": Dropped(_HINT, _empty),
    "prompt_cache_options": Dropped(_HINT, _empty),
    "prompt_cache_retention": Dropped(_HINT, _empty),
}


def note_dropped(request: ChatCompletionRequest, context: RequestContext) -> None:
    """Note every parameter without effect unless its value is harmless, and every unknown parameter."""
    if not DROPPED.keys().isdisjoint(request.model_fields_set):
        _note_given(request, context)
    if request.stream_options and request.stream_options.get("include_obfuscation"):
        context.note("dropped", "stream_options.include_obfuscation", "streams are not obfuscated")
    if request.reasoning and request.reasoning.get("max_tokens"):
        context.note("dropped", "reasoning.max_tokens", "google.thinking_config.thinking_budget has precedence")
    for name in request.unknown:
        context.note("dropped", name, "unknown parameter")


def _note_given(request: ChatCompletionRequest, context: RequestContext) -> None:
    for name, dropped in DROPPED.items():
        value = getattr(request, name)
        if value is not None and not dropped.harmless(value):
            context.note("dropped", name, dropped.reason)
