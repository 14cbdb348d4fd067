"""The tools of a Responses request to the tools of chat completions, and to Google's own tools.

Functions, custom tools, client-side tool searches and client-side tools become functions; namespaces are flattened; web
search and code interpreter become Google Search and code execution. Other tools of OpenAI have no counterpart: each is
left out with a note, unless the client forces it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from api.translate.request.context import RequestContext
from api.translate.responses.param_paths import Places
from api.translate.responses.tools.client_tools import CLIENT_TOOLS, client_function, runs_at_client
from api.translate.responses.tools.names import TOOL_SEARCH, CalledTool, CalledTools, flat_name
from api.translate.responses.tools.settings import note_settings
from api.translate.tools.built_in import BuiltInTools
from api.translate.tools.custom import custom_to_function

Tool = Mapping[str, Any]

# Gemini's names of OpenAI's tools; https://ai.google.dev/api/caching#Tool.
BUILT_IN: Final = {
    "web_search": "googleSearch",
    "web_search_2025_08_26": "googleSearch",
    "web_search_preview": "googleSearch",
    "web_search_preview_2025_03_11": "googleSearch",
    "code_interpreter": "codeExecution",
}
# Web search settings that Google Search does not support, with their harmless values.
_SEARCH_SETTINGS: Final[tuple[tuple[str, tuple[Any, ...]], ...]] = (
    ("search_context_size", (None, "medium")),
    ("user_location", (None, {}, {"type": "approximate"})),
    ("filters", (None, {}, {"allowed_domains": None}, {"allowed_domains": []})),
)
_CALLED_TYPES: Final = frozenset({"function", "custom", TOOL_SEARCH})


@dataclass(slots=True, kw_only=True)
class ToolSet:
    """The tools of a request.

    `functions` are in the form of chat completions' `tools`; `places` maps each name to its first index in `functions`;
    `called` maps flat names to the client's tools; `built_in` are Google's own; `left_out` lists the types without a
    counterpart; `declared` has all types in the request.
    """

    functions: list[dict[str, Any]] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    called: CalledTools = field(default_factory=CalledTools)
    built_in: BuiltInTools = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)


def tools_to_set(
    tools: Sequence[Tool] | None,
    settings: Sequence[tuple[Tool, str]],
    *,
    places: Places,
    context: RequestContext,
) -> ToolSet:
    """Return all tools of `tools` and of the items in `settings`; an item's declaration replaces an earlier one.

    {"type": "namespace", "name": "agents", "tools": [{"type": "function", "name": "close"}]}
    {"type": "function", "function": {"name": "agents.close"}}
    """
    found = ToolSet()
    for index, tool in enumerate(tools or ()):
        _add(found, tool, f"tools[{index}]", places, context)
    for item, path in settings:
        for index, tool in enumerate(item.get("tools") or ()):
            _add(found, tool, f"{path}.tools[{index}]", places, context, again=True)
    return found


def _add(
    found: ToolSet, tool: Tool, path: str, places: Places, context: RequestContext, *, again: bool = False
) -> None:
    found.declared.add(tool["type"])
    if tool["type"] != "namespace":
        _add_one(found, tool, path, places, context, again=again)
        return
    if tool.get("description") and any(not inner.get("description") for inner in tool["tools"]):
        context.note("dropped", f"{path}.description", "functions have no namespaces")
    note_settings(tool, path, context)
    for index, inner in enumerate(tool["tools"]):
        own = dict(inner) | {"namespace": tool["name"]}
        _add_one(found, own, f"{path}.tools[{index}]", places, context, again=again)


def _add_one(found: ToolSet, tool: Tool, path: str, places: Places, context: RequestContext, *, again: bool) -> None:
    kind = tool["type"]
    if kind in CLIENT_TOOLS:
        _add_client_tool(found, tool, (path, again), places, context)
        return
    if kind in _CALLED_TYPES:
        note_settings(tool, path, context)
    if kind == "function":
        _declare(found, _function(tool), CalledTool(kind="function", **_named(tool)), (path, again), places, context)
    elif kind == "custom":
        function = custom_to_function(tool, path=path, context=context)
        _declare(found, function, CalledTool(kind="custom", **_named(tool)), (path, again), places, context)
    elif kind == TOOL_SEARCH and tool.get("execution") == "client":
        function = {"name": TOOL_SEARCH, **_given(tool, ("description", "parameters"))}
        called = CalledTool(kind="tool_search", name=TOOL_SEARCH)
        _declare(found, function, called, (path, again), places, context)
    elif kind == TOOL_SEARCH:
        context.note("converted", path, "all tools are declared: no tool search needed")
    elif kind in BUILT_IN:
        _add_built_in(found, tool, path, context)
    elif kind == "image_generation" and "IMAGE" in context.profile.output_modalities:
        return  # an image model needs no tool
    else:
        found.left_out.append(kind)
        context.note("dropped", path, f"{_shown(kind)} is not supported by Gemini")


def _add_client_tool(
    found: ToolSet, tool: Tool, place: tuple[str, bool], places: Places, context: RequestContext
) -> None:
    """Add a client-side tool under the name of its type."""
    kind, path = tool["type"], place[0]
    if not runs_at_client(tool):
        found.left_out.append(kind)
        context.note("dropped", path, f"{kind} in an OpenAI container is not supported by Gemini")
        return
    if not context.profile.functions:
        context.note("dropped", path, "the model does not support tools")
        return
    note_settings(tool, path, context)
    _declare(found, client_function(tool), CalledTool(kind=kind, name=kind), place, places, context)


def _declare(
    found: ToolSet,
    function: dict[str, Any],
    called: CalledTool,
    place: tuple[str, bool],
    places: Places,
    context: RequestContext,
) -> None:
    """Add a function; `place` is its path and whether it may replace an earlier function of its name.

    The client's own function takes precedence over a client-side tool of the same name.
    """
    path, again = place
    name = flat_name(called.name, called.namespace)
    function["name"] = name
    other = found.called.get(name)
    if other is not None and not again and (other.kind in CLIENT_TOOLS) != (called.kind in CLIENT_TOOLS):
        earlier = places.inner[f"tools[{found.places[name]}].function"]
        context.note("dropped", path if called.kind in CLIENT_TOOLS else earlier, "a function has the same name")
        if called.kind in CLIENT_TOOLS:
            return
        again = True
    index = len(found.functions)
    if again and name in found.called:
        index = found.places[name]
        found.functions[index] = {"type": "function", "function": function}
    else:
        found.functions.append({"type": "function", "function": function})
        found.places.setdefault(name, index)
    found.called[name] = called
    places.inner[f"tools[{index}].function"] = path


def _named(tool: Tool) -> dict[str, str]:
    return {"name": tool["name"], "namespace": tool.get("namespace") or ""}


def _function(tool: Tool) -> dict[str, Any]:
    return _given(tool, ("description", "parameters", "strict"))


def _add_built_in(found: ToolSet, tool: Tool, path: str, context: RequestContext) -> None:
    if not context.profile.functions:
        context.note("dropped", path, "the model does not support tools")
        return
    if tool.get("external_web_access") is False:
        context.note("dropped", path, "external_web_access is false: Google Search uses the web")
        return
    found.built_in[BUILT_IN[tool["type"]]] = path
    note_settings(tool, path, context)
    for setting, nothing in _SEARCH_SETTINGS if BUILT_IN[tool["type"]] == "googleSearch" else ():
        if tool.get(setting) not in nothing:
            context.note("dropped", f"{path}.{setting}", "Google Search does not support this setting")


def _given(tool: Tool, names: Iterable[str]) -> dict[str, Any]:
    return {name: tool[name] for name in names if tool.get(name) is not None}


def _shown(kind: str) -> str:
    """Return a tool's type for a note, which must not contain arbitrary client text."""
    return kind if kind.replace("_", "").isalnum() and kind.isascii() and len(kind) <= 40 else "a tool of its type"
