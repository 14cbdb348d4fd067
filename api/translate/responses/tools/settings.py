"""Settings of Responses API tools without a counterpart at Gemini: dropped, with a note."""

from collections.abc import Mapping
from typing import Any, Final

from api.openai.shared.validation import printable_name
from api.translate.request.context import RequestContext

_CALLED: Final = frozenset({"type", "name", "namespace", "description", "parameters", "strict", "format", "execution"})
_NAMESPACE: Final = frozenset({"type", "name", "description", "tools"})
# Other web search settings are noted in `declarations`.
_SEARCH: Final = frozenset({"type", "search_context_size", "user_location", "filters", "external_web_access"})
_HONOURED: Final[Mapping[str, frozenset[str]]] = {
    "function": _CALLED,
    "custom": _CALLED,
    "tool_search": _CALLED,
    "namespace": _NAMESPACE,
    "code_interpreter": frozenset({"type"}),
    "shell": frozenset({"type", "environment"}),
    "local_shell": frozenset({"type"}),
    "apply_patch": frozenset({"type"}),
}
# Values without effect, besides null, false and empty ones.
_HARMLESS: Final[Mapping[str, Any]] = {"allowed_callers": ["direct"], "container": {"type": "auto"}}
_REASONS: Final[Mapping[str, str]] = {
    "defer_loading": "all tools are declared at once",
    "output_schema": "Gemini does not support result schemas",
    "async": "Gemini waits for tool results",
    "allowed_callers": "only the model calls tools",
    "container": "Gemini's code execution has no files",
}


def note_settings(tool: Mapping[str, Any], path: str, context: RequestContext) -> None:
    """Note every setting of a tool that has no effect; `path` is the tool's path."""
    honoured = _HONOURED.get(tool["type"], _SEARCH)
    for name, value in tool.items():
        if name not in honoured and value and value != _HARMLESS.get(name):
            reason = _REASONS.get(name, "unknown parameter")
            context.note("dropped", f"{path}.{printable_name(name)}", reason)
