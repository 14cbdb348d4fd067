"""What would reject a request with a key for a model: each rule that applies, with what is left."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q

from sessions_store.accounts.policy import Policy, effective_policy
from sessions_store.admin.display import formats
from sessions_store.admin.display.limits.budget_windows import Spending, spendings
from sessions_store.admin.display.limits.limit_usage import limit_uses, matches
from sessions_store.catalogue.loaded import snapshot
from sessions_store.catalogue.pricing import PICO_PER_NANO
from sessions_store.catalogue.resolution import STANDARD, Catalogue, Resolution
from sessions_store.models import Budget, Key, Organization, RateLimit
from sessions_store.models.access.key import with_predecessors

# The output of a small chat completion, in tokens.
LEAST_OUTPUT: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One rule that applies. `rejects`: the rule would reject the request now."""

    rule: str
    subject: str
    state: str
    rejects: bool = False


def checks(key: Key, model: str, now: datetime) -> list[Check]:
    """Return the rules for a chat completion with a key, in the order in which the gateway applies them."""
    catalogue = snapshot()
    organization = Organization.objects.filter(pk=1).first()
    levels = [organization.policy if organization else {}, key.project.policy if key.project else {}, key.policy]
    resolution = catalogue.resolve(model, today=now.date())
    found = [_key_check(key), *_policy_checks(effective_policy(levels), model, resolution)]
    if key.kind == Key.Kind.ADMIN.value:
        return found[:1]
    found += _limit_checks(key, model, now)
    return [*found, *_budget_checks(key, model, now, _least_cost(catalogue, resolution, now))]


def _applying(key: Key, keys: list[int]) -> Q:
    """Return the condition of the limits and budgets whose subject a request with the key belongs to."""
    return Q(scope="gateway") | Q(project=key.project_id) | Q(principal=key.principal_id) | Q(key__in=keys)


def _key_check(key: Key) -> Check:
    if key.kind == Key.Kind.ADMIN.value:
        return Check(rule="Key", subject=str(key), state="Admin keys cannot send requests to models.", rejects=True)
    reasons = {
        "active": "valid",
        "expired": "expired: 401",
        "revoked": "revoked: 401",
        "inactive": "owner or project not active: 401",
    }
    return Check(rule="Key", subject=str(key), state=reasons[key.state], rejects=key.state != "active")


def _policy_checks(policy: Policy, model: str, resolution: Resolution | None) -> Iterator[Check]:
    permitted = policy.permits_scope("chat", write=True)
    yield Check(
        rule="Scope",
        subject="chat.write",
        state="permitted" if permitted else "not in the scopes: 403",
        rejects=not permitted,
    )
    if resolution is None:
        yield Check(rule="Model", subject=model, state="no mapping and no Gemini model: 404", rejects=True)
        return
    allowed = policy.permits_model(model, resolution.upstream)
    answer = f"answered by {resolution.upstream}"
    yield Check(
        rule="Model", subject=model, state=answer if allowed else f"{answer}, not permitted: 404", rejects=not allowed
    )


def _limit_checks(key: Key, model: str, now: datetime) -> Iterator[Check]:
    rows = (
        RateLimit.objects.filter(_applying(key, with_predecessors(key.pk)))
        .select_related("project", "principal", "key")
        .order_by("id")
    )
    for row in rows:
        if not matches(row.model_pattern, model):
            continue
        for use in limit_uses(row, now):
            left = "running requests are not recorded" if use.left is None else f"{use.left:,} left"
            yield Check(
                rule="Rate limit",
                subject=_subject(row),
                state=f"{use.limit:,} {use.name}: {left}",
                rejects=use.left == 0,
            )


def _budget_checks(key: Key, model: str, now: datetime, least: int | None) -> Iterator[Check]:
    """`least`: the least cost of a request in nano-USD, None for a model without a price."""
    rows = Budget.objects.filter(_applying(key, with_predecessors(key.pk)), enabled=True).select_related(
        "project", "principal", "key"
    )
    matching = [row for row in rows.order_by("id") if matches(row.model_pattern, model)]
    for spending in spendings(matching, now):
        hard = spending.budget.enforcement != Budget.Enforcement.SOFT
        state = _budget_state(spending)
        if hard and least is None:
            state += "; the model has no price"
        short = least is None or spending.left_nano < max(least, 1)
        if hard and least is not None and short and spending.left_nano:
            state += f"; a request costs at least {formats.usd(least)}"
        yield Check(
            rule="Budget",
            subject=_subject(spending.budget),
            state=state,
            rejects=hard and short,
        )


def _budget_state(spending: Spending) -> str:
    budget = spending.budget
    text = f"{formats.usd(spending.left_nano)} left of {formats.usd(budget.amount_nano)}"
    if spending.reserved_nano:
        text += f" ({formats.usd(spending.reserved_nano)} reserved for running requests)"
    if spending.resets_on is not None:
        text += f", new period on {spending.resets_on:%d %b %Y} ({budget.time_zone})"
    return text if budget.enforcement != Budget.Enforcement.SOFT else f"{text}; alert only"


def _least_cost(catalogue: Catalogue, resolution: Resolution | None, now: datetime) -> int | None:
    """Return the cost of LEAST_OUTPUT tokens in nano-USD, rounded up; None for a model without a price."""
    if resolution is None:
        return 0
    price = catalogue.price(resolution.upstream, STANDARD, now.date(), 0)
    return None if price is None else -(-LEAST_OUTPUT * price.output // PICO_PER_NANO)


def _subject(row: RateLimit | Budget) -> str:
    name = "Gateway" if row.subject is None else f"{row.get_scope_display()} {row.subject}"
    return f"{name}, {row.model_pattern}" if row.model_pattern else name
