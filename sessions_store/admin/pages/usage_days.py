"""Usage by day: cost and tokens per day and model, from the daily roll-ups."""

from datetime import timedelta
from itertools import groupby
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from sessions_store.admin.display.usage_totals import totals, totals_by
from sessions_store.admin.pages.page import RecordPage
from sessions_store.models import UsageDay

LENGTHS = (7, 30, 90, 365)
DEFAULT_LENGTH = 30


@admin.register(UsageDay)
class UsageDayPage(RecordPage[UsageDay]):
    """The last days, each with its upstream models."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One table for `?days=7|30|90|365`: two queries for any number of requests."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        given = request.GET.get("days", "")
        length = int(given) if given in {str(known) for known in LENGTHS} else DEFAULT_LENGTH
        midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
        rows = UsageDay.objects.filter(bucket__gt=midnight - timedelta(days=length))
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
            "may_see_records": request.user.has_perm("sessions_store.view_usagerecord"),
        }
        return TemplateResponse(request, "gateway/usage_days.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the table: a roll-up row has no page of its own."""
        return self.changelist_view(request)
