"""What one exchange costs, and what it adds to the roll-ups: line items, tokens by modality, searches."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sessions_store.catalogue.pricing import (
    LineItems,
    Price,
    Tokens,
    billed_calls,
    line_items,
    modality_tokens,
    rounded,
    shared_out,
    tokens_of,
)
from sessions_store.catalogue.resolution import Catalogue
from sessions_store.models import UsageRecord
from sessions_store.models.rollup import COST_SUMS, RARE_SUMS
from sessions_store.writing.records import UsageRow

# Gemini's usage metadata have no count of tokens written to a cache.
_CACHE_WRITES: Final = 0
NO_SUMS: Final = (0,) * (len(COST_SUMS) + len(RARE_SUMS))


class Recorded(NamedTuple):
    """The columns of a usage record that determine its cost."""

    attempts: int
    estimated: bool
    usage_metadata: Sequence[Mapping[str, Any]]
    grounded: Sequence[bool]
    search_queries: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


Priceable = UsageRow | UsageRecord
Billable = Priceable | Recorded


class Charge(NamedTuple):
    """The cost of an exchange in nano-USD, the ids of its price rows, and its `COST_SUMS` and `RARE_SUMS`."""

    cost_nano: int
    prices: list[int]
    sums: tuple[int, ...]


def charge(usage: Priceable, prices: Catalogue) -> Charge:
    """Price an exchange; no ids without a known price or an upstream call."""
    if not usage.attempts:
        return Charge(0, [], NO_SUMS)
    calls = _calls(usage)
    price = prices.price(usage.upstream_model, usage.service_tier, usage.started_at.date(), 0)
    if price is None or not (usage.search_queries or any(tokens.prompt or tokens.output for tokens in calls)):
        return Charge(0, [], _sums(usage, calls, 0, None))
    pico = line_items(calls, price, search_queries=usage.search_queries, grounded_prompts=sum(usage.grounded))
    cost_nano = rounded(sum(pico))
    return Charge(cost_nano, [price.id], _shared(usage, calls, cost_nano, pico))


def recorded_sums(usage: Billable, cost_nano: int, price: Price | None) -> tuple[int, ...]:
    """Return the `COST_SUMS` and `RARE_SUMS` of a recorded exchange, for its recorded cost and price row.

    Without a price row (it was deleted), the line items are 0.
    """
    return _sums(usage, _calls(usage), cost_nano, price) if usage.attempts else NO_SUMS


def _sums(usage: Billable, calls: Sequence[Tokens], cost_nano: int, price: Price | None) -> tuple[int, ...]:
    if price is None:
        return _shared(usage, calls, 0, LineItems())
    pico = line_items(calls, price, search_queries=usage.search_queries, grounded_prompts=sum(usage.grounded))
    return _shared(usage, calls, cost_nano, pico)


def _shared(usage: Billable, calls: Sequence[Tokens], cost_nano: int, pico: LineItems) -> tuple[int, ...]:
    fresh, cached, output, search = shared_out(cost_nano, pico)
    queries = usage.search_queries
    return (fresh, cached, output, search, queries, int(queries > 0), *modality_tokens(calls), _CACHE_WRITES)


def _calls(usage: Billable) -> list[Tokens]:
    """Return the billed tokens of each upstream call; estimates count as one call."""
    calls = billed_calls(usage.usage_metadata, usage.grounded)
    if usage.estimated or not calls:
        reported = sum(tokens_of(metadata).prompt for metadata in usage.usage_metadata)
        prompt = usage.prompt_tokens - reported + sum(tokens.prompt for tokens in calls)  # less the tokens of searches
        calls = [Tokens(prompt=prompt, cached=usage.cached_tokens, output=usage.completion_tokens)]
    return calls
