"""`spend_limit` and `spend_alerts`, of the organization and of a project: monthly budgets in cents (governance G37)."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from api.errors import NotFoundError
from api.openai.organization.objects import ObjectDeleted, Page, SettingDeleted, SpendAlert, SpendLimit
from api.openai.organization.query import PAGE_NAMES, PageQuery, page_of, read_query
from api.openai.organization.requests import SpendAlertBody, SpendLimitUpdate
from api.views.operation import Operation
from api.views.organization.paging import AFTER, BEFORE, LIMIT, ORDER, page
from api.views.organization.view import OrganizationView, answer, missing, project_of, read_body
from sessions_store.accounts import spending
from sessions_store.accounts.audit import Actor, Change, log_change
from sessions_store.models import Budget, Organization, Project
from sessions_store.models import SpendAlert as AlertRow

_PAGE: Final = (AFTER, BEFORE, LIMIT, ORDER)


def spend_limit_view(place: str) -> type[OrganizationView]:
    """Return the view of a spend limit; `place` is `Organization` or `Project`, for the names of its operations."""

    class SpendLimitView(OrganizationView):
        """The monthly spend limit: a hard budget."""

        @Operation(name=f"retrieve{place}SpendLimit", what="Return the monthly spend limit.", response=SpendLimit)
        async def get(self, request: HttpRequest, project: str = "") -> HttpResponse:
            read_query(self.query_pairs(request))
            return answer(await self.services.store.read(_limit, project))

        @Operation(
            name=f"update{place}SpendLimit",
            what="Set the monthly spend limit.",
            response=SpendLimit,
            body=SpendLimitUpdate,
        )
        async def post(self, request: HttpRequest, project: str = "") -> HttpResponse:
            body = await read_body(request, SpendLimitUpdate)
            return answer(await self.services.store.write(_set_limit, self.actor, project, body.threshold_amount))

        @Operation(name=f"delete{place}SpendLimit", what="Delete the monthly spend limit.", response=SettingDeleted)
        async def delete(self, request: HttpRequest, project: str = "") -> HttpResponse:
            return answer(await self.services.store.write(_delete_limit, self.actor, project))

    return SpendLimitView


def spend_alerts_view(place: str) -> type[OrganizationView]:
    """Return the view of all spend alerts of a `place` (see `spend_limit_view`)."""

    class SpendAlertsView(OrganizationView):
        """All monthly spend alerts."""

        @Operation(
            name=f"list{place}SpendAlerts",
            what="List the monthly spend alerts.",
            response=Page[SpendAlert],
            parameters=_PAGE,
        )
        async def get(self, request: HttpRequest, project: str = "") -> HttpResponse:
            query = page_of(read_query(self.query_pairs(request), one=(*PAGE_NAMES, "before", "order")))
            return answer(await self.services.store.read(_alerts, project, query))

        @Operation(
            name=f"create{place}SpendAlert",
            what="Create a monthly spend alert.",
            response=SpendAlert,
            body=SpendAlertBody,
            # Else the id of a project's alert would be linked to the alerts of the organization.
            gives=("alert", "/id") if place == "Organization" else None,
        )
        async def post(self, request: HttpRequest, project: str = "") -> HttpResponse:
            body = await read_body(request, SpendAlertBody)
            return answer(await self.services.store.write(_create_alert, self.actor, project, body))

    return SpendAlertsView


def spend_alert_view(place: str) -> type[OrganizationView]:
    """Return the view of one spend alert of a `place` (see `spend_limit_view`)."""

    class SpendAlertView(OrganizationView):
        """One monthly spend alert."""

        @Operation(name=f"retrieve{place}SpendAlert", what="Return a monthly spend alert.", response=SpendAlert)
        async def get(self, request: HttpRequest, alert: str, project: str = "") -> HttpResponse:
            read_query(self.query_pairs(request))
            return answer(await self.services.store.read(lambda: _encode_alert(_alert(_project(project), alert))))

        @Operation(
            name=f"update{place}SpendAlert",
            what="Replace a monthly spend alert.",
            response=SpendAlert,
            body=SpendAlertBody,
        )
        async def post(self, request: HttpRequest, alert: str, project: str = "") -> HttpResponse:
            body = await read_body(request, SpendAlertBody)
            return answer(await self.services.store.write(_update_alert, self.actor, project, alert, body))

        @Operation(name=f"delete{place}SpendAlert", what="Delete a monthly spend alert.", response=ObjectDeleted)
        async def delete(self, request: HttpRequest, alert: str, project: str = "") -> HttpResponse:
            return answer(await self.services.store.write(_delete_alert, self.actor, project, alert))

    return SpendAlertView


def _project(project_id: str) -> Project | None:
    """Return the project of a path; None for the organization."""
    return project_of(project_id) if project_id else None


def _kind(project: Project | None) -> Any:
    return "organization" if project is None else "project"


def _limit(project_id: str) -> SpendLimit:
    project = _project(project_id)
    return _encode_limit(project, _limit_of(project))


def _limit_of(project: Project | None) -> Budget:
    budget = spending.spend_limit(project)
    if budget is None:
        raise NotFoundError("No spend limit is set.", code="not_found")
    return budget


def _set_limit(actor: Actor, project_id: str, amount_cents: int) -> SpendLimit:
    project = _project(project_id)
    budget = spending.set_spend_limit(project, amount_cents)
    _log(actor, project, {"spend_limit": {"threshold_amount": amount_cents, "budget": budget.public_id}})
    return _encode_limit(project, budget)


def _delete_limit(actor: Actor, project_id: str) -> SettingDeleted:
    project = _project(project_id)
    budget = _limit_of(project)
    budget.delete()
    _log(actor, project, {"spend_limit": None})
    return {"object": f"{_kind(project)}.spend_limit.deleted", "deleted": True}


def _encode_limit(project: Project | None, budget: Budget) -> SpendLimit:
    return {
        "object": f"{_kind(project)}.spend_limit",  # type: ignore[typeddict-item]  # one of both kinds
        "threshold_amount": spending.cents(budget),
        "currency": "USD",
        "interval": "month",
        "enforcement": {"status": "enforcing" if spending.is_spent(budget) else "inactive"},
    }


def _alerts(project_id: str, query: PageQuery) -> Page[SpendAlert]:
    return page(spending.spend_alerts(_project(project_id)), query, _encode_alert)


def _create_alert(actor: Actor, project_id: str, body: SpendAlertBody) -> SpendAlert:
    project = _project(project_id)
    alert = spending.create_spend_alert(project, body.threshold_amount, *_channel(body))
    _log(actor, project, {"spend_alert": {"id": alert.public_id, "threshold_amount": body.threshold_amount}})
    return _encode_alert(alert)


def _update_alert(actor: Actor, project_id: str, alert_id: str, body: SpendAlertBody) -> SpendAlert:
    project = _project(project_id)
    alert = _alert(project, alert_id)
    spending.change_spend_alert(alert, body.threshold_amount, *_channel(body))
    _log(actor, project, {"spend_alert": {"id": alert_id, "threshold_amount": body.threshold_amount}})
    return _encode_alert(alert)


def _delete_alert(actor: Actor, project_id: str, alert_id: str) -> ObjectDeleted:
    project = _project(project_id)
    alert = _alert(project, alert_id)
    alert.budget.delete()
    _log(actor, project, {"spend_alert": {"id": alert_id, "deleted": True}})
    return {"id": alert_id, "object": f"{_kind(project)}.spend_alert.deleted", "deleted": True}


def _channel(body: SpendAlertBody) -> tuple[list[str], str]:
    channel = body.notification_channel
    return channel["recipients"], channel.get("subject_prefix") or ""


def _alert(project: Project | None, alert_id: str) -> AlertRow:
    """Return a spend alert of the project or of the organization; raises NotFoundError."""
    found = spending.spend_alerts(project).filter(public_id=alert_id).first()
    if found is None:
        raise missing("spend alert", "alert_id")
    return found


def _encode_alert(alert: AlertRow) -> SpendAlert:
    budget = alert.budget
    return {
        "object": "organization.spend_alert" if budget.project_id is None else "project.spend_alert",
        "id": alert.public_id,
        "threshold_amount": spending.cents(budget),
        "currency": "USD",
        "interval": "month",
        "notification_channel": {
            "type": "email",
            "recipients": alert.recipients,
            "subject_prefix": alert.subject_prefix or None,
        },
    }


def _log(actor: Actor, project: Project | None, requested: dict[str, Any]) -> None:
    target = project or Organization.objects.get_or_create(pk=1)[0]
    public_id = "organization" if project is None else project.public_id
    event = f"{_kind(project)}.updated"
    log_change(actor, Change(event=event, target=target, public_id=public_id, project=project, requested=requested))
