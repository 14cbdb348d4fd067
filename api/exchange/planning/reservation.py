"""The reservation of a request's cost from the budgets that count it, before its first upstream call."""

import logging
from datetime import datetime
from typing import Final

from api.errors import InvalidRequestError, SpendLimitError
from api.exchange.accounting import Accounting
from api.exchange.generation import Generation
from api.exchange.planning.estimate import Estimate, estimate
from api.notes import Note
from api.services import Services
from sessions_store.budgets.alerts import usd
from sessions_store.budgets.reservations import BudgetExceededError, Claim, Reservation
from sessions_store.budgets.rules import BudgetRule
from sessions_store.catalogue.pricing import PICO_PER_NANO, Price
from sessions_store.catalogue.resolution import Catalogue

logger = logging.getLogger(__name__)

# Google Search queries that one upstream call is expected to make at most.
MAX_SEARCHES: Final = 4
# A request without a limit of its own reserves this multiple of its expected output.
BOUND: Final = 2
# The output that a strict budget must be able to pay for, in tokens per choice.
LEAST_OUTPUT: Final = 16
_CODES: Final = {"project": "project_spend_limit_exceeded", "gateway": "organization_spend_limit_exceeded"}
_SUBJECTS: Final = {"gateway": "This gateway", "project": "The project", "principal": "The account", "key": "The key"}


async def reserve(
    services: Services,
    accounting: Accounting,
    catalogue: Catalogue,
    generation: Generation,
    expected_output: int,
) -> None:
    """Reserve the expected cost from every hard budget that counts the request. A request that has a reservation keeps
    it: its calls may be others, after a compaction of its context.

    `expected_output` is the output of a choice without a limit, in tokens. Strict budgets limit the output to what they
    have granted. Raises SpendLimitError; InvalidRequestError for a model without a price; the errors of the store.
    """
    caller = accounting.caller
    rules = catalogue.access.budgets.applicable(
        caller.project_id, caller.principal_id, caller.key_id, accounting.public_model
    )
    hard = [rule for rule in rules if rule.hard]
    if not hard or not generation.calls:
        return
    estimated = await services.worker_threads.off_loop(generation.hold.size, estimate, generation, expected_output)
    prompt = estimated.prompt_tokens
    price = catalogue.price(accounting.upstream_model, _tier(generation), accounting.started_at.date(), prompt)
    if price is None:
        raise _unpriced(hard[0], accounting)
    quote = _Quote(generation, price, estimated, _output_limit(catalogue, accounting))
    claims = [claim for rule in hard if (claim := quote.claim(rule, accounting.started_at)) is not None]
    if not claims:
        return
    if accounting.reservation is None:
        try:
            accounting.reservation = await services.escrow.reserve(claims)
        except BudgetExceededError as error:
            raise _exceeded(error) from None
    granted = dict(accounting.reservation.amounts)
    strict = [granted[claim.key] for claim in claims if claim.rule.strict and claim.key in granted]
    if strict:
        quote.limit_output(accounting, min(strict))


class _Quote:
    """The expected cost of a generation: `fixed` pico-USD for prompts and searches, and the output by its tokens."""

    def __init__(self, generation: Generation, price: Price, estimated: Estimate, limit: int) -> None:
        self._generation = generation
        config = generation.calls[0].body.get("generationConfig", {})
        own: int | None = config.get("maxOutputTokens")
        self._choices = sum(call.choices for call in generation.calls)
        self._limit = limit if own is None else min(own, limit)
        output = estimated.output_tokens
        self._bound = output if own is not None else min(BOUND * output, self._choices * limit)
        modalities = config.get("responseModalities", ())
        self._rate = max([price.output, *(price.output_by_modality.get(kind.upper(), 0) for kind in modalities)])
        self._fixed = estimated.prompt_tokens * price.input
        if any("googleSearch" in tool for tool in generation.calls[0].body.get("tools", ())):
            fees = MAX_SEARCHES * price.search_query + price.grounded_prompt
            self._fixed += len(generation.calls) * fees

    def claim(self, rule: BudgetRule, at: datetime) -> Claim | None:
        """Return what the request wants of a budget, None if the budget does not count its time."""
        window = rule.window(at)
        if window is None:
            return None
        wanted = self._cost(self._bound)
        if not rule.strict:
            return Claim(rule, window, window.key, wanted, wanted, wanted)
        least = self._cost(self._choices * min(LEAST_OUTPUT, self._limit))
        most = self._cost(self._choices * self._limit)
        return Claim(rule, window, window.key, min(least, wanted), wanted, max(most, wanted))

    def limit_output(self, accounting: Accounting, granted: int) -> None:
        """Limit the output of each choice to the tokens that `granted` pays for; note it if that is a change."""
        if not self._rate:
            return
        tokens = max((granted * PICO_PER_NANO - self._fixed) // (self._rate * self._choices), 1)
        if tokens >= self._limit:
            return
        for call in self._generation.calls:
            config = call.body.get("generationConfig", {})
            call.body["generationConfig"] = {**config, "maxOutputTokens": tokens}
        accounting.notes.append(Note("clamped", "max_tokens", f"{tokens} tokens are left in a budget"))

    def _cost(self, output: int) -> int:
        """Return the cost with that many output tokens in nano-USD, rounded up."""
        return -(-(self._fixed + output * self._rate) // PICO_PER_NANO)


def remaining(services: Services, reservation: Reservation) -> str | None:
    """Return the least that a budget of the request has left, in USD, as the header states it; None if unknown."""
    left = [services.escrow.remaining(key) for key, _ in reservation.amounts]
    known = [amount for amount in left if amount is not None]
    return usd(max(min(known), 0)) if known else None


def _tier(generation: Generation) -> str:
    return generation.calls[0].body.get("serviceTier", "")


def _output_limit(catalogue: Catalogue, accounting: Accounting) -> int:
    """Return the most tokens that the model writes for one choice."""
    resolution = catalogue.resolve(accounting.public_model, today=accounting.started_at.date())
    assert resolution is not None  # noqa: S101 - the request was planned by the same snapshot
    return resolution.model.output_token_limit


def _unpriced(rule: BudgetRule, accounting: Accounting) -> InvalidRequestError:
    logger.error(
        "The model %s has no price: budget %s rejects it", accounting.upstream_model, rule.name or rule.public_id
    )
    return InvalidRequestError(
        f"The model '{accounting.public_model}' has no price, and {_named(rule)} limits the spending.",
        param="model",
        code="model_not_priced",
        retryable=False,
    )


def _exceeded(error: BudgetExceededError) -> SpendLimitError:
    """Return the error of a budget that cannot pay: its name, its amount, and the time of its reset with the zone."""
    rule, window = error.claim.rule, error.claim.window
    period = "in total" if window.ends_at is None else f"per {rule.calendar.period}"
    spent = "is spent" if not error.left else f"has {usd(error.left)} USD left, less than this request may cost"
    reset = "It does not reset."
    if window.ends_at is not None:
        local = window.ends_at.astimezone(rule.calendar.zone)
        reset = f"It resets at {local:%Y-%m-%d %H:%M} {rule.calendar.zone.key}."
    return SpendLimitError(
        f"{_SUBJECTS[rule.scope]} has reached its spend limit: {_named(rule)} of {usd(rule.amount_nano)} USD {period}"
        f" {spent}. {reset}",
        code=_CODES.get(rule.scope),
        retryable=False,
    )


def _named(rule: BudgetRule) -> str:
    return f"the budget '{rule.name or rule.public_id}'"
