"""The composition of a record's cost: tokens by kind and searches, each at the price in force."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from sessions_store.catalogue.pricing import billed_calls
from sessions_store.models import ModelPrice, UsageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """One line: a count, its price in USD per million tokens, and the amount in nano-USD.

    The price of searches is in USD per thousand; `per` then contains that unit.
    """

    kind: str
    count: int
    price: Decimal
    nano: int
    per: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostBreakdown:
    """The lines, and the remainder of the record's cost (other modalities, rounding) in nano-USD."""

    lines: tuple[CostLine, ...]
    prices: tuple[ModelPrice, ...]
    other_nano: int


def cost_breakdown(record: UsageRecord) -> CostBreakdown:
    """Split the cost of a record by input, cached input, output and searches.

    `other_nano` is the difference to the record's cost, for example from the price of another modality.
    """
    prices = tuple(ModelPrice.objects.filter(pk__in=record.prices).select_related("model"))
    lines = (*_lines(record, prices[0]), *_searches(record, prices[0])) if prices else ()
    return CostBreakdown(lines=lines, prices=prices, other_nano=record.cost_nano - sum(line.nano for line in lines))


def _lines(record: UsageRecord, price: ModelPrice) -> Iterator[CostLine]:
    calls = billed_calls(record.usage_metadata, record.grounded) if any(record.usage_metadata) else []
    prompt, cached, output = (
        (
            sum(call.prompt for call in calls),
            sum(call.cached for call in calls),
            sum(call.output for call in calls),
        )
        if calls
        else (record.prompt_tokens, record.cached_tokens, record.completion_tokens)
    )
    long = price.long_context_from is not None and any(call.prompt > price.long_context_from for call in calls)
    cached_price = price.cached_input if price.cached_input is not None else price.input
    amounts = (
        ("Input", prompt - cached, _price(long, price.long_input, price.input)),
        ("Cached input", cached, _price(long, price.long_cached_input, cached_price)),
        ("Output incl. reasoning", output, _price(long, price.long_output, price.output)),
    )
    for kind, tokens, amount in amounts:
        if tokens:
            yield CostLine(kind=kind, count=tokens, price=amount, nano=round(tokens * amount * 1_000))


def _searches(record: UsageRecord, price: ModelPrice) -> Iterator[CostLine]:
    amounts = (
        ("Google Search queries", record.search_queries, price.search_query),
        ("Prompts with Google Search", sum(record.grounded), price.grounded_prompt),
    )
    for kind, count, fee in amounts:
        if count and fee is not None:
            yield CostLine(kind=kind, count=count, price=fee, nano=round(count * fee * 1_000_000), per="per 1,000")


def _price(long: bool, long_price: Decimal | None, price: Decimal) -> Decimal:
    return long_price if long and long_price is not None else price
