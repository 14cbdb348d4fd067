"""Stored objects of clients: responses, conversations, stored chat completions.

Each object links to its transcript, where branches are visible. A deletion erases the content; the usage record stays.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.contrib import admin
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from sessions_store.admin.display.formats import NOTHING, pretty_json
from sessions_store.admin.display.transcript_scope import TranscriptScope
from sessions_store.admin.pages.chat_sessions import MAY_READ
from sessions_store.admin.pages.keyset import KeysetPage
from sessions_store.admin.pages.page import Page, RecordPage
from sessions_store.models import Conversation, StoredCompletion, StoredResponse, UsageRecord
from sessions_store.state.conversations import all_items, delete_conversation
from sessions_store.state.items import bodies
from sessions_store.state.responses import delete_response
from sessions_store.state.stored_completions import delete_completion

log = logging.getLogger(__name__)

BADGES = {"completed": "good", "incomplete": "warn", "failed": "bad"}
Row = TypeVar("Row", bound=Model)


class StoredPage(KeysetPage[Row], RecordPage[Row]):
    """Records that can be deleted: the store selects the related rows to erase, not foreign keys."""

    time_column = "created_at"
    list_display_links = ("name",)
    list_select_related = ("principal",)
    delete_confirmation_template = "gateway/forget_stored.html"
    change_form_template = "gateway/stored_object.html"

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """By permission, unlike other records."""
        return bool(Page.has_delete_permission(self, request, obj))

    def get_fields(self, request: HttpRequest, obj: Row | None = None) -> Any:
        """The fields of the page; the content only with the permission to read messages."""
        own = [str(name) for name in self.fields or ()]
        return [*own, "content"] if request.user.has_perm(MAY_READ) else own

    def get_readonly_fields(self, request: HttpRequest, obj: Row | None = None) -> list[str]:
        """All fields."""
        return [*super().get_readonly_fields(request, obj), "name", "owner", "usage_record", "content"]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page, titled by its kind, with a link to the transcript if the operator may read messages."""
        row = self.get_object(request, object_id)
        node = self.node(row) if row is not None and request.user.has_perm(MAY_READ) else None
        context = {
            "title": capfirst(str(self.opts.verbose_name)),
            "transcript": "" if row is None or node is None else self.place(row, node),
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    def get_deleted_objects(
        self, objs: Iterable[Row], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[Any], list[Any]]:
        """List only the objects themselves."""
        rows = list(objs)
        plural = str(self.opts.verbose_name_plural)
        missing = set() if self.has_delete_permission(request) else {str(self.opts.verbose_name)}
        return [str(row) for row in rows], {plural: len(rows)}, missing, []

    def delete_model(self, request: HttpRequest, obj: Row) -> None:
        """Erase one object."""
        log.info("Account %s deleted %s %s", request.user.get_username(), self.opts.model_name, obj.pk)
        with transaction.atomic():
            self.forget(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Row]) -> None:
        """Erase each object."""
        for row in queryset:
            self.delete_model(request, row)

    def forget(self, row: Row) -> None:
        """Erase a row and the content without other uses."""
        raise AssertionError  # pragma: no cover - each page overrides it

    def node(self, row: Row) -> UUID | None:
        """Return the node of a row in the transcript tree."""
        return getattr(row, "answer_id", None)

    def scope(self, row: Any) -> TranscriptScope:
        """Return the scope of a row's transcript."""
        return TranscriptScope(request=row.request_id)

    def place(self, row: Row, node: UUID) -> str:
        """Return the URL of the transcript up to a node, in the scope of a row."""
        return reverse("admin:sessions_store_message", args=[node]) + self.scope(row).query()

    @admin.display(description="id")
    def name(self, row: Row) -> SafeString:
        """The public id."""
        return format_html('<span class="name" title="{0}">{0}</span>', str(row))

    @admin.display(description="account")
    def owner(self, row: Any) -> str:
        """The name of the principal."""
        return str(row.principal.get_username())

    @admin.display(description="request")
    def usage_record(self, row: Any) -> SafeString:
        """A link to the usage record of the row's request."""
        return self._link(UsageRecord.objects.filter(request_id=row.request_id), row.request_id)

    def _link(self, rows: QuerySet[Any], text: str) -> SafeString:
        """Return a link to the page of the first row, or the text without a row."""
        key = rows.values_list("pk", flat=True).first()
        if key is None:
            return format_html('<span class="code">{}</span>', text or NOTHING)
        address = reverse(f"admin:sessions_store_{rows.model._meta.model_name}_change", args=[key])
        return format_html('<a class="code" href="{}">{}</a>', address, text)

    @admin.display(description="transcript")
    def transcript(self, row: Row) -> SafeString:
        """A link to the transcript."""
        node = self.node(row)
        if node is None:
            return format_html("{}", NOTHING)
        return format_html('<a href="{}">Open</a>', self.place(row, node))

    @admin.display(description="end user")
    def requested_by(self, row: Any) -> SafeString:
        """The client's user, if any, and the owner."""
        owner = row.principal.get_username()
        if not getattr(row, "user", ""):
            return format_html('<span class="quiet">{}</span>', owner)
        return format_html('<bdi class="name">{}</bdi><span class="below">{}</span>', row.user, owner)

    @admin.display(description="created (UTC)")
    def made(self, row: Any) -> SafeString:
        """The time of creation."""
        return format_html('<span class="figure">{}</span>', f"{row.created_at:%d %b %Y %H:%M}")


@admin.register(StoredResponse)
class StoredResponsePage(StoredPage[StoredResponse]):
    """Responses of the Responses API."""

    list_display = ("name", "outcome", "model", "requested_by", "made", "transcript")
    list_filter = ("status", "background")
    list_intro = "Stored responses (Responses API)."
    list_empty = "No responses yet. Send a request to POST /v1/responses without “store: false”."
    search_fields = ("user__startswith",)
    search_help_text = "Response id (resp_…), or start of an end user's name."
    fields = (
        "owner",
        "user",
        "status",
        "in_background",
        "model",
        "previous",
        "held_in",
        "usage_record",
        "created_at",
        "completed_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[StoredResponse]:
        """Defer the potentially large columns."""
        return super().get_queryset(request).defer("body", "settings", "input_items", "output_items")

    def forget(self, row: StoredResponse) -> None:
        """See StoredPage."""
        delete_response(row.principal_id, row.public_id)

    def get_readonly_fields(self, request: HttpRequest, obj: StoredResponse | None = None) -> list[str]:
        """All fields and the links."""
        return [*super().get_readonly_fields(request, obj), "in_background", "previous", "held_in"]

    @admin.display(description="background")
    def in_background(self, row: StoredResponse) -> str:
        """Yes or no, without the icons of a boolean: neither is a fault."""
        return "yes" if row.background else "no"

    @admin.display(description="previous response")
    def previous(self, row: StoredResponse) -> SafeString:
        """The previous response."""
        return self._link(StoredResponse.objects.filter(public_id=row.previous_id), row.previous_id)

    @admin.display(description="conversation")
    def held_in(self, row: StoredResponse) -> SafeString:
        """The conversation of the response."""
        held = Conversation.objects.filter(pk=row.conversation_id or 0)
        return self._link(held, held.values_list("public_id", flat=True).first() or "")

    @admin.display(description="status")
    def outcome(self, row: StoredResponse) -> SafeString:
        """The status."""
        where = " · background" if row.background else ""
        badge = BADGES.get(row.status, "")
        return format_html('<span class="badge {}">{}{}</span>', badge, row.get_status_display(), where)

    @admin.display(description="content")
    def content(self, row: StoredResponse) -> SafeString:
        """The object with its items."""
        shown = {
            "input": _items(row.input_items),
            "output": _items(row.output_items),
            "response": json.loads(row.body),
        }
        return format_html("<pre>{}</pre>", pretty_json(shown))


@admin.register(Conversation)
class ConversationPage(StoredPage[Conversation]):
    """Conversations of the Conversations API."""

    list_display = ("name", "requested_by", "items", "made", "last_active", "transcript")
    list_intro = "Conversations of the Conversations API."
    list_empty = "No conversations yet. Send a request to POST /v1/conversations."
    time_column = "last_active_at"
    search_fields = ("public_id__startswith",)
    search_help_text = "Conversation id (conv_…) or its start."
    fields = ("owner", "metadata", "created_at", "last_active_at")

    def forget(self, row: Conversation) -> None:
        """See StoredPage."""
        delete_conversation(row.principal_id, row.public_id)

    def node(self, row: Conversation) -> UUID | None:
        """The head; after an edit of the items, the newest assistant message."""
        if row.head_id is not None:
            return row.head_id
        newest = row.responses.filter(answer__isnull=False).order_by("-id").values_list("answer_id", flat=True)
        return newest.first()

    def scope(self, row: Conversation) -> TranscriptScope:
        """See StoredPage."""
        return TranscriptScope(conversation=row.public_id)

    @admin.display(description="items")
    def items(self, row: Conversation) -> SafeString:
        """The number of items ever added."""
        return format_html('<span class="figure">{}</span>', f"{row.next_position:,}")

    @admin.display(description="last active (UTC)")
    def last_active(self, row: Conversation) -> SafeString:
        """The time of the last added item."""
        return format_html('<span class="figure">{}</span>', f"{row.last_active_at:%d %b %Y %H:%M}")

    @admin.display(description="content")
    def content(self, row: Conversation) -> SafeString:
        """The items."""
        return format_html("<pre>{}</pre>", pretty_json(all_items(row.pk)))


@admin.register(StoredCompletion)
class StoredCompletionPage(StoredPage[StoredCompletion]):
    """Chat completions stored by `store: true`."""

    list_display = ("name", "model", "requested_by", "made", "transcript")
    list_intro = "Chat completions of requests with “store: true”."
    list_empty = "No stored completions yet. Send a chat completion request with “store: true”."
    search_fields = ("user__startswith",)
    search_help_text = "Chat completion id (chatcmpl-…), or start of an end user's name."
    fields = ("owner", "user", "model", "metadata", "usage_record", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[StoredCompletion]:
        """Defer the potentially large column."""
        return super().get_queryset(request).defer("body")

    def forget(self, row: StoredCompletion) -> None:
        """See StoredPage."""
        delete_completion(row.principal_id, row.public_id)

    @admin.display(description="content")
    def content(self, row: StoredCompletion) -> SafeString:
        """The completion."""
        return format_html("<pre>{}</pre>", pretty_json(json.loads(row.body)))


def _items(keys: Sequence[str]) -> list[dict[str, Any]]:
    found = bodies(keys)
    return [found[key] for key in keys if key in found]
