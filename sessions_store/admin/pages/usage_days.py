"""Cost and usage: per day and model, from the daily roll-ups, and per end user, from the usage records."""

from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from sessions_store.admin.display.end_users import end_users
from sessions_store.admin.display.usage_totals import totals, totals_by
from sessions_store.admin.pages.page import RecordPage
from sessions_store.models import UsageDay

LENGTHS = (7, 30, 90, 365)
DEFAULT_LENGTH = 30
# Usage records that the totals by end user read at most: 0.4 s on SQLite.
END_USER_ROWS = 50_000
MOST_END_USERS = 100
MAY_SEE_RECORDS = "sessions_store.view_usagerecord"


@admin.register(UsageDay)
class UsageDayPage(RecordPage[UsageDay]):
    """The last days, each with its upstream models; and the end users of these days."""

    def get_urls(self) -> list[URLPattern]:
        """Add the end users."""
        view = self.admin_site.admin_view(self.end_users)
        return [path("end-users/", view, name="sessions_store_end_users"), *super().get_urls()]

    def end_users(self, request: HttpRequest) -> HttpResponse:
        """The totals by end user; they name end users, as usage records do."""
        if not (self.has_view_permission(request) and request.user.has_perm(MAY_SEE_RECORDS)):
            raise PermissionDenied
        length = _length(request)
        context = {
            **self.admin_site.each_context(request),
            "title": "Cost & usage",
            "opts": self.opts,
            "found": end_users(_first_day(length), most=MOST_END_USERS, rows=END_USER_ROWS),
            "most": MOST_END_USERS,
            "lengths": LENGTHS,
            "length": length,
            "may_see_records": True,
        }
        return TemplateResponse(request, "gateway/end_users.html", context)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One table for `?days=7|30|90|365`: two queries for any number of requests."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        length = _length(request)
        rows = UsageDay.objects.filter(bucket__gte=_first_day(length))
        by_day = [
            (bucket, [(model or "no model (request rejected)", total) for (_, model), total in models])
            for bucket, models in groupby(totals_by(rows, "bucket", "upstream_model"), key=lambda row: row[0][0])
        ]
        days = [
            {
                "day": bucket,
                "requests": sum(total.requests for _, total in models),
                "cost_nano": sum(total.cost_nano for _, total in models),
                "models": sorted(models, key=lambda model: (-model[1].cost_nano, model[0])),
            }
            for bucket, models in reversed(by_day)
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": "Cost & usage",
            "opts": self.opts,
            "days": days,
            "total": totals(rows),
            "lengths": LENGTHS,
            "length": length,
            "may_see_records": request.user.has_perm(MAY_SEE_RECORDS),
        }
        return TemplateResponse(request, "gateway/usage_days.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the table: a roll-up row has no page of its own."""
        return self.changelist_view(request)


def _length(request: HttpRequest) -> int:
    """Return the selected number of days."""
    given = request.GET.get("days", "")
    return int(given) if given in {str(known) for known in LENGTHS} else DEFAULT_LENGTH


def _first_day(length: int) -> datetime:
    """Return the start of the first of the last `length` days, today included (UTC)."""
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=length - 1)
