"""Differences of Vertex AI: body fields that only the Gemini API accepts.

Vertex AI combines functions and Google's own tools without a flag, and accepts no tier in the body
(https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/GenerateContentRequest).
"""

from dataclasses import replace
from typing import Any, TypeVar

from api.notes import Note
from api.translate.request.upstream_call import UpstreamCall

_INVOCATIONS = "includeServerSideToolInvocations"

Call = TypeVar("Call", bound=UpstreamCall)


def final_call(upstream: Call, *, vertex: bool) -> Call:
    """Return the call in the form of the upstream; `vertex` means Vertex AI."""
    return call_for_vertex(upstream) if vertex else upstream


def call_for_vertex(upstream: Call) -> Call:
    """Return the call in the form of Vertex AI; a dropped tier is noted."""
    body: dict[str, Any] = dict(upstream.body)
    notes = upstream.notes
    if body.pop("serviceTier", "standard") != "standard":
        notes = (*notes, Note("dropped", "service_tier", "not supported by Vertex AI"))
    tool_config = upstream.body.get("toolConfig", {})
    if _INVOCATIONS in tool_config:
        body["toolConfig"] = {name: value for name, value in tool_config.items() if name != _INVOCATIONS}
    return replace(upstream, body=body, notes=notes)  # type: ignore[arg-type]  # still the same TypedDict
