"""What cannot stand beside cached content: https://ai.google.dev/gemini-api/docs/caching."""

from typing import Any

from api.emulator.errors import GoogleError

HELD_BY_THE_CACHE = ("systemInstruction", "tools", "toolConfig")


def check_cached(request: dict[str, Any]) -> None:
    """Raises GoogleError if a request that uses cached content brings what the cache holds already."""
    if request.get("cachedContent") and any(request.get(name) for name in HELD_BY_THE_CACHE):
        raise GoogleError(
            "CachedContent can not be used with GenerateContent request setting system_instruction, tools or "
            "tool_config. Proposed fix: move those values to CachedContent from GenerateContent request."
        )
