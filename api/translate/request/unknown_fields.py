"""Fields of messages, content parts and tools unknown to OpenAI: dropped, with a note (docs/decisions/0006)."""

from collections.abc import Collection, Mapping
from typing import Any

from api.openai.shared.validation import printable_name
from api.translate.request.context import RequestContext


def note_unknown(holder: Mapping[str, Any], known: Collection[str], *, path: str, context: RequestContext) -> None:
    """Note every field of `holder` outside `known`; a null counts as absent."""
    for name, value in holder.items():
        if name not in known and value is not None:
            context.note("dropped", f"{path}.{printable_name(name)}", unknown_reason(name))


def unknown_reason(name: str) -> str:
    """Return the reason why an unknown field has no effect."""
    return "Gemini caches prompts automatically" if name == "cache_control" else "unknown parameter"
