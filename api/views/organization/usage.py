"""`GET /v1/organization/usage/...` and `GET /v1/organization/costs`: figures from the roll-ups, in whole buckets (UTC).

`api_source` is always `unlabeled`: the gateway has no Agents API. A batch request is one of the service tier `batch`.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from django.http import HttpRequest, HttpResponse

from api.openai.organization.usage import (
    COMPLETIONS,
    COSTS_FILTERS,
    COSTS_GROUP_BY,
    UNLABELED,
    WEB_SEARCHES,
    CompletionsResult,
    CostsPage,
    CostsResult,
    Family,
    Groups,
    UsagePage,
    WebSearchesResult,
    completions_result,
    web_searches_result,
)
from api.openai.organization.usage_query import (
    COSTS_LIMIT,
    WIDTHS,
    UsageQuery,
    parse_costs_query,
    parse_usage_query,
)
from api.translate.config.service_tier import service_tier_to_openai
from api.views.operation import Operation, OperationParameter
from api.views.organization.view import OrganizationView, answer
from sessions_store.usage.reports import BATCH, Column, Report, ReportRow, read_report

_COLUMNS: Final[dict[str, Column]] = {
    "project_id": "project_id",
    "user_id": "principal_id",
    "api_key_id": "key_id",
    "model": "upstream_model",
    "public_model": "public_model",
    "batch": "service_tier",
    "service_tier": "service_tier",
}
_FILTERED: Final[dict[str, Column]] = {
    "project_ids": "project_id",
    "user_ids": "principal_id",
    "api_key_ids": "key_id",
    "models": "upstream_model",
}
# Line items by column of the roll-ups: the name after the model, the unit, and the quantity.
LINE_ITEMS: Final[dict[str, tuple[str, str | None, Callable[[dict[str, int]], int | None]]]] = {
    "cost_input_nano": ("input_tokens", "tokens", lambda sums: max(sums["prompt_tokens"] - sums["cached_tokens"], 0)),
    "cost_cached_input_nano": ("cached_input_tokens", "tokens", lambda sums: sums["cached_tokens"]),
    "cost_output_nano": ("output_tokens", "tokens", lambda sums: sums["completion_tokens"]),
    "cost_search_nano": ("web_search_calls", None, lambda sums: sums["search_queries"]),
}
OTHER_LINE: Final = "other"  # the cost of requests whose price row was deleted


def _array(name: str, choices: Sequence[str] = ()) -> OperationParameter:
    items = {"type": "string"} | ({"enum": list(choices)} if choices else {})
    what = "Fields to group by." if name == "group_by" else f"Only usage of these {name.replace('_', ' ')}."
    return OperationParameter(name=f"{name}[]", schema={"type": "array", "items": items}, what=what)


def _parameters(
    group_by: Sequence[str], filters: Sequence[str], widths: Sequence[str], most: int
) -> tuple[OperationParameter, ...]:
    seconds = {"type": "integer", "minimum": 0}
    return (
        OperationParameter(name="start_time", schema=seconds, what="Start of the period (Unix seconds), required."),
        OperationParameter(name="end_time", schema=seconds, what="End of the period, exclusive. Default: now."),
        OperationParameter(
            name="bucket_width", schema={"type": "string", "enum": list(widths), "default": "1d"}, what="Bucket width."
        ),
        OperationParameter(
            name="limit", schema={"type": "integer", "minimum": 1, "maximum": most}, what="Maximum number of buckets."
        ),
        OperationParameter(name="page", schema={"type": "string"}, what="The next_page of the previous response."),
        _array("group_by", group_by),
        *(_array(name) for name in filters),
    )


_BATCH: Final = OperationParameter(name="batch", schema={"type": "boolean"}, what="Only batch requests, or none.")


def usage_view(family: Family) -> type[OrganizationView]:
    """Return the view of one family of usage."""

    class UsageView(OrganizationView):
        @Operation(
            name=f"getUsage_{family.name}",
            what=f"Return usage by bucket of time: {family.name.replace('_', ' ')}.",
            response=UsagePage,
            parameters=(
                *_parameters(
                    family.group_by, family.filters, tuple(WIDTHS), max(most for _, _, most in WIDTHS.values())
                ),
                *([_BATCH] if family.flags else []),
            ),
        )
        async def get(self, request: HttpRequest) -> HttpResponse:
            query = parse_usage_query(self.query_pairs(request), family, now=int(time.time()))
            report = _report(family, query)
            rows = [] if report is None else await self.services.store.read(read_report, report)
            body: UsagePage = {
                "object": "page",
                "data": _buckets(query, _usage_results(family, query, rows)),
                "has_more": query.next_page is not None,
                "next_page": query.next_page,
            }
            return answer(body)

    UsageView.__doc__ = f"Usage by bucket of time: {family.name.replace('_', ' ')}."
    return UsageView


class CostsView(OrganizationView):
    """The costs by day."""

    @Operation(
        name="getCosts",
        what="Return costs by day (UTC).",
        response=CostsPage,
        parameters=_parameters(COSTS_GROUP_BY, COSTS_FILTERS, ("1d",), COSTS_LIMIT[1]),
    )
    async def get(self, request: HttpRequest) -> HttpResponse:
        """Return the costs."""
        query = parse_costs_query(self.query_pairs(request), now=int(time.time()))
        wanted = "line_items" in query.filters
        columns = _columns(query.group_by)
        if "line_item" in query.group_by or wanted:
            columns = (*columns, "upstream_model")
        report = Report(
            width=query.width,
            start=datetime.fromtimestamp(query.start, UTC),
            end=datetime.fromtimestamp(query.end, UTC),
            group_by=columns,
            names=_names(query),
        )
        rows = await self.services.store.read(read_report, report)
        body: CostsPage = {
            "object": "page",
            "data": _buckets(query, _costs_results(query, rows)),
            "has_more": query.next_page is not None,
            "next_page": query.next_page,
        }
        return answer(body)


def _report(family: Family, query: UsageQuery) -> Report | None:
    """Return the report of a usage call; None for what the gateway does not have."""
    if family not in (COMPLETIONS, WEB_SEARCHES) or "context_levels" in query.filters:
        return None
    searches = family is WEB_SEARCHES
    return Report(
        width=query.width,
        start=datetime.fromtimestamp(query.start, UTC),
        end=datetime.fromtimestamp(query.end, UTC),
        group_by=_columns(query.group_by),
        names=_names(query),
        family=None if searches else family.name,
        batch=query.batch,
        searched=searches,
    )


def _columns(group_by: Sequence[str]) -> tuple[Column, ...]:
    return tuple(dict.fromkeys(_COLUMNS[name] for name in group_by if name in _COLUMNS))


def _names(query: UsageQuery) -> dict[Column, Sequence[str]]:
    return {_FILTERED[name]: values for name, values in query.filters.items() if name in _FILTERED}


def _groups(query: UsageQuery, row: ReportRow) -> Groups:
    """Return the fields of a row's group; null for what is not grouped."""
    grouped = {
        name: row.groups.get(_COLUMNS[name]) if name in query.group_by else None
        for name in ("project_id", "user_id", "api_key_id", "model")
    }
    grouped["api_source"] = UNLABELED if "api_source" in query.group_by else None
    if "public_model" in query.group_by:
        grouped["public_model"] = row.groups["public_model"]
    return grouped  # type: ignore[return-value]  # the keys of Groups, by name


def _usage_results(
    family: Family, query: UsageQuery, rows: Sequence[ReportRow]
) -> Iterator[tuple[int, CompletionsResult | WebSearchesResult]]:
    """Yield (start of the bucket, result) of each group. Rows that differ in hidden columns only are one group."""
    merged: dict[tuple[int, str], tuple[Groups, dict[str, Any], dict[str, int]]] = {}
    for row in rows:
        groups, tier = _groups(query, row), _tier(query, row)
        start = int(row.bucket.timestamp())
        known = merged.get((start, f"{groups}{tier}"))
        sums = row.sums if known is None else {name: count + known[2][name] for name, count in row.sums.items()}
        merged[start, f"{groups}{tier}"] = (groups, tier, sums)
    for (start, _), (groups, tier, sums) in merged.items():
        if family is WEB_SEARCHES:
            yield start, web_searches_result(groups, sums)
        else:
            yield start, completions_result(groups, tier, sums)


def _tier(query: UsageQuery, row: ReportRow) -> dict[str, Any]:
    """Return the grouped fields that follow from the service tier."""
    tier: dict[str, Any] = {}
    if "batch" in query.group_by:
        tier["batch"] = row.groups["service_tier"] == BATCH
    if "service_tier" in query.group_by:
        tier["service_tier"] = service_tier_to_openai(row.groups["service_tier"] or "standard")
    return tier


def _costs_results(query: UsageQuery, rows: Sequence[ReportRow]) -> list[tuple[int, CostsResult]]:
    """Return (start of the day, cost) of each group."""
    merged: dict[tuple[int, str], tuple[int, CostsResult]] = {}
    for row in rows:
        start, groups = int(row.bucket.timestamp()), _groups(query, row)
        for line in _lines(query, row):
            shown = line if "line_item" in query.group_by else Line(nano=line.nano)
            key = (start, f"{groups}{shown.name}")
            if key not in merged:
                merged[key] = (start, _cost(groups, shown))
                continue
            whole = merged[key][1]
            whole["amount_nano"] += shown.nano
            whole["amount"]["value"] = whole["amount_nano"] / 1e9
            if shown.quantity is not None:
                whole["quantity"] = (whole["quantity"] or 0) + shown.quantity
    return list(merged.values())


class Line(NamedTuple):
    """A cost in nano-USD: one line item, or without a name the whole cost."""

    nano: int
    name: str | None = None
    unit: str | None = None
    quantity: int | None = None


def _lines(query: UsageQuery, row: ReportRow) -> Iterator[Line]:
    """Yield the cost of one row: whole, or by line item if line items are grouped or filtered."""
    wanted = query.filters.get("line_items")
    if "line_item" not in query.group_by and wanted is None:
        yield Line(row.sums["cost_nano"])
        return
    model, other = row.groups["upstream_model"], row.sums["cost_nano"]
    lines = []
    for column, (name, unit, quantity) in LINE_ITEMS.items():
        lines.append(Line(row.sums[column], f"{model}, {name}", unit, quantity(row.sums)))
        other -= row.sums[column]
    for line in (*lines, Line(other, f"{model}, {OTHER_LINE}")):
        if (line.nano or line.quantity) and (wanted is None or line.name in wanted):
            yield line


def _cost(groups: Groups, line: Line) -> CostsResult:
    shown = {name: value for name, value in groups.items() if name != "model"}
    return {
        "object": "organization.costs.result",
        "amount": {"value": line.nano / 1e9, "currency": "usd"},
        "amount_nano": line.nano,
        "line_item": line.name,
        "quantity": line.quantity,
        "quantity_unit": line.unit,
        **shown,  # type: ignore[typeddict-item]  # the keys of Groups
    }


def _buckets(query: UsageQuery, results: Any) -> list[Any]:
    """Return every bucket of the page, empty ones included, with its results."""
    by_start: dict[int, list[Any]] = {start: [] for start in range(query.start, query.end, query.seconds)}
    for start, result in results:
        by_start[start].append(result)
    return [
        {"object": "bucket", "start_time": start, "end_time": start + query.seconds, "results": found}
        for start, found in by_start.items()
    ]
