"""Usage records: the list with one row per exchange, the page of each record, and the CSV export."""

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sessions_store.admin.display import formats
from sessions_store.admin.display.cost_lines import cost_breakdown
from sessions_store.admin.display.csv_cells import csv_line
from sessions_store.admin.display.formats import NOTHING
from sessions_store.admin.display.sent_body import answers, sent_body
from sessions_store.admin.display.transcript_scope import TranscriptScope
from sessions_store.admin.pages import usage_filters
from sessions_store.admin.pages.access.usage_key_filters import KeyFilter, ProjectFilter
from sessions_store.admin.pages.autocomplete_filter import search_media
from sessions_store.admin.pages.chat_sessions import MAY_READ
from sessions_store.admin.pages.keyset import KeysetList, KeysetPage, TimeRange, beyond
from sessions_store.admin.pages.page import RecordPage
from sessions_store.models import ChatSession, Key, Project, UsageRecord

BADGES = {
    UsageRecord.Status.OK: "good",
    UsageRecord.Status.CLIENT_ERROR: "warn",
    UsageRecord.Status.RATE_LIMITED: "warn",
    UsageRecord.Status.CLIENT_CLOSED: "",
}
CSV_COLUMNS = (
    "started_at",
    "request_id",
    "principal__username",
    "project__public_id",
    "key__public_id",
    "user",
    "endpoint",
    "public_model",
    "upstream_model",
    "model_version",
    "upstream",
    "stream",
    "status",
    "http_status",
    "error_code",
    "finish_reason",
    "choices",
    "attempts",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "total_tokens",
    "search_queries",
    "estimated",
    "cost_nano",
    "first_byte_ms",
    "latency_ms",
)
CSV_NAMES = {"principal__username": "account", "project__public_id": "project", "key__public_id": "key"}
CHUNK = 2000
INDEX = re.compile(r"\[\d+\]")


class UsageList(KeysetList):
    """The usage records by time."""

    def selected_period(self) -> TimeRange | None:
        """Return the selected period, within the days of the other filtered values by the roll-ups."""
        chosen = self.params.get(usage_filters.PeriodFilter.parameter_name)
        since, until = usage_filters.period(chosen, timezone.now())
        days = (None, None) if self.query else usage_filters.known_days(self.params)
        if days is None:
            return None
        first, last = days
        return max(filter(None, (since, first)), default=None), min(filter(None, (until, last)), default=None)


@admin.register(UsageRecord)
class UsageRecordPage(KeysetPage[UsageRecord], RecordPage[UsageRecord]):
    """Requests with their outcome and cost."""

    time_column = "started_at"
    id_column = "request_id"

    change_list_template = "gateway/usage_records.html"
    list_display = ("started", "outcome", "models", "requested_by", "tokens", "cost", "latency")
    list_display_links = ("started",)
    list_filter = (
        usage_filters.PeriodFilter,
        usage_filters.StatusFilter,
        usage_filters.UpstreamModelFilter,
        usage_filters.PublicModelFilter,
        usage_filters.PrincipalFilter,
        usage_filters.EndpointFilter,
        ProjectFilter,
        KeyFilter,
        usage_filters.StreamFilter,
        usage_filters.ErrorCodeFilter,
    )
    list_title = "Requests"
    list_intro = "One row per request, newest first. Default: the last 24 hours. Times are UTC."
    list_select_related = ("principal",)
    actions = None
    search_fields = ("user__startswith",)
    search_help_text = "Request id (any date), or an end user's name or its start (within the selected period)."

    @property
    def media(self) -> Any:
        """Add the scripts of the filters."""
        return super().media + search_media(UsageRecord._meta.get_field("key"))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The changelist with keyset pagination."""
        return UsageList

    def get_queryset(self, request: HttpRequest) -> QuerySet[UsageRecord]:
        """Defer the potentially large columns, which the list does not show."""
        return super().get_queryset(request).defer("usage_metadata", "notes", "metadata", "placement", "prices")

    def of_user(self, user: str) -> Q | None:
        """See KeysetPage."""
        return Q(user=user)

    def get_urls(self) -> list[URLPattern]:
        """Add the export."""
        export = path("export/", self.admin_site.admin_view(self.export), name="sessions_store_usage_export")
        return [export, *super().get_urls()]

    def export(self, request: HttpRequest) -> StreamingHttpResponse:
        """Stream the filtered records as CSV, in constant memory."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.get_changelist_instance(request).get_queryset(request).order_by("-started_at", "-id")
        response = StreamingHttpResponse(_csv(rows), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="usage-{timezone.now():%Y%m%d-%H%M}.csv"'
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of one exchange, instead of a form."""
        record = self.get_object(request, object_id)
        if not self.has_view_permission(request, record):
            raise PermissionDenied
        if record is None:
            return super().change_view(request, object_id)  # redirects with a message
        may_read = request.user.has_perm(MAY_READ)
        sent = sent_body(record) if may_read else None
        context = {
            **self.admin_site.each_context(request),
            "title": f"Request {record.request_id}",
            "opts": self.opts,
            "record": record,
            "endpoint": usage_filters.ENDPOINT_NAMES.get(record.endpoint, record.endpoint),
            "session": ChatSession.objects.filter(pk=record.session_id).first() if record.session_id else None,
            "project": Project.objects.filter(pk=record.project_id).first() if record.project_id else None,
            "key": Key.objects.filter(pk=record.key_id).first() if record.key_id else None,
            "badge": BADGES.get(UsageRecord.Status(record.status), "bad"),
            "breakdown": cost_breakdown(record),
            "notes": _merged([note for note in record.notes if isinstance(note, list) and len(note) == 3]),
            "usage_metadata": formats.pretty_json(record.usage_metadata) if any(record.usage_metadata) else "",
            "metadata": sorted(record.metadata.items()),
            "may_read": may_read,
            "answers": list(answers(record)),
            "scope": TranscriptScope(session=record.session_id, request=record.request_id).query(),
            "sent": sent,
            "sent_json": formats.pretty_json(sent.body) if sent and sent.body else "",
        }
        return TemplateResponse(request, "gateway/usage_record.html", context)

    @admin.display(description="time (UTC)")
    def started(self, record: UsageRecord) -> SafeString:
        """The start, to the second, and the endpoint."""
        endpoint = usage_filters.ENDPOINT_NAMES.get(record.endpoint, record.endpoint)
        return format_html(
            '<span class="figure">{}</span><span class="below">{}</span>',
            f"{record.started_at:%d %b %H:%M:%S}",
            endpoint,
        )

    @admin.display(description="status")
    def outcome(self, record: UsageRecord) -> SafeString:
        """The status, with the HTTP status and the error code, a link, of a failed exchange."""
        word = record.get_status_display()
        if record.http_status >= 400:
            word = f"{word} ({record.http_status})"
        badge = format_html(
            '<span class="badge {}">{}</span>', BADGES.get(UsageRecord.Status(record.status), "bad"), word
        )
        if not record.error_code:
            return badge
        address = f"?{urlencode({'error_code': record.error_code, 'period': usage_filters.ANY_TIME})}"
        return format_html('{}<a class="below" href="{}">{}</a>', badge, address, record.error_code)

    @admin.display(description="model")
    def models(self, record: UsageRecord) -> SafeString:
        """The public model, and the upstream model if its name differs."""
        if record.upstream_model in {"", record.public_model}:
            return format_html('<bdi class="name">{}</bdi>', record.public_model or NOTHING)
        return format_html(
            '<bdi class="name">{}</bdi><span class="below">{}</span>', record.public_model, record.upstream_model
        )

    @admin.display(description="end user")
    def requested_by(self, record: UsageRecord) -> SafeString:
        """The client's user and the owner."""
        if not record.user:
            return format_html('<span class="quiet">{}</span>', record.principal)
        owner = str(record.principal)
        return format_html('<bdi class="name">{}</bdi><span class="below">{}</span>', record.user, owner)

    @admin.display(description="tokens in / out")
    def tokens(self, record: UsageRecord) -> SafeString:
        """Prompt and completion tokens, with a sign for estimates."""
        return format_html(
            '<span class="figure">{}{} / {}</span>',
            "≈ " if record.estimated else "",
            formats.count(record.prompt_tokens),
            formats.count(record.completion_tokens),
        )

    @admin.display(description="cost")
    def cost(self, record: UsageRecord) -> SafeString:
        """The cost in USD, with the decimals of the other rows."""
        return format_html('<span class="figure">{}</span>', formats.usd4(record.cost_nano))

    @admin.display(description="response time")
    def latency(self, record: UsageRecord) -> SafeString:
        """The latency, and for a stream the time to the first byte."""
        whole = formats.milliseconds(record.latency_ms)
        if not record.stream or record.first_byte_ms is None:
            return format_html('<span class="figure">{}</span>', whole)
        first = formats.milliseconds(record.first_byte_ms)
        return format_html('<span class="figure">{}</span><span class="below">first byte {}</span>', whole, first)


def _merged(notes: list[list[Any]]) -> list[tuple[str, str, str]]:
    """Return (kind, parameter, reason), with notes that differ in the index of the parameter only as one note."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for kind, parameter, reason in notes:
        groups.setdefault((str(kind), INDEX.sub("[…]", str(parameter)), str(reason)), []).append(str(parameter))
    return [
        (kind, parameters[0], reason)
        if len(parameters) == 1
        else (kind, parameter, f"{reason} ({len(parameters)} times)")
        for (kind, parameter, reason), parameters in groups.items()
    ]


async def _csv(rows: QuerySet[UsageRecord]) -> AsyncIterator[str]:
    """Yield the file in chunks with a query each, so that a slow download holds no cursor open."""
    yield csv_line([CSV_NAMES.get(column, column) for column in CSV_COLUMNS])
    rest = rows
    while True:
        chunk = await sync_to_async(_fetch)(rest)
        if chunk:
            yield "".join(csv_line(row[1:]) for row in chunk)
        if len(chunk) < CHUNK:
            return
        rest = rows.filter(beyond((chunk[-1][0], chunk[-1][1]), "started_at", newer=False))


def _fetch(rows: QuerySet[UsageRecord]) -> list[tuple[Any, ...]]:
    return list(rows.values_list("pk", *CSV_COLUMNS)[:CHUNK])
