"""Fields that cached content excludes: https://ai.google.dev/gemini-api/docs/caching."""

from typing import Any

from api.emulator.errors import GoogleError

CACHED_FIELDS = ("systemInstruction", "tools", "toolConfig")


def check_cached(request: dict[str, Any]) -> None:
    """Raises GoogleError if a request with cached content has a field that is part of the cached content."""
    if request.get("cachedContent") and any(request.get(name) for name in CACHED_FIELDS):
        raise GoogleError(
            "CachedContent can not be used with GenerateContent request setting system_instruction, tools or "
            "tool_config. Proposed fix: move those values to CachedContent from GenerateContent request."
        )
