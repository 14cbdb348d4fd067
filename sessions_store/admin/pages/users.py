"""Users: the operators, and the principals of requests. The built-in local principal is protected."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from sessions_store.admin.display.formats import NOTHING
from sessions_store.admin.pages.page import Page
from sessions_store.models import ChatSession, UsageRecord, User
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


@admin.register(User)
class UserPage(auth_admin.UserAdmin, Page[User]):  # type: ignore[type-arg]  # not generic when the program runs
    """Django's user pages, with the memory setting and a protected local principal."""

    list_display = ("username", "full_name", "email", "is_active", "is_staff", "memory", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")
    list_intro = "Admin accounts. “local” is the built-in account for requests without a key."
    search_fields = ("username", "email")
    search_help_text = "Part of a username or an e-mail address."

    @admin.display(description="name", empty_value=NOTHING)
    def full_name(self, user: User) -> str | None:
        """First and last name."""
        return user.get_full_name() or None

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Add the memory setting; the local principal has no other fields."""
        if obj is None:
            return super().get_fieldsets(request, obj)
        if obj.username == LOCAL_USERNAME:
            return ((None, {"fields": LOCAL_FIELDS, "description": LOCAL}), MEMORY)
        first, *rest = super().get_fieldsets(request, obj)
        return (first, MEMORY, *rest)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Protect the name of the local principal, and all permissions from operators who are not superusers.

        Otherwise every operator with the permission to change users could become a superuser.
        """
        fixed = ["last_login", "date_joined"]
        if obj is not None and obj.username == LOCAL_USERNAME:
            return [*fixed, "username"]
        if not request.user.is_superuser:
            return [*fixed, "is_superuser", "is_staff", "groups", "user_permissions"]
        return fixed

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Only superusers change superusers."""
        may = super().has_change_permission(request, obj)
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

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """The password page, except for the local principal, which must not be able to log in."""
        user = self.get_object(request, id)
        if user is not None and user.username == LOCAL_USERNAME:
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)


def _owns_something(user: User) -> bool:
    return UsageRecord.objects.filter(principal=user).exists() or ChatSession.objects.filter(principal=user).exists()
