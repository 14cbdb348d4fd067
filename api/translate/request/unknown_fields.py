"""Fields of messages, content parts and tools that OpenAI does not have: left out, and named (docs/decisions/0006)."""

from collections.abc import Collection, Mapping
from typing import Any

from api.openai.shared.validation import printable_name
from api.translate.request.context import RequestContext


def note_unknown(holder: Mapping[str, Any], known: Collection[str], *, path: str, context: RequestContext) -> None:
    """Note every field of `holder` that is not among the `known` ones; a null is absent."""
    for name, value in holder.items():
        if name not in known and value is not None:
            context.note("dropped", f"{path}.{printable_name(name)}", unknown_reason(name))


def unknown_reason(name: str) -> str:
    """Return why a field that OpenAI does not have is without effect."""
    return "Gemini caches prompts automatically" if name == "cache_control" else "unknown parameter"
