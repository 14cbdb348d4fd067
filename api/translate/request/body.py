"""The body of `generateContent`, assembled from the translated conversation, tools and config.

Shared by every dialect.
"""

from collections.abc import Sequence

from api.gemini.wire import GenerateContentRequest, GenerationConfig, SafetySetting
from api.translate.conversation.contents import Assembly
from api.translate.tools.built_in import OfferedTools


def generate_content_body(
    assembly: Assembly, offered: OfferedTools, config: GenerationConfig
) -> GenerateContentRequest:
    """Return the body without empty fields; Gemini rejects a systemInstruction without parts (rule 4)."""
    body: GenerateContentRequest = {"contents": assembly.contents}
    if assembly.system:
        body["systemInstruction"] = {"parts": assembly.system}
    if tools := offered.tools():
        body["tools"] = tools
        if tool_config := offered.config():
            body["toolConfig"] = tool_config
    if config:
        body["generationConfig"] = config
    return body


def add_settings(
    body: GenerateContentRequest, *, safety: Sequence[SafetySetting], cached_content: str, tier: str | None
) -> None:
    """Add safety settings, cached content and service tier, unless empty."""
    if safety:
        body["safetySettings"] = list(safety)
    if cached_content:
        body["cachedContent"] = cached_content
    if tier:
        body["serviceTier"] = tier
