"""`/v1/organization/projects/{project}/rate_limits`: the limits of a project, one object per model or pattern.

The id of a limit is `rl-` and its model; `rl-*` are the limits of all models together. A change of a limit that does
not exist creates it.
"""

from typing import Final

from django.http import HttpRequest, HttpResponse

from api.openai.organization.objects import Page, ProjectRateLimit
from api.openai.organization.query import PAGE_NAMES, PageQuery, invalid, page_of, read_query
from api.openai.organization.requests import NO_LIMIT, RateLimitUpdate
from api.views.operation import Operation
from api.views.organization.paging import AFTER, BEFORE, LIMIT, listed
from api.views.organization.view import OrganizationView, answer, missing, project_of, read_body
from sessions_store.accounts.audit import Actor, Change, log_change
from sessions_store.models import RateLimit
from sessions_store.models.access.subject import Scope

PREFIX: Final = "rl-"
ALL_MODELS: Final = "*"
LONGEST_MODEL: Final = 200
# Parameters of the API, and the columns of the table.
_COLUMNS: Final = {
    "max_requests_per_1_minute": "requests_per_minute",
    "max_tokens_per_1_minute": "tokens_per_minute",
    "max_requests_per_1_day": "requests_per_day",
    "max_images_per_1_minute": "images_per_minute",
}
_ALWAYS: Final = ("max_requests_per_1_minute", "max_tokens_per_1_minute")


class RateLimitsView(OrganizationView):
    """All limits of a project."""

    @Operation(
        name="listProjectRateLimits",
        what="List the rate limits of a project.",
        response=Page[ProjectRateLimit],
        parameters=(AFTER, BEFORE, LIMIT),
    )
    async def get(self, request: HttpRequest, project: str) -> HttpResponse:
        """List the limits, the oldest first."""
        query = page_of(read_query(self.query_pairs(request), one=(*PAGE_NAMES, "before")), default=100)
        return answer(await self.services.store.read(_list, project, query))


class RateLimitView(OrganizationView):
    """The limits of a project for one model."""

    @Operation(
        name="updateProjectRateLimit",
        what="Set the rate limits of a project for one model.",
        response=ProjectRateLimit,
        body=RateLimitUpdate,
    )
    async def post(self, request: HttpRequest, project: str, limit: str) -> HttpResponse:
        """Set the limits."""
        body = await read_body(request, RateLimitUpdate)
        return answer(await self.services.store.write(_update, self.actor, project, limit, body))


def _list(project_id: str, query: PageQuery) -> Page[ProjectRateLimit]:
    limits = RateLimit.objects.filter(scope=Scope.PROJECT, project=project_of(project_id)).order_by("pk")
    items = [_encode(limit) for limit in limits]
    ids = [item["id"] for item in items]
    for name, cursor in (("after", query.after), ("before", query.before)):
        if cursor is not None and cursor not in ids:
            raise invalid(name, "expected the id of an object of the list")
    if query.before is not None:
        rest = items[: ids.index(query.before)]
        return listed(rest[-query.limit :], has_more=len(rest) > query.limit)
    rest = items if query.after is None else items[ids.index(query.after) + 1 :]
    return listed(rest[: query.limit], has_more=len(rest) > query.limit)


def _update(actor: Actor, project_id: str, limit_id: str, body: RateLimitUpdate) -> ProjectRateLimit:
    project = project_of(project_id)
    model = limit_id.removeprefix(PREFIX)
    if not limit_id.startswith(PREFIX) or not 0 < len(model) <= LONGEST_MODEL:
        raise missing("rate limit", "rate_limit_id")
    limit, _ = RateLimit.objects.get_or_create(
        scope=Scope.PROJECT.value, project=project, model_pattern="" if model == ALL_MODELS else model
    )
    requested = {name: value for name in _COLUMNS if (value := getattr(body, name)) is not None}
    for name, value in requested.items():
        setattr(limit, _COLUMNS[name], None if value == NO_LIMIT else value)
    limit.save()
    change = Change(event="rate_limit.updated", target=limit, public_id=limit_id, project=project, requested=requested)
    log_change(actor, change)
    return _encode(limit)


def _encode(limit: RateLimit) -> ProjectRateLimit:
    model = limit.model_pattern or ALL_MODELS
    values = {name: getattr(limit, column) for name, column in _COLUMNS.items()}
    shown = {name: NO_LIMIT if value is None else value for name, value in values.items()}
    return {
        "object": "project.rate_limit",
        "id": PREFIX + model,
        "model": model,
        **{name: shown[name] for name in _COLUMNS if name in _ALWAYS or values[name] is not None},  # type: ignore[typeddict-item]
    }
