"""OpenAI's `tool_choice` and legacy `function_call` to Gemini's function calling mode (rules 54, 58 to 60).

Source: https://ai.google.dev/api/caching#FunctionCallingConfig.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.errors import InvalidRequestError
from api.gemini.wire import FunctionCallingConfig, FunctionDeclaration
from api.translate.request.context import RequestContext


@dataclass(frozen=True, slots=True)
class ChosenTools:
    """The declarations sent to Gemini and their calling config; None means Gemini's default, AUTO."""

    declarations: list[FunctionDeclaration]
    config: FunctionCallingConfig | None

    @property
    def forced(self) -> bool:
        """Whether the model must call a function."""
        return self.config is not None and self.config["mode"] == "ANY"

    @property
    def forbidden(self) -> bool:
        """Whether the model must not call a function."""
        return self.config is not None and self.config["mode"] == "NONE"


def choose_tools(
    declarations: list[FunctionDeclaration],
    choice: str | Mapping[str, Any] | None,
    *,
    strict: str | None,
    context: RequestContext,
) -> ChosenTools:
    """Return the declarations and the calling config for a `tool_choice` or `function_call`.

    `strict` is the path of the parameter that demands arguments valid by their schema, or None: mode ANY guarantees
    it, AUTO becomes VALIDATED if the model supports it. Without declarations there is no config, because Gemini rejects
    one. Raises InvalidRequestError for an undeclared tool.
    """
    if not declarations:
        _check_choice_without_tools(choice)
        return ChosenTools(declarations, None)
    if isinstance(choice, Mapping):
        if choice.get("type") == "allowed_tools":
            return _choose_allowed(declarations, choice["allowed_tools"], strict=strict, context=context)
        name = _tool_name(choice, "tool_choice")
        return ChosenTools(
            declarations, {"mode": "ANY", "allowedFunctionNames": _declared([name], declarations, context)}
        )
    if choice == "none":
        return ChosenTools(declarations, {"mode": "NONE"})
    if choice == "required":
        return ChosenTools(declarations, {"mode": "ANY"})
    return ChosenTools(declarations, _auto_config(strict=strict, context=context))


def _choose_allowed(
    declarations: list[FunctionDeclaration], allowed: Mapping[str, Any], *, strict: str | None, context: RequestContext
) -> ChosenTools:
    """Restrict the model to some tools.

    VALIDATED accepts names; AUTO rejects them (rule 58), so only these tools are sent.
    """
    listed: Sequence[Mapping[str, Any]] = allowed["tools"]
    names = [_tool_name(tool, f"tool_choice.allowed_tools.tools[{index}]") for index, tool in enumerate(listed)]
    if not names:
        return ChosenTools(declarations, {"mode": "NONE"})
    sent = _declared(names, declarations, context)
    if allowed["mode"] == "required":
        return ChosenTools(declarations, {"mode": "ANY", "allowedFunctionNames": sent})
    if context.profile.validated_mode:
        return ChosenTools(declarations, {"mode": "VALIDATED", "allowedFunctionNames": sent})
    context.note(
        "converted",
        "tool_choice",
        "only the allowed tools are declared: the model does not support a list of allowed tools",
    )
    allowed_names = frozenset(sent)
    kept = [declaration for declaration in declarations if declaration["name"] in allowed_names]
    return ChosenTools(kept, _auto_config(strict=strict, context=context))


def _auto_config(*, strict: str | None, context: RequestContext) -> FunctionCallingConfig | None:
    if strict is None:
        return None
    if context.profile.validated_mode:
        return {"mode": "VALIDATED"}
    context.note("dropped", strict, "the model validates arguments only if a call is required")
    return None


def _declared(names: list[str], declarations: list[FunctionDeclaration], context: RequestContext) -> list[str]:
    """Return the sent forms of the names, each once."""
    known = {declaration["name"] for declaration in declarations}
    sent = list(dict.fromkeys(context.names.sent(name) for name in names))
    if all(name in known for name in sent):
        return sent
    raise InvalidRequestError(
        "Invalid value for 'tool_choice': it names a function that is not declared.",
        param="tool_choice",
        code="invalid_value",
    )


def _tool_name(choice: Mapping[str, Any], param: str) -> str:
    """Return the name in `{"type": "function", "function": {"name"}}`, its custom form, or the legacy `{"name"}`."""
    kind = "custom" if choice.get("type") == "custom" else "function"
    chosen = choice.get(kind, choice)
    name = chosen.get("name") if isinstance(chosen, Mapping) else None
    if isinstance(name, str):
        return name
    raise InvalidRequestError(
        f"Missing required parameter: '{param}.{kind}.name'.",
        param=f"{param}.{kind}.name",
        code="missing_required_parameter",
    )


def _check_choice_without_tools(choice: str | Mapping[str, Any] | None) -> None:
    """Raises InvalidRequestError for a choice other than `none` or `auto` without tools."""
    if choice is None or choice in ("none", "auto"):
        return
    raise InvalidRequestError(
        "Invalid value for 'tool_choice': 'tool_choice' is only allowed when function tools are specified.",
        param="tool_choice",
        code="invalid_value",
    )
