"""Usage and costs: the families of usage, their parameters, and the results by bucket
(https://platform.openai.com/docs/api-reference/usage).

Results of families that the gateway does not have yet are always empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NotRequired

from typing_extensions import TypedDict

UNLABELED: Final = "unlabeled"
# Parameters of every family.
_WHO: Final = ("project_id", "user_id", "api_key_id")
_FILTERS: Final = ("project_ids", "user_ids", "api_key_ids")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One call `GET /v1/organization/usage/{name}`: the fields to group by, the arrays that filter, other parameters,
    and the kind of its results. `public_model` is an extension: the requested model.
    """

    name: str
    result: str
    group_by: tuple[str, ...]
    filters: tuple[str, ...]
    flags: tuple[str, ...] = ()


COMPLETIONS: Final = Family(
    name="completions",
    result="organization.usage.completions.result",
    group_by=(*_WHO, "model", "batch", "service_tier", "api_source", "public_model"),
    filters=(*_FILTERS, "models"),
    flags=("batch",),
)
WEB_SEARCHES: Final = Family(
    name="web_search_calls",
    result="organization.usage.web_searches.result",
    group_by=(*_WHO, "model", "context_level", "api_source"),
    filters=(*_FILTERS, "models", "context_levels"),
)
FAMILIES: Final[Mapping[str, Family]] = {
    family.name: family
    for family in (
        COMPLETIONS,
        WEB_SEARCHES,
        Family(
            name="decisions",
            result="organization.usage.decisions.result",
            group_by=COMPLETIONS.group_by[:-1],
            filters=COMPLETIONS.filters,
            flags=("batch",),
        ),
        *(
            Family(
                name=name,
                result=f"organization.usage.{name}.result",
                group_by=(*_WHO, "model"),
                filters=(*_FILTERS, "models"),
            )
            for name in ("embeddings", "moderations", "audio_speeches", "audio_transcriptions")
        ),
        Family(
            name="images",
            result="organization.usage.images.result",
            group_by=(*_WHO, "model", "size", "source"),
            filters=(*_FILTERS, "models", "sizes", "sources"),
        ),
        Family(
            name="file_search_calls",
            result="organization.usage.file_searches.result",
            group_by=(*_WHO, "vector_store_id"),
            filters=(*_FILTERS, "vector_store_ids"),
        ),
        *(
            Family(
                name=name,
                result=f"organization.usage.{name}.result",
                group_by=("project_id",),
                filters=("project_ids",),
            )
            for name in ("vector_stores", "code_interpreter_sessions")
        ),
    )
}
COSTS_GROUP_BY: Final = (*_WHO, "line_item", "api_source")
COSTS_FILTERS: Final = ("project_ids", "api_key_ids", "line_items")


class Groups(TypedDict):
    """The fields of a group; null unless `group_by` names the field. `public_model` is present only then."""

    project_id: str | None
    user_id: str | None
    api_key_id: str | None
    api_source: str | None
    model: NotRequired[str | None]
    public_model: NotRequired[str]


class CompletionsResult(Groups):
    """Tokens of one group in one bucket. Input tokens contain cached ones; the tokens by modality do not."""

    object: Literal["organization.usage.completions.result"]
    input_tokens: int
    output_tokens: int
    num_model_requests: int
    batch: bool | None
    service_tier: str | None
    input_cached_tokens: int
    input_uncached_tokens: int
    input_text_tokens: int
    input_audio_tokens: int
    input_image_tokens: int
    input_cache_write_tokens: int
    input_cached_text_tokens: int
    input_cached_audio_tokens: int
    input_cached_image_tokens: int
    output_text_tokens: int
    output_audio_tokens: int
    output_image_tokens: int


class WebSearchesResult(Groups):
    """Search queries of one group in one bucket, and the requests that searched."""

    object: Literal["organization.usage.web_searches.result"]
    num_requests: int
    num_model_requests: int
    context_level: str | None


class Amount(TypedDict):
    """A cost in USD."""

    value: float
    currency: Literal["usd"]


class CostsResult(Groups):
    """The cost of one group in one day. `amount_nano` is the exact cost in nano-USD (10^-9 USD), an extension."""

    object: Literal["organization.costs.result"]
    amount: Amount
    amount_nano: int
    line_item: str | None
    quantity: float | None
    quantity_unit: str | None


class UsageBucket(TypedDict):
    """One bucket of time, Unix seconds: the end is exclusive."""

    object: Literal["bucket"]
    start_time: int
    end_time: int
    results: list[CompletionsResult | WebSearchesResult]


class CostsBucket(TypedDict):
    """One day (UTC), Unix seconds: the end is exclusive."""

    object: Literal["bucket"]
    start_time: int
    end_time: int
    results: list[CostsResult]


class UsagePage(TypedDict):
    """A page of buckets; `next_page` is the `page` of the next request."""

    object: Literal["page"]
    data: list[UsageBucket]
    has_more: bool
    next_page: str | None


class CostsPage(TypedDict):
    """A page of days; `next_page` is the `page` of the next request."""

    object: Literal["page"]
    data: list[CostsBucket]
    has_more: bool
    next_page: str | None


def completions_result(groups: Groups, tier: Mapping[str, Any], sums: Mapping[str, int]) -> CompletionsResult:
    """Return the result of one group; `sums` by column of the roll-ups, `tier` has `batch` and `service_tier`."""
    fresh = max(sums["prompt_tokens"] - sums["cached_tokens"], 0)
    audio, image = sums["input_audio_tokens"], sums["input_image_tokens"]
    cached_audio, cached_image = sums["cached_audio_tokens"], sums["cached_image_tokens"]
    output_audio, output_image = sums["output_audio_tokens"], sums["output_image_tokens"]
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": sums["prompt_tokens"],
        "output_tokens": sums["completion_tokens"],
        "num_model_requests": sums["requests"],
        "input_cached_tokens": sums["cached_tokens"],
        "input_uncached_tokens": fresh,
        "input_text_tokens": max(fresh - audio - image, 0),
        "input_audio_tokens": audio,
        "input_image_tokens": image,
        "input_cache_write_tokens": sums["cache_write_tokens"],
        "input_cached_text_tokens": max(sums["cached_tokens"] - cached_audio - cached_image, 0),
        "input_cached_audio_tokens": cached_audio,
        "input_cached_image_tokens": cached_image,
        "output_text_tokens": max(sums["completion_tokens"] - output_audio - output_image, 0),
        "output_audio_tokens": output_audio,
        "output_image_tokens": output_image,
        "batch": tier.get("batch"),
        "service_tier": tier.get("service_tier"),
        **groups,
    }


def web_searches_result(groups: Groups, sums: Mapping[str, int]) -> WebSearchesResult:
    """Return the result of one group."""
    return {
        "object": "organization.usage.web_searches.result",
        "num_requests": sums["search_queries"],
        "num_model_requests": sums["search_requests"],
        "context_level": None,
        **groups,
    }
