"""The `tool_choice` of a Responses request to chat completions' form, and to the tools that stay available."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from api.errors import InvalidRequestError
from api.translate.request.context import RequestContext
from api.translate.responses.tools.client_tools import CLIENT_TOOLS
from api.translate.responses.tools.declarations import BUILT_IN, ToolSet
from api.translate.responses.tools.names import CalledTools, flat_name

Choice = str | dict[str, Any] | None


def choice_to_chat(
    choice: str | Mapping[str, Any] | None, tools: ToolSet, *, context: RequestContext
) -> tuple[Choice, ToolSet]:
    """Return the choice in chat completions' form, and the available tools.

    Gemini can be forced to call a function, not to use one of its own tools. Raises InvalidRequestError for an
    unavailable tool.
        {"type": "function", "name": "time"}   {"type": "function", "function": {"name": "time"}}
    """
    if isinstance(choice, Mapping):
        return _object_choice(choice, tools, context)
    if choice == "none":
        return (choice if tools.functions else None), replace(tools, built_in={})
    if choice != "required" or tools.functions:
        return choice, tools
    if tools.built_in:
        context.note("clamped", "tool_choice", "Gemini decides when to use built-in tools")
        return None, tools
    raise _unusable(", ".join(dict.fromkeys(tools.left_out))) if tools.left_out else _no_tools()


def _object_choice(choice: Mapping[str, Any], tools: ToolSet, context: RequestContext) -> tuple[Choice, ToolSet]:
    kind = choice["type"]
    if kind == "allowed_tools":
        _note_undeclared(choice["tools"], tools, context)
        return _allowed(choice, tools)
    if kind in ("function", "custom"):
        return _named(choice, tools.called), tools
    if kind in tools.called and (tools.called[kind].kind == kind or (kind in CLIENT_TOOLS and kind in tools.declared)):
        return {"type": "function", "function": {"name": kind}}, tools
    own = BUILT_IN.get(kind)
    if own not in tools.built_in:
        raise _unusable(kind) if _family(kind) in map(_family, tools.declared) else _undeclared(kind)
    context.note("clamped", "tool_choice", "only this tool is declared: Gemini decides when to use it")
    return None, ToolSet(called=tools.called, built_in={own: tools.built_in[own]})


def _allowed(choice: Mapping[str, Any], tools: ToolSet) -> tuple[Choice, ToolSet]:
    """Restrict functions and Google's own tools to the listed ones; tools without a counterpart are left out."""
    listed = [tool for tool in choice["tools"] if isinstance(tool.get("type"), str)]
    functions = [_function(tool, tools.called) for tool in listed if _is_function(tool["type"], tools.called)]
    own = {BUILT_IN[tool["type"]] for tool in listed if tool["type"] in BUILT_IN}
    left = replace(tools, built_in={name: path for name, path in tools.built_in.items() if name in own})
    if not tools.functions:
        return None, left
    return {"type": "allowed_tools", "allowed_tools": {"mode": choice["mode"], "tools": functions}}, left


def _is_function(kind: str, called: CalledTools) -> bool:
    """Whether Gemini gets a function for a tool of this type."""
    return kind in ("function", "custom") or (kind in CLIENT_TOOLS and kind in called)


def _function(tool: Mapping[str, Any], called: CalledTools) -> dict[str, Any]:
    named = {"name": tool["type"]} if tool["type"] in CLIENT_TOOLS else tool
    return _named(named, called)


def _named(choice: Mapping[str, Any], called: CalledTools) -> dict[str, Any]:
    """Return the choice of a function by its flat name; a plain name means the first tool of that name."""
    name = choice.get("name")
    if not isinstance(name, str):
        raise InvalidRequestError(
            "Missing required parameter: 'tool_choice.name'.",
            param="tool_choice.name",
            code="missing_required_parameter",
        )
    flat = flat_name(name, choice.get("namespace"))
    if flat not in called:
        flat = next(iter(called.namesakes(name)), flat)
    return {"type": "function", "function": {"name": flat}}


def _unusable(kind: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"Invalid value for 'tool_choice': tools of type {kind} are not available with this server's models.",
        param="tool_choice",
        code="unsupported_value",
    )


def _note_undeclared(listed: Sequence[Mapping[str, Any]], tools: ToolSet, context: RequestContext) -> None:
    """Note OpenAI's tools that a list allows and the client does not declare."""
    declared = set(map(_family, tools.declared))
    for index, tool in enumerate(listed):
        kind = tool.get("type")
        if isinstance(kind, str) and kind in BUILT_IN and _family(kind) not in declared:
            context.note("dropped", f"tool_choice.tools[{index}]", "the tool is not declared in 'tools'")


def _undeclared(kind: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"Invalid value for 'tool_choice': a tool of type {kind} is not declared in 'tools'.",
        param="tool_choice",
        code="invalid_value",
    )


def _family(kind: str) -> str:
    """Return a common name for the versioned types of one tool."""
    return "computer" if kind.startswith("computer") else BUILT_IN.get(kind, kind)


def _no_tools() -> InvalidRequestError:
    return InvalidRequestError(
        "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
        param="tool_choice",
        code="invalid_value",
    )
