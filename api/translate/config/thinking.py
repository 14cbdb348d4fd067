"""OpenAI's `reasoning_effort` and Google's own `thinking_config` to Gemini's `thinkingConfig` (rules 66 to 75).

A model thinks by a token budget or by a level; the profile says which, and has the budget of each effort. Any effort
except `none` requests thoughts; without an effort no thoughts are requested.
"""

from collections.abc import Mapping
from typing import Any

from api.errors import InvalidRequestError
from api.gemini.wire import ThinkingConfig
from api.translate.request.context import RequestContext

DYNAMIC_BUDGET = -1

_LEVEL_ORDER = ("minimal", "low", "medium", "high", "xhigh", "max")
_CONFIG_KEYS = {
    "thinking_budget": "thinkingBudget",
    "thinking_level": "thinkingLevel",
    "include_thoughts": "includeThoughts",
}
_CONFIG_PATH = "google.thinking_config"


def thinking_config(
    effort: str | None, own: object, *, thoughts: bool = False, context: RequestContext
) -> ThinkingConfig | None:
    """Return Gemini's thinking config from `google.thinking_config`, else from the effort; None without either.

    `thoughts` requests thoughts of a model that thinks. Raises InvalidRequestError for an `own` config of a wrong
    shape.
    """
    config = _amount(effort, own, context=context)
    # Without thinking there are no thoughts (rule 72).
    off = effort == "none" or context.profile.thinking == "none" or (config or {}).get("thinkingBudget") == 0
    return {"includeThoughts": True, **(config or {})} if thoughts and not off else config


def _amount(effort: str | None, own: object, *, context: RequestContext) -> ThinkingConfig | None:
    if own is not None:
        if effort is not None:
            context.note("dropped", "reasoning_effort", "google.thinking_config has precedence")
        return _own_config(_parsed(own), context)
    if effort is None:
        return None
    if context.profile.thinking == "none":
        if effort != "none":
            context.note("dropped", "reasoning_effort", "the model does not support reasoning")
        return None
    if context.profile.thinking == "level":
        return {"thinkingLevel": _level(effort, "reasoning_effort", context)}
    return _effort_budget(effort, context)


def _effort_budget(effort: str, context: RequestContext) -> ThinkingConfig | None:
    if effort == "none":
        if context.profile.thinking_can_disable:
            return {"thinkingBudget": 0}
        context.note(
            "clamped", "reasoning_effort", "reasoning cannot be switched off for this model: model default used"
        )
        return None
    budget = _budget_of(effort, context)
    # The two highest efforts mean the maximum, so a note would be wrong.
    if effort in {"xhigh", "max"}:
        return {"thinkingBudget": min(budget, context.profile.thinking_budget_max)}
    return {"thinkingBudget": _budget(budget, "reasoning_effort", context)}


def _budget_of(effort: str, context: RequestContext) -> int:
    return dict(context.profile.thinking_budgets)[effort]


def _budget(budget: int, param: str, context: RequestContext) -> int:
    """Return the budget within the model's range.

    0 (off) and -1 (dynamic) are outside the range and allowed (rule 68).
    """
    profile = context.profile
    if budget == DYNAMIC_BUDGET or (budget == 0 and profile.thinking_can_disable):
        return budget
    clamped = max(profile.thinking_budget_min, min(budget, profile.thinking_budget_max))
    if clamped != budget:
        context.note("clamped", param, f"to a reasoning budget of {clamped} tokens")
    return clamped


def _level(effort: str, param: str, context: RequestContext) -> str:
    """Return the level nearest to an effort, the lower one of two (rules 70, 71); `none` is the lowest (rule 72)."""
    levels = context.profile.thinking_levels
    if effort in levels or not levels:
        return effort
    if effort == "none":
        context.note("clamped", param, f"to the level {levels[0]}: reasoning cannot be switched off for this model")
        return levels[0]
    wanted = _LEVEL_ORDER.index(effort)
    nearest = min(levels, key=lambda level: abs(_rank(level) - wanted))
    # "max" means the highest level of any name.
    if effort != "max":
        context.note("clamped", param, f"to the level {nearest}")
    return nearest


def _rank(level: str) -> int:
    return _LEVEL_ORDER.index(level) if level in _LEVEL_ORDER else len(_LEVEL_ORDER)


def _own_config(own: Mapping[str, Any], context: RequestContext) -> ThinkingConfig | None:
    """Return Google's own config, adapted to the model's budget or level."""
    if context.profile.thinking == "none":
        context.note("dropped", _CONFIG_PATH, "the model does not support reasoning")
        return None
    config: ThinkingConfig = {}
    if "includeThoughts" in own:
        config["includeThoughts"] = own["includeThoughts"]
    if "thinkingLevel" in own:
        _apply_level(own["thinkingLevel"], config, context)
    elif "thinkingBudget" in own:
        _apply_budget(own["thinkingBudget"], config, context)
    return config or None


def _apply_level(level: str, config: ThinkingConfig, context: RequestContext) -> None:
    param = f"{_CONFIG_PATH}.thinking_level"
    if context.profile.thinking == "level":
        config["thinkingLevel"] = _level(level, param, context)
        return
    context.note("converted", param, "to a token budget: the model does not support effort levels")
    config["thinkingBudget"] = _budget(_budget_of(level, context), param, context)


def _apply_budget(budget: int, config: ThinkingConfig, context: RequestContext) -> None:
    param = f"{_CONFIG_PATH}.thinking_budget"
    if context.profile.thinking == "budget":
        config["thinkingBudget"] = _budget(budget, param, context)
        return
    # Gemini 3 accepts a budget for compatibility, but 0 disables tool calls (rule 73), and Gemini 4 rejects budgets.
    context.note("converted", param, "to an effort level: the model does not support token budgets")
    if budget == DYNAMIC_BUDGET:
        return
    level = next((name for name in ("low", "medium", "high") if budget <= _budget_of(name, context)), "max")
    config["thinkingLevel"] = _level("minimal" if budget == 0 else level, param, context)


def _parsed(own: object) -> dict[str, Any]:
    """Return the config in camelCase with values of the right types; both spellings are accepted, as by Google.

    Raises InvalidRequestError naming the key.
    """
    if not isinstance(own, Mapping):
        raise _invalid("it must be an object")
    known = {**_CONFIG_KEYS, **{camel: camel for camel in _CONFIG_KEYS.values()}}
    parsed: dict[str, Any] = {}
    for key, value in own.items():
        if key not in known:
            raise _invalid("it has an unknown key")
        if value is not None:
            parsed[known[key]] = value
    budget, level = parsed.get("thinkingBudget"), parsed.get("thinkingLevel")
    if budget is not None and level is not None:
        raise _invalid("set only one of 'thinking_budget' and 'thinking_level'")
    if budget is not None and (type(budget) is not int or not DYNAMIC_BUDGET <= budget < 2**31):
        raise _invalid("'thinking_budget' must be an integer of -1 or more")
    if level is not None:
        if not isinstance(level, str) or level.lower() not in _LEVEL_ORDER[:-1]:
            raise _invalid("'thinking_level' must be one of minimal, low, medium, high and xhigh")
        parsed["thinkingLevel"] = level.lower()
    if not isinstance(parsed.get("includeThoughts", False), bool):
        raise _invalid("'include_thoughts' must be true or false")
    return parsed


def _invalid(reason: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"Invalid value for '{_CONFIG_PATH}': {reason}.", param=_CONFIG_PATH, code="invalid_value"
    )
