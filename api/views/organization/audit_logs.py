"""`/v1/organization/audit_logs`: the changes made in the admin site and by the administration API, newest first."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from api.openai.organization.objects import AuditLog, Page
from api.openai.organization.query import LAST_SECOND, PAGE_NAMES, PageQuery, Query, invalid, page_of, read_query
from api.views.operation import Operation, OperationParameter
from api.views.organization.paging import AFTER, BEFORE, LIMIT, listed
from api.views.organization.view import OrganizationView, answer
from sessions_store.accounts.audit import PREFIX, AuditEvent, AuditFilter, read_events
from sessions_store.models import User

_BOUNDS: Final = {f"effective_at[{name}]": name for name in ("gt", "gte", "lt", "lte")}
# Parameters, and the filters that they set.
_ARRAYS: Final = {
    "event_types": "events",
    "project_ids": "projects",
    "actor_ids": "actors",
    "actor_emails": "emails",
    "resource_ids": "targets",
}
_PARAMETERS: Final = (
    AFTER,
    BEFORE,
    LIMIT,
    OperationParameter(
        name="effective_at",
        schema={"type": "object", "additionalProperties": {"type": "integer"}},
        what="Only entries in this range of time (Unix seconds): gt, gte, lt, lte.",
    ),
    *(
        OperationParameter(
            name=f"{name}[]", schema={"type": "array", "items": {"type": "string"}}, what="Only these entries."
        )
        for name in _ARRAYS
    ),
)


class AuditLogsView(OrganizationView):
    """The audit log."""

    @Operation(name="listAuditLogs", what="List the audit log.", response=Page[AuditLog], parameters=_PARAMETERS)
    async def get(self, request: HttpRequest) -> HttpResponse:
        """List the entries, the newest first."""
        names = (*PAGE_NAMES, "before", "tenant_only", *_BOUNDS)
        query = read_query(self.query_pairs(request), one=names, several=tuple(_ARRAYS))
        if query.flag("tenant_only"):
            raise invalid("tenant_only", "expected 'false', because the gateway has no tenant")
        return answer(await self.services.store.read(_list, page_of(query), _filter(query)))


def _filter(query: Query) -> AuditFilter:
    bounds = {
        comparison: datetime.fromtimestamp(query.integer(name, least=0, most=LAST_SECOND, default=0), UTC)
        for name, comparison in _BOUNDS.items()
        if name in query.one
    }
    arrays: dict[str, Any] = {_ARRAYS[name]: values for name, values in query.several.items() if values}
    return AuditFilter(bounds=bounds, **arrays)


def _list(query: PageQuery, wanted: AuditFilter) -> Page[AuditLog]:
    after, before = _number("after", query.after), _number("before", query.before)
    events = read_events(wanted, after=after, before=before, limit=query.limit + 1)
    shown = events[-query.limit :] if before is not None else events[: query.limit]
    return listed([_encode(event) for event in shown], has_more=len(events) > query.limit)


def _number(name: str, cursor: str | None) -> int | None:
    if cursor is None:
        return None
    number = cursor.removeprefix(PREFIX)
    if not cursor.startswith(PREFIX) or not number.isascii() or not number.isdigit() or len(number) > 18:
        raise invalid(name, "expected the id of an object of the list")
    return int(number)


def _encode(event: AuditEvent) -> AuditLog:
    entry: dict[str, Any] = {
        "object": "organization.audit_log",
        "id": event.id,
        "type": event.event,
        "effective_at": int(event.at.timestamp()),
        "actor": _actor(event),
        event.event: _details(event),
    }
    if event.project:
        entry["project"] = {"id": event.project, "name": event.project_name}
    return entry


def _actor(event: AuditEvent) -> Mapping[str, Any]:
    actor = event.actor
    user = {"id": actor.public_id, "email": actor.email}
    if not event.key:
        return {"type": "session", "session": {"user": user, "ip_address": event.address or None}}
    if actor.kind == User.Kind.SERVICE.value:
        owner: dict[str, Any] = {"type": "service_account", "service_account": {"id": actor.public_id}}
    else:
        owner = {"type": "user", "user": user}
    return {"type": "api_key", "api_key": {"id": event.key, **owner}}


def _details(event: AuditEvent) -> Mapping[str, Any]:
    """Return the part of an event that OpenAI names like the event: the object's id, and the requested values."""
    if not event.requested:
        return {"id": event.target}
    name = "data" if event.event.endswith(".created") else "changes_requested"
    return {"id": event.target, name: event.requested}
