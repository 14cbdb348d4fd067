"""Parameters of the Responses API without effect: one table, one note each (docs/decisions/0006)."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from api.openai.responses.request import ResponseParameters
from api.translate.request.context import RequestContext
from api.translate.responses.settings import ResponseSettings


class Dropped(NamedTuple):
    """The reason why a parameter has no effect; `harmless` is True for values that need no note."""

    reason: str
    harmless: Callable[[Any], bool] = lambda value: not value


_HINT = "hint for OpenAI's servers only"

# `prompt_cache_key` is no such parameter: Gemini caches by itself and reports the cached tokens.
DROPPED: Final[dict[str, Dropped]] = {
    "max_tool_calls": Dropped("Gemini decides how often to use built-in tools"),
    "moderation": Dropped("Gemini's safety filters apply instead"),
    "image": Dropped(_HINT),
    "access_programs": Dropped(_HINT),
    "background_options": Dropped(_HINT),
    "safety_identifier": Dropped(_HINT),
    "prompt_cache_options": Dropped(_HINT, lambda value: value.keys() <= {"prewarm"}),
    "prompt_cache_retention": Dropped(_HINT),
}


def note_dropped(request: ResponseParameters, settings: ResponseSettings, context: RequestContext) -> None:
    """Note every parameter without effect unless its value is harmless, and every unknown parameter."""
    for name, dropped in DROPPED.items():
        value = getattr(request, name)
        if value is not None and not dropped.harmless(value):
            context.note("dropped", name, dropped.reason)
    if settings.verbosity not in (None, "medium"):
        context.note("dropped", "text.verbosity", "not supported by Gemini")
    if (request.reasoning or {}).get("mode") not in (None, "standard"):
        context.note("dropped", "reasoning.mode", "not supported by Gemini")
    if request.stream_options and request.stream_options.get("include_obfuscation"):
        context.note("dropped", "stream_options.include_obfuscation", "streams are not obfuscated")
    for name in request.unknown:
        context.note("dropped", name, "unknown parameter")
