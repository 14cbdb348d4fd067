"""Google's own tools, which run at Google: the parameters that enable them, and their incompatibilities (rules 56, 57).

`web_search_options` is OpenAI's parameter for Google Search; `google.google_search`, `google.code_execution` and
`google.url_context` are Google's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from api.gemini.wire import Tool, ToolConfig
from api.translate.config.google_options import GoogleOptions
from api.translate.request.context import RequestContext
from api.translate.tools.choice import ChosenTools

# Gemini's name of each tool -> the parameter that enabled it.
BuiltInTools = dict[str, str]

NO_FUNCTIONS = ChosenTools([], None)


@dataclass(frozen=True, slots=True)
class OfferedTools:
    """All tools of a request: the functions with their calling config, and Google's own tools."""

    chosen: ChosenTools = NO_FUNCTIONS
    built_in: BuiltInTools = field(default_factory=dict)

    def tools(self) -> list[Tool]:
        """Return Gemini's `tools`: one object for all functions, one for each of Google's own tools (rule 57)."""
        functions = self.chosen.declarations
        tools: list[Tool] = [{"functionDeclarations": functions}] if functions else []
        for name in self.built_in:
            own: Any = {name: {}}
            tools.append(own)
        return tools

    def config(self) -> ToolConfig:
        """Return Gemini's `toolConfig`; empty if all settings are defaults."""
        config: ToolConfig = {}
        if self.chosen.config:
            config["functionCallingConfig"] = self.chosen.config
        if self.built_in and self.chosen.declarations:
            config["includeServerSideToolInvocations"] = True
        return config


NO_TOOLS = OfferedTools()


def built_in_tools(
    web_search: Mapping[str, Any] | None, options: GoogleOptions, *, context: RequestContext
) -> BuiltInTools:
    """Return the enabled tools; settings that Google Search does not support are noted."""
    tools: BuiltInTools = {}
    if web_search is not None:
        tools["googleSearch"] = "web_search_options"
        if web_search.get("search_context_size") not in {None, "medium"}:
            context.note(
                "dropped", "web_search_options.search_context_size", "Google Search does not support this setting"
            )
        if web_search.get("user_location"):
            context.note("dropped", "web_search_options.user_location", "Google Search does not support a location")
    elif options.google_search:
        tools["googleSearch"] = "google.google_search"
    if options.code_execution:
        tools["codeExecution"] = "google.code_execution"
    if options.url_context:
        tools["urlContext"] = "google.url_context"
    return tools


def reconcile_built_in(
    built_in: BuiltInTools, chosen: ChosenTools, *, json: bool, context: RequestContext
) -> OfferedTools:
    """Return the functions and Google's tools that the model accepts together; `json` means a JSON response.

    Before Gemini 3 both exclude each other: the functions stay, because the client has to run them, unless calls are
    forbidden anyway. Since Gemini 3 both are allowed, with VALIDATED instead of AUTO.
    """
    profile = context.profile
    if json and built_in and not profile.tools_with_json:
        _drop(built_in, "the model does not support built-in tools together with JSON output", context)
        return OfferedTools(chosen)
    if not built_in or not chosen.declarations:
        return OfferedTools(chosen, built_in)
    if not profile.tools_with_builtin:
        if chosen.forbidden:
            context.note(
                "dropped",
                "tools",
                "the model does not support functions together with built-in tools, and tool_choice forbids calls",
            )
            return OfferedTools(built_in=built_in)
        _drop(built_in, "the model does not support built-in tools together with functions", context)
        return OfferedTools(chosen)
    if chosen.config is None and profile.validated_mode:
        chosen = ChosenTools(chosen.declarations, {"mode": "VALIDATED"})
    return OfferedTools(chosen, built_in)


def _drop(built_in: BuiltInTools, reason: str, context: RequestContext) -> None:
    for param in built_in.values():
        context.note("dropped", param, reason)
