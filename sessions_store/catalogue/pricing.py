"""The cost of an exchange: Gemini's usage and a dated price to nano-USD. Pure; `resolution` finds the price.

Prices are whole pico-USD per token (10^-12 USD, the same number as micro-USD per million tokens), so every sum is exact
and rounded once, to nano-USD, at the end. Counting follows https://ai.google.dev/gemini-api/docs/pricing: cached tokens
are part of the prompt, thoughts are priced as output, and tokens that Google's own tools add to the prompt are priced
as input. Google Search instead has fees of its own: per query, or per prompt with any number of queries. Google's free
monthly allowances are not deducted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from operator import add
from typing import Any, NamedTuple

PICO_PER_NANO = 1000
TEXT, AUDIO, IMAGE, VIDEO = "TEXT", "AUDIO", "IMAGE", "VIDEO"
_TEXTS = frozenset({TEXT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One price row, in pico-USD per token, search query and grounded prompt. Modalities without a
    price cost as text.
    """

    id: int
    input: int
    cached_input: int
    output: int
    input_by_modality: Mapping[str, int] = field(default_factory=dict)
    cached_by_modality: Mapping[str, int] = field(default_factory=dict)
    output_by_modality: Mapping[str, int] = field(default_factory=dict)
    long_context_from: int | None = None
    long_input: int | None = None
    long_cached_input: int | None = None
    long_output: int | None = None
    search_query: int = 0
    grounded_prompt: int = 0

    def at(self, prompt_tokens: int) -> "Price":
        """Return the price for a prompt of that size: the long-context price above the threshold, else this price."""
        if self.long_context_from is None or prompt_tokens <= self.long_context_from:
            return self
        return replace(
            self,
            input=self.input if self.long_input is None else self.long_input,
            cached_input=self.cached_input if self.long_cached_input is None else self.long_cached_input,
            output=self.output if self.long_output is None else self.long_output,
            long_context_from=None,
        )


@dataclass(slots=True, kw_only=True)
class Tokens:
    """Token counts of one upstream call, split by modality in the mappings; the remainder is text."""

    prompt: int = 0
    cached: int = 0
    output: int = 0
    prompt_by_modality: Mapping[str, int] = field(default_factory=dict)
    cached_by_modality: Mapping[str, int] = field(default_factory=dict)
    output_by_modality: Mapping[str, int] = field(default_factory=dict)


class LineItems(NamedTuple):
    """A cost by line item, all in one unit; `search` are the fees of Google Search."""

    input: int = 0
    cached_input: int = 0
    output: int = 0
    search: int = 0


class ModalityTokens(NamedTuple):
    """The tokens that are not text. Input excludes cached input; the frames of a video count as images."""

    input_audio: int = 0
    input_image: int = 0
    cached_audio: int = 0
    cached_image: int = 0
    output_audio: int = 0
    output_image: int = 0


TEXT_ONLY = ModalityTokens()


def tokens_of(usage_metadata: Mapping[str, Any], *, grounded: bool = False) -> Tokens:
    """Return the billed tokens of one `usageMetadata`: thoughts as output, tool-use prompts as prompt.

    The search fee covers the tokens that a search added to a `grounded` prompt (rule 96).
    """
    tool_use = 0 if grounded else _count(usage_metadata, "toolUsePromptTokenCount")
    prompt_details = ("promptTokensDetails",) if grounded else ("promptTokensDetails", "toolUsePromptTokensDetails")
    prompt = _count(usage_metadata, "promptTokenCount") + tool_use
    return Tokens(
        prompt=prompt,
        cached=min(_count(usage_metadata, "cachedContentTokenCount"), prompt),
        output=_count(usage_metadata, "candidatesTokenCount")
        + _count(usage_metadata, "responseTokenCount")
        + _count(usage_metadata, "thoughtsTokenCount"),
        prompt_by_modality=_by_modality(usage_metadata, *prompt_details),
        cached_by_modality=_by_modality(usage_metadata, "cacheTokensDetails"),
        output_by_modality=_by_modality(usage_metadata, "candidatesTokensDetails", "responseTokensDetails"),
    )


def billed_calls(usage_metadata: Sequence[Mapping[str, Any]], grounded: Sequence[bool]) -> list[Tokens]:
    """Return the billed tokens of each `usageMetadata` of an exchange; `grounded` flags the calls with a search, same
    order.
    """
    flags = chain(grounded, repeat(False))
    return [tokens_of(counts, grounded=flag) for counts, flag in zip(usage_metadata, flags, strict=False)]


def line_items(
    calls: Sequence[Tokens], price: Price, *, search_queries: int = 0, grounded_prompts: int = 0
) -> LineItems:
    """Return the cost of an exchange's upstream calls and searches by line item in pico-USD, with long-context prices
    for a call with a long prompt.
    """
    fresh_pico = cached_pico = output_pico = 0
    for tokens in calls:
        own = price.at(tokens.prompt)
        cached_by_modality = _cached_by_modality(tokens)
        output_pico += _priced(tokens.output, tokens.output_by_modality, own.output, own.output_by_modality)
        cached_pico += _priced(tokens.cached, cached_by_modality, own.cached_input, own.cached_by_modality)
        fresh = tokens.prompt_by_modality
        if cached_by_modality:
            fresh = {modality: max(count - cached_by_modality.get(modality, 0), 0) for modality, count in fresh.items()}
        fresh_pico += _priced(max(tokens.prompt - tokens.cached, 0), fresh, own.input, own.input_by_modality)
    searches = search_queries * price.search_query + grounded_prompts * price.grounded_prompt
    return LineItems(fresh_pico, cached_pico, output_pico, searches)


def rounded(pico: int) -> int:
    """Return an amount in nano-USD, rounded half up."""
    return (pico + PICO_PER_NANO // 2) // PICO_PER_NANO


def cost(calls: Sequence[Tokens], price: Price, *, search_queries: int = 0, grounded_prompts: int = 0) -> int:
    """Return the cost of an exchange's upstream calls and searches in nano-USD, rounded once, half up."""
    return rounded(sum(line_items(calls, price, search_queries=search_queries, grounded_prompts=grounded_prompts)))


def shared_out(total: int, items: LineItems) -> LineItems:
    """Return `total` in proportion to the items: the shares are whole, and their sum is `total`. Without items, the
    shares are 0.
    """
    whole = sum(items)
    if not whole:
        return LineItems()
    shares, shared, seen = [], 0, 0
    for item in items:
        seen += item
        up_to = total * seen // whole
        shares.append(up_to - shared)
        shared = up_to
    return LineItems(*shares)


def modality_tokens(calls: Sequence[Tokens]) -> ModalityTokens:
    """Return the tokens of an exchange's upstream calls that are not text."""
    found: list[int] = []
    for tokens in calls:
        prompt, output = tokens.prompt_by_modality, tokens.output_by_modality
        if not (prompt.keys() - _TEXTS or output.keys() - _TEXTS):
            continue
        cached = _cached_by_modality(tokens)
        held = [cached.get(AUDIO, 0), cached.get(IMAGE, 0) + cached.get(VIDEO, 0)]
        audio = max(prompt.get(AUDIO, 0) - held[0], 0)
        image = max(prompt.get(IMAGE, 0) + prompt.get(VIDEO, 0) - held[1], 0)
        own = [audio, image, *held, output.get(AUDIO, 0), output.get(IMAGE, 0) + output.get(VIDEO, 0)]
        found = [*map(add, found, own)] if found else own
    return ModalityTokens(*found) if found else TEXT_ONLY


def _cached_by_modality(tokens: Tokens) -> Mapping[str, int]:
    """Return the cached tokens by modality; without details, they count as text first, then as the other modalities."""
    if tokens.cached_by_modality or not tokens.cached:
        return tokens.cached_by_modality
    return _spread(tokens.cached, tokens)


def _priced(total: int, by_modality: Mapping[str, int], rate: int, rates: Mapping[str, int]) -> int:
    amount, rest = 0, total
    for modality, modality_rate in rates.items() if by_modality else ():
        count = min(by_modality.get(modality, 0), rest)
        amount += count * modality_rate
        rest -= count
    return amount + rest * rate


def _spread(cached: int, tokens: Tokens) -> dict[str, int]:
    named = sum(count for modality, count in tokens.prompt_by_modality.items() if modality != TEXT)
    left = max(cached - max(tokens.prompt - named, 0), 0)
    spread: dict[str, int] = {}
    for modality in (AUDIO, IMAGE, VIDEO):
        spread[modality] = min(tokens.prompt_by_modality.get(modality, 0), left)
        left -= spread[modality]
    return spread


def _count(usage_metadata: Mapping[str, Any], key: str) -> int:
    value = usage_metadata.get(key)
    return value if isinstance(value, int) and value > 0 else 0


def _by_modality(usage_metadata: Mapping[str, Any], *keys: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for key in keys:
        details = usage_metadata.get(key)
        for detail in details if isinstance(details, list) else ():
            if isinstance(detail, dict) and isinstance(modality := detail.get("modality"), str):
                counts[modality] = counts.get(modality, 0) + _count(detail, "tokenCount")
    return counts
