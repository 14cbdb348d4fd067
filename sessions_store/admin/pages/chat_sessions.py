"""Chat sessions: the list, the transcript of each session, its title, and its erasure."""

import json
import logging
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from sessions_store.admin.display.conversation import conversation, newest_leaf
from sessions_store.admin.display.formats import NOTHING
from sessions_store.admin.display.transcript_scope import TranscriptScope
from sessions_store.admin.pages.keyset import KeysetPage
from sessions_store.models import ChatSession, Message, User
from sessions_store.state.chat_sessions import erase_session

log = logging.getLogger(__name__)

MAY_READ = "sessions_store.view_message"
LONGEST_KEY = 19


class ActiveFilter(admin.SimpleListFilter):
    """Active sessions, or expired ones."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The two states."""
        return [("active", "active"), ("ended", "closed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChatSession]) -> QuerySet[ChatSession]:
        """Filter by the selected state."""
        if self.value() is None:
            return queryset
        return queryset.filter(ended_at__isnull=self.value() == "active")


@admin.register(ChatSession)
class ChatSessionPage(KeysetPage[ChatSession]):
    """Chat sessions by user, with their transcripts."""

    time_column = "last_active_at"

    list_display = ("conversation", "requested_by", "messages", "last_active", "state")
    list_display_links = None
    list_filter = (ActiveFilter,)
    list_intro = "One row per chat. A request with a “user” field continues the chat of this end user."
    list_empty = "No chats yet. Send a request with a “user” field."
    list_select_related = ("principal",)
    search_fields = ("user__startswith", "title__startswith")
    search_help_text = "An end user's name, its start or the start of a title, or a session id (sess_…)."
    change_form_template = "gateway/chat_session.html"
    delete_confirmation_template = "gateway/forget.html"
    readonly_fields = (
        "public_id",
        "user",
        "name",
        "principal",
        "message_count",
        "started_at",
        "last_active_at",
        "ended_at",
    )

    def get_fieldsets(self, request: HttpRequest, obj: ChatSession | None = None) -> Any:
        """Show the title, which quotes a message, only with the permission to read messages."""
        session = ("Session", {"fields": self.readonly_fields})
        return ((None, {"fields": ("title",)}), session) if _reads(request) else (session,)

    def get_list_display(self, request: HttpRequest) -> Any:
        """Show titles with the permission to read messages, ids without."""
        return self.list_display if _reads(request) else ("untitled", *self.list_display[1:])

    def get_search_fields(self, request: HttpRequest) -> Any:
        """Search in titles only with the permission to read messages."""
        return self.search_fields if _reads(request) else self.search_fields[:-1]

    def of_user(self, user: str) -> Q | None:
        """See KeysetPage: the index begins with the account."""
        return Q(principal__in=User.objects.order_by().values("pk"), user=user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only a request begins a session."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """Add the transcript pages."""
        pages = (
            ("<int:session_id>/transcript/", self.transcript, "transcript"),
            ("message/<uuid:message_id>/", self.message, "message"),
            ("message/<uuid:message_id>/newest/", self.newest, "message_newest"),
            ("message/<uuid:message_id>/raw/", self.raw, "message_raw"),
        )
        own = [
            path(route, self.admin_site.admin_view(view), name=f"sessions_store_{name}") for route, view, name in pages
        ]
        return own + super().get_urls()

    def transcript(self, request: HttpRequest, session_id: int) -> HttpResponse:
        """The transcript of a session up to its head."""
        session = self.get_object(request, str(session_id))
        if session is None:
            raise Http404
        return self._transcript(request, session.head_id, session)

    def message(self, request: HttpRequest, message_id: UUID) -> HttpResponse:
        """The conversation up to one message; the query string gives its scope (see TranscriptScope)."""
        session_id = request.GET.get("session", "")
        session = self.get_object(request, session_id) if session_id.isdecimal() else None
        return self._transcript(request, message_id, session)

    def newest(self, request: HttpRequest, message_id: UUID) -> HttpResponse:
        """Redirect to the last message of a branch."""
        _may_read(request)
        session_id = request.GET.get("session", "")
        session = int(session_id) if session_id.isdecimal() and len(session_id) < LONGEST_KEY else None
        query = TranscriptScope.from_query(request.GET, session).query()
        return HttpResponseRedirect(reverse("admin:sessions_store_message", args=[newest_leaf(message_id)]) + query)

    def raw(self, request: HttpRequest, message_id: UUID) -> HttpResponse:
        """Both forms of one message as plain text."""
        _may_read(request)
        message = Message.objects.filter(pk=message_id).first()
        if message is None:
            raise Http404
        log.info("Account %s read message %s", request.user.get_username(), message_id)
        forms = {"openai": _json(message.openai), "gemini": _json(message.gemini)}
        # Plain text, so that no browser renders a client's content.
        return HttpResponse(json.dumps(forms, indent=2, ensure_ascii=False), content_type="text/plain; charset=utf-8")

    def _transcript(self, request: HttpRequest, leaf: UUID | None, session: ChatSession | None) -> HttpResponse:
        _may_read(request)
        scope = TranscriptScope.from_query(request.GET, None if session is None else session.pk)
        shown = conversation(leaf, request.user, scope) if leaf is not None else None
        if shown is None and session is None:
            raise Http404
        log.info("Account %s read a transcript up to message %s", request.user.get_username(), leaf)
        head = session.head_id if session is not None else None
        context = {
            **self.admin_site.each_context(request),
            "title": (session.title if session is not None else "") or "Transcript",
            "opts": self.opts,
            "session": session,
            "conversation": shown,
            "leaf": leaf,
            "scope": scope.query(),
            "beside_head": head is not None and head != leaf,
            "may_change": session is not None and self.has_change_permission(request, session),
        }
        return TemplateResponse(request, "gateway/transcript.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form, with a link to the transcript if the operator may read messages."""
        context = {"may_read": _reads(request), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The confirmation page, with the title if the operator may read messages."""
        context = {"may_read": _reads(request), **(extra_context or {})}
        return super().delete_view(request, object_id, context)

    def get_deleted_objects(
        self, objs: Iterable[ChatSession], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[Any], list[Any]]:
        """List the sessions only: `forget` selects the related rows to erase, not foreign keys."""
        sessions = list(objs)
        missing = set() if self.has_delete_permission(request) else {"chat session"}
        names = [session.label if _reads(request) else str(session) for session in sessions]
        return names, {"chat sessions": len(sessions)}, missing, []

    def delete_model(self, request: HttpRequest, obj: ChatSession) -> None:
        """Erase the session and the messages without other uses."""
        erase_session(obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ChatSession]) -> None:
        """Erase each session."""
        for session in queryset:
            erase_session(session.pk)

    @admin.display(description="conversation")
    def conversation(self, session: ChatSession) -> SafeString:
        """The title, as a link to the transcript."""
        address = reverse("admin:sessions_store_transcript", args=[session.pk])
        return format_html('<a href="{}"><bdi>{}</bdi></a>', address, Truncator(session.label).chars(90))

    @admin.display(description="conversation")
    def untitled(self, session: ChatSession) -> SafeString:
        """The id, as a link to the page of the session."""
        address = reverse("admin:sessions_store_chatsession_change", args=[session.pk])
        return format_html('<a href="{}"><bdi>{}</bdi></a>', address, session.public_id)

    @admin.display(description="end user")
    def requested_by(self, session: ChatSession) -> SafeString:
        """The client's user, the value of X-Session-Id if any, and the owner."""
        below = " · ".join(text for text in (session.name, session.principal.get_username()) if text)
        return format_html(
            '<bdi class="name">{}</bdi><span class="below"><bdi>{}</bdi></span>', session.user or NOTHING, below
        )

    @admin.display(description="messages")
    def messages(self, session: ChatSession) -> SafeString:
        """The number of messages."""
        return format_html('<span class="figure">{}</span>', f"{session.message_count:,}")

    @admin.display(description="last active (UTC)")
    def last_active(self, session: ChatSession) -> SafeString:
        """The time of the last message."""
        return format_html('<span class="figure">{}</span>', f"{session.last_active_at:%d %b %Y %H:%M}")

    @admin.display(description="state")
    def state(self, session: ChatSession) -> SafeString:
        """Active or expired."""
        if session.ended_at is None:
            return format_html('<span class="badge good">{}</span>', "active")
        return format_html('<span class="badge">{}</span>', "closed")


def _reads(request: HttpRequest) -> bool:
    return request.user.has_perm(MAY_READ)


def _may_read(request: HttpRequest) -> None:
    """Raise PermissionDenied without the permission to view messages."""
    if not _reads(request):
        raise PermissionDenied


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text
