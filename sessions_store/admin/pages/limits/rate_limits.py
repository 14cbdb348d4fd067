"""Rate limits: the list and the form."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from sessions_store.admin.display.limits.limit_usage import LIMITS, limit_texts
from sessions_store.admin.pages.limits.refusal import refusal_page
from sessions_store.admin.pages.limits.subjects import SUBJECTS, SubjectForm, SubjectPage
from sessions_store.models import RateLimit

COLUMNS = tuple(column for column, *_ in LIMITS)


class RateLimitForm(SubjectForm[RateLimit]):
    """The limits of one subject."""

    def clean(self) -> dict[str, Any]:
        """Reject a row without a limit, and a second row of one subject and pattern."""
        cleaned = super().clean()
        if not self.errors:
            if all(cleaned.get(column) is None for column in COLUMNS):
                self.add_error("requests_per_minute", "Enter at least one limit.")
            same = {name: cleaned.get(name) for name in ("scope", "model_pattern", *SUBJECTS)}
            # A filter by None is no condition on null: the other subjects of the same scope are null anyway.
            wanted = {name: value for name, value in same.items() if value is not None}
            if RateLimit.objects.filter(**wanted).exclude(pk=self.instance.pk).exists():
                self.add_error("model_pattern", "This subject has a rate limit for these models already.")
        return cleaned


@admin.register(RateLimit)
class RateLimitPage(SubjectPage[RateLimit]):
    """Requests and tokens per minute and day, and concurrent requests, by subject."""

    form = RateLimitForm
    list_display = ("subject_name", "model_name", "limits")
    list_title = "Rate limits"
    list_intro = "A request must pass each rate limit that applies: of the gateway, its project, its account, its key."
    list_empty = "No rate limits yet: requests are not limited."
    ordering = ("id",)
    csv_columns = ("scope", "project__name", "principal__username", "key__name", "model_pattern", *COLUMNS)
    fieldsets = (
        ("Subject", {"fields": ("scope", *SUBJECTS, "model_pattern")}),
        ("Limits", {"fields": COLUMNS, "description": "An empty limit does not apply."}),
    )

    def get_urls(self) -> list[URLPattern]:
        """Add the check of one request."""
        view = self.admin_site.admin_view(self.refusal)
        return [path("refusal/", view, name="sessions_store_ratelimit_refusal"), *super().get_urls()]

    def refusal(self, request: HttpRequest) -> HttpResponse:
        """Show what would reject a request."""
        return refusal_page(request)

    @admin.display(description="limits")
    def limits(self, row: RateLimit) -> SafeString:
        """The limits in words, one per line."""
        return format_html_join("", '<span class="line">{}</span>', ((text,) for text in limit_texts(row)))
