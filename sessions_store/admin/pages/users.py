"""Users: the operators, and the principals of requests. The built-in local principal is protected."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from sessions_store.admin.display.formats import NOTHING
from sessions_store.admin.pages.page import Page
from sessions_store.models import ChatSession, Key, UsageRecord, User
from sessions_store.models.principal import LOCAL_USERNAME

MEMORY = (
    "Memory",
    {
        "fields": ("memory",),
        "description": "Memory of chat sessions. Takes effect immediately.",
    },
)
LOCAL = "Built-in account for requests without a key. It cannot log in and cannot be deleted."
LOCAL_FIELDS = ("username", "date_joined")
PROGRAM_FIELDS = ("username", "first_name", "kind", "service_of", "is_active", "date_joined")
KEYS = ("Keys", {"fields": ("keys_of",)})
SHOWN_KEYS = 20


class KindFilter(admin.SimpleListFilter):
    """The kind of account. The storage of projects, which nobody uses directly, is hidden by default."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The kinds of accounts."""
        return list(User.Kind.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        """Filter by the selected kind."""
        if self.value() is None:
            return queryset.exclude(kind=User.Kind.STORAGE)
        return queryset.filter(kind=self.value())


@admin.register(User)
class UserPage(auth_admin.UserAdmin, Page[User]):  # type: ignore[type-arg]  # not generic when the program runs
    """Django's user pages, with the memory setting and a protected local principal."""

    list_display = ("label", "full_name", "kind", "email", "is_active", "is_staff", "memory", "last_login")
    list_filter = (KindFilter, "is_active", "is_staff", "is_superuser", "groups")
    list_intro = (
        "People, who may log in here, and service accounts of programs. “local” is the built-in account for requests "
        "without a key."
    )
    ordering = ("kind", "username")
    sortable_by = ("label", "email", "last_login")
    search_fields = ("username", "first_name", "last_name", "email", "public_id")
    search_help_text = "Part of a username, a name or an e-mail address."

    @admin.display(description="account", ordering="username")
    def label(self, user: User) -> SafeString:
        """The username; for a service account, its name with the username below."""
        if user.kind != User.Kind.SERVICE:
            return format_html('<bdi class="name">{}</bdi>', user)
        return format_html('<bdi class="name">{}</bdi><span class="below code">{}</span>', user, user.username)

    @admin.display(description="name", empty_value=NOTHING)
    def full_name(self, user: User) -> str | None:
        """First and last name."""
        return None if user.kind == User.Kind.SERVICE else user.get_full_name() or None

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Add the memory setting; the local principal has no other fields."""
        if obj is None:
            return super().get_fieldsets(request, obj)
        keys = (KEYS,) if request.user.has_perm("sessions_store.view_key") else ()
        if obj.username == LOCAL_USERNAME:
            return ((None, {"fields": LOCAL_FIELDS, "description": LOCAL}), MEMORY, *keys)
        if obj.kind != User.Kind.PERSON:
            return ((None, {"fields": PROGRAM_FIELDS}), MEMORY, *keys)
        first, *rest = super().get_fieldsets(request, obj)
        return (first, MEMORY, *keys, *rest)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Protect the name of the local principal, and all permissions from operators who are not superusers.

        Otherwise every operator with the permission to change users could become a superuser.
        """
        fixed = ["last_login", "date_joined", "kind", "service_of", "keys_of"]
        if obj is not None and obj.username == LOCAL_USERNAME:
            return [*fixed, "username"]
        if obj is not None and obj.kind != User.Kind.PERSON:
            return [*fixed, "username"]
        if not request.user.is_superuser:
            return [*fixed, "is_superuser", "is_staff", "groups", "user_permissions"]
        return fixed

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Only superusers change superusers; the storage of a project has nothing to change."""
        may = super().has_change_permission(request, obj) and (obj is None or obj.kind != User.Kind.STORAGE)
        return may and (obj is None or not obj.is_superuser or request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Forbid the deletion of a principal with records, which can be deactivated instead."""
        if not super().has_delete_permission(request, obj):
            return False
        if obj is None:
            return True
        if obj.username == LOCAL_USERNAME or (obj.is_superuser and not request.user.is_superuser):
            return False
        return not _owns_something(obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Remove the bulk deletion: Django would first load all rows of the users."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        """Leave the storage of projects out of the choices of an owner."""
        found, repeated = super().get_search_results(request, queryset, search_term)
        if request.path == reverse("admin:autocomplete"):
            found = found.exclude(kind=User.Kind.STORAGE)
        return found, repeated

    @admin.display(description="keys")
    def keys_of(self, user: User) -> SafeString:
        """The latest keys of an account, with their states."""
        rows = list(Key.objects.filter(principal=user).select_related("principal", "project")[: SHOWN_KEYS + 1])
        lines = format_html_join(
            "",
            '<span class="line"><a href="{}"><bdi>{}</bdi></a> <span class="badge">{}</span></span>',
            ((reverse("admin:sessions_store_key_change", args=[key.pk]), key, key.state) for key in rows[:SHOWN_KEYS]),
        )
        if not lines:
            return format_html("{}", "No keys.")
        if len(rows) <= SHOWN_KEYS:
            return lines
        address = reverse("admin:sessions_store_key_changelist")
        return format_html('{}<a href="{}?principal={}">All keys of this account</a>', lines, address, user.pk)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """The password page of a person: the local principal, programs and storage must not be able to log in."""
        user = self.get_object(request, id)
        if user is not None and (user.username == LOCAL_USERNAME or user.kind != User.Kind.PERSON):
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)


def _owns_something(user: User) -> bool:
    if user.kind == User.Kind.STORAGE or Key.objects.filter(principal=user).exists():
        return True
    return UsageRecord.objects.filter(principal=user).exists() or ChatSession.objects.filter(principal=user).exists()
