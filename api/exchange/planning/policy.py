"""The policy of a caller, applied to a request: storage, caps of output and reasoning.

A cap narrows the profile of the model, so that the translation clamps and notes every form of the parameter.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from api.auth.key_settings import require_storage
from api.exchange.accounting import Accounting
from api.notes import Note
from api.openai.responses.request import ResponsesRequest
from api.openai.shared.request_model import RequestModel
from sessions_store.accounts.policy import EFFORTS, UNRESTRICTED, Policy
from sessions_store.catalogue.model_profile import ModelProfile

Request = TypeVar("Request", bound=RequestModel)

# The names of the output limit, the preferred one first.
_OUTPUT_LIMITS: Final = ("max_completion_tokens", "max_output_tokens", "max_tokens")
_BUDGET, _LEVEL = ("thinking_budget", "thinkingBudget"), ("thinking_level", "thinkingLevel")
_DYNAMIC: Final = -1


def governed(request: Request, profile: ModelProfile, accounting: Accounting) -> tuple[Request, ModelProfile]:
    """Return the request and the model's profile within the caller's policy; each change is noted.

    Raises InvalidRequestError for a request that needs stored objects, if the policy permits none.
    """
    policy = accounting.caller.policy
    if policy is UNRESTRICTED:
        return request, profile
    if not policy.store or policy.content != "full":
        request = _not_stored(request, policy, accounting.notes)
    if policy.max_output_tokens:
        request, profile = _within_output_cap(request, profile, policy.max_output_tokens, accounting.notes)
    if policy.max_reasoning_effort and profile.thinking != "none":
        request, profile = _within_effort_cap(request, profile, policy.max_reasoning_effort, accounting.notes)
    return request, profile


def _not_stored(request: Request, policy: Policy, notes: list[Note]) -> Request:
    """Return the request with `store: false`; `conversation` and `background` need storage and are rejected."""
    for name in ("background", "conversation"):
        if getattr(request, name, None):
            require_storage(policy, name)
    if "store" not in request.parameters():
        return request
    given: bool | None = getattr(request, "store", None)
    if given and policy.content != "full":
        require_storage(policy, "store")
    if not (given or (given is None and isinstance(request, ResponsesRequest))):  # a response is stored by default
        return request
    notes.append(Note("dropped", "store", "the settings of the API key permit no stored objects"))
    return request.model_copy(update={"store": False})


def _within_output_cap(
    request: Request, profile: ModelProfile, cap: int, notes: list[Note]
) -> tuple[Request, ModelProfile]:
    if cap >= profile.output_token_limit:
        return request, profile
    names = [name for name in _OUTPUT_LIMITS if name in request.parameters()]
    if names and all(request.lacks(name) for name in names):
        request = request.model_copy(update={names[0]: cap})
        notes.append(Note("added", names[0], f"{cap}: the limit of the API key"))
    return request, replace(profile, output_token_limit=cap)


def _within_effort_cap(
    request: Request, profile: ModelProfile, cap: str, notes: list[Note]
) -> tuple[Request, ModelProfile]:
    effort: str | None = getattr(request, "effort", None)
    if effort is not None and _rank(effort) > _rank(cap):
        param = "reasoning_effort" if "reasoning_effort" in request.parameters() else "reasoning.effort"
        notes.append(Note("clamped", param, f"to {cap}: the limit of the API key"))
    narrowed = _narrowed(profile, cap)
    if narrowed is profile:
        return request, profile
    options: Mapping[str, Any] = _google_options(request)
    own = options.get("thinking_config") or options.get("thinkingConfig")
    if _states_amount(own) or (own is None and effort is not None and not _keeps_default(effort, narrowed)):
        return request, narrowed
    if own is not None and not isinstance(own, Mapping):
        return request, narrowed  # the translation rejects it
    if own is None and effort is None and _default_within(profile, narrowed):
        return request, narrowed
    kept = {name: value for name, value in (own or {}).items() if name not in (*_BUDGET, *_LEVEL)}
    if len(kept) < len(own or {}):
        notes.append(Note("clamped", "google.thinking_config.thinking_budget", f"to {cap}: the limit of the API key"))
    amount = {**kept, **_greatest_amount(narrowed)}
    notes.append(Note("added", "google.thinking_config", f"{cap}: the limit of the API key"))
    names = {"thinking_config", "thinkingConfig"} & options.keys() or {"thinking_config"}
    return request.model_copy(update={"google": {**options, **dict.fromkeys(names, amount)}}), narrowed


def _narrowed(profile: ModelProfile, cap: str) -> ModelProfile:
    """Return the profile without the levels and budgets above an effort; the same object if the model has none."""
    if profile.thinking == "level":
        levels = tuple(level for level in profile.thinking_levels if _rank(level) <= _rank(cap))
        levels = levels or profile.thinking_levels[:1]
        return profile if levels == profile.thinking_levels else replace(profile, thinking_levels=levels)
    budget = 0 if cap == "none" else dict(profile.thinking_budgets).get(cap, profile.thinking_budget_max)
    if budget >= profile.thinking_budget_max:
        return profile
    if budget == 0 and profile.thinking_can_disable:
        return replace(profile, thinking_budget_min=0, thinking_budget_max=0)
    return replace(profile, thinking_budget_max=max(budget, profile.thinking_budget_min))


def _default_within(profile: ModelProfile, narrowed: ModelProfile) -> bool:
    """Whether the model's default amount of thinking is within its narrowed profile."""
    default = profile.thinking_default
    if profile.thinking == "level":
        return default in narrowed.thinking_levels
    return default.isdigit() and int(default) <= narrowed.thinking_budget_max


def _greatest_amount(profile: ModelProfile) -> dict[str, Any]:
    """Return the greatest amount of thinking of a profile, as Gemini's thinking config."""
    if profile.thinking == "budget":
        return {"thinking_budget": profile.thinking_budget_max}
    return {"thinking_level": profile.thinking_levels[-1]}


def _keeps_default(effort: str, profile: ModelProfile) -> bool:
    """Whether the translation leaves the model's default, which may exceed a cap: thinking cannot be switched off."""
    return effort == "none" and profile.thinking == "budget" and not profile.thinking_can_disable


def _states_amount(own: Any) -> bool:
    """Whether a client's thinking config has a level or a budget other than the dynamic one."""
    if not isinstance(own, Mapping):
        return False
    budget = next((own[name] for name in _BUDGET if own.get(name) is not None), _DYNAMIC)
    return budget != _DYNAMIC or any(own.get(name) is not None for name in _LEVEL)


def _google_options(request: RequestModel) -> Mapping[str, Any]:
    options = getattr(request, "google_options", None)
    return (options if options is not None else getattr(request, "google", None)) or {}


def _rank(effort: str) -> int:
    return EFFORTS.index(effort) if effort in EFFORTS else len(EFFORTS)
