"""Rules of thinking: levels or budgets, and the signatures of earlier calls.

See https://ai.google.dev/gemini-api/docs/thinking and .../thought-signatures.
"""

from typing import Any

from api.emulator.conversation import Content, Conversation, current_turn_start, role_of
from api.emulator.errors import GoogleError
from api.emulator.models import Model
from api.emulator.signatures import is_valid

DYNAMIC = -1


def check_thinking(config: dict[str, Any], model: Model) -> None:
    """Raises GoogleError for a thinkingConfig that the model does not support."""
    thinking = config.get("thinkingConfig")
    if thinking is None:
        return
    if model.thinking == "none":
        raise GoogleError("Thinking is not enabled for this model")
    level = thinking.get("thinkingLevel", "THINKING_LEVEL_UNSPECIFIED")
    budget = thinking.get("thinkingBudget")
    if level == "THINKING_LEVEL_UNSPECIFIED":
        level = ""
    if level and budget is not None:
        raise GoogleError("You can only set only one of thinking budget and thinking level.")
    if level:
        _check_level(level, model)
    if budget is not None:
        _check_budget(budget, model)


def _check_level(level: str, model: Model) -> None:
    if model.thinking != "level":
        raise GoogleError("Thinking level is not supported for this model.")
    if level.lower() not in model.thinking_levels:
        raise GoogleError(
            f"Thinking level {level} is not supported for this model. Please retry with other thinking level."
        )


def _check_budget(budget: int, model: Model) -> None:
    if model.thinking == "level":
        if not model.budget_accepted:
            raise GoogleError("Thinking budget is not supported for this model. Please use thinking level instead.")
        return
    if budget == 0 and not model.thinking_can_disable:
        raise GoogleError("Budget 0 is invalid. This model only works in thinking mode.")
    if budget not in {0, DYNAMIC} and not model.thinking_budget_min <= budget <= model.thinking_budget_max:
        raise GoogleError(
            f"The thinking budget {budget} is invalid. "
            f"Please choose a value between {model.thinking_budget_min} and {model.thinking_budget_max}."
        )


def check_signatures(conversation: Conversation, model: Model, *, foreign: bool) -> None:
    """Raises GoogleError for a corrupted signature, or a missing required one since the current prompt."""
    if not model.signs:
        return
    for content in conversation.contents:
        for part in content["parts"]:
            if part.get("thoughtSignature") and not is_valid(part, family=model.family, foreign=foreign):
                raise GoogleError("Corrupted thought signature.")
    if model.signatures:
        _check_presence(conversation.contents)


def _check_presence(contents: list[Content]) -> None:
    """Raises GoogleError unless the first call of each model content since the current prompt has a signature."""
    for index in range(current_turn_start(contents), len(contents)):
        if role_of(contents[index]) != "model":
            continue
        first = next((part for part in contents[index]["parts"] if "functionCall" in part), None)
        if first is not None and not first.get("thoughtSignature"):
            raise GoogleError(
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to "
                "work correctly, and missing thought_signature may lead to degraded model performance. Additional "
                f"data, function call `default_api:{first['functionCall']['name']}` , position {index + 1}. "
                "Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
            )
