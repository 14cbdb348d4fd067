"""Cached content created at Google: it includes instructions and tools, and excludes further ones (rule 76).

Source: https://ai.google.dev/gemini-api/docs/caching.
"""

from dataclasses import replace

from api.translate.conversation.contents import Assembly
from api.translate.request.context import RequestContext
from api.translate.request.upstream_call import OMITTED, SYSTEM
from api.translate.tools.built_in import OfferedTools

_REASON = "google.cached_content contains its own"


def beside_cached_content(
    assembly: Assembly, offered: OfferedTools, *, context: RequestContext
) -> tuple[Assembly, OfferedTools]:
    """Return conversation and tools without the fields that Gemini rejects beside cached content; each is noted."""
    if offered.chosen.declarations or offered.built_in:
        context.note("dropped", "tools", _REASON)
    if not assembly.system:
        return assembly, OfferedTools()
    context.note("dropped", "messages", f"system messages: {_REASON}")
    gemini_contents = [
        None if content is not None and content["role"] == "system" else content for content in assembly.gemini_contents
    ]
    placement = [OMITTED if place == SYSTEM else place for place in assembly.placement]
    return replace(assembly, system=[], gemini_contents=gemini_contents, placement=placement), OfferedTools()
