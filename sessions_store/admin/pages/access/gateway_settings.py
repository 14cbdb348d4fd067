"""The gateway's settings: the policy that projects and keys inherit, and the mark that closes keyless mode."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from sessions_store.accounts.issuing import reopen_keyless
from sessions_store.admin.pages.access.password import PasswordForm, Question, confirmation_page
from sessions_store.admin.pages.access.policy_form import FIELDSETS, Level, PolicyForm, gateway_level, policy_lines
from sessions_store.admin.pages.page import Page
from sessions_store.models import Key, Organization

CONSEQUENCES = (
    "Requests without a key, or with any dummy key, are accepted again. They belong to the default project and the "
    "built-in account “local”.",
    "The settings REQUIRE_KEY, HOST and ALLOW_INSECURE_KEYLESS decide who can send such requests: by default, programs "
    "on this machine.",
    "The next client key that is created closes keyless mode again.",
)


class GatewayForm(PolicyForm[Organization]):
    """The policy of the gateway."""

    empty_word = "Default"

    def levels_above(self) -> Sequence[Level]:
        """Nothing: an empty field has the default."""
        return ()


@admin.register(Organization)
class OrganizationPage(Page[Organization]):
    """One row without a list."""

    form = GatewayForm
    change_form_template = "gateway/gateway_settings.html"

    def get_urls(self) -> list[URLPattern]:
        """Add the reopening of keyless mode."""
        view = self.admin_site.admin_view(self.reopen)
        return [path("keyless/", view, name="sessions_store_organization_keyless"), *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: Organization | None = None) -> Any:
        """Without the right to change it, the policy is in the effective settings only."""
        return FIELDSETS if self.has_change_permission(request, obj) else ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There is one row."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        """There is one row."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the row."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        Organization.objects.get_or_create(pk=1)
        return redirect(self._page())

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Add the state of keyless mode."""
        organization = kwargs["obj"]
        context |= {
            "title": "Gateway settings",
            "subtitle": None,
            "keyed_at": organization.keyed_at,
            "may_reopen": organization.keyed_at is not None and self.has_change_permission(request),
            "show_save_and_continue": False,
            "policy_lines": [] if self.has_change_permission(request) else policy_lines([gateway_level()]),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def response_change(self, request: HttpRequest, obj: Organization) -> HttpResponse:
        """Stay on the page."""
        messages.success(request, "The gateway's settings are saved. They apply to the next request.")
        return redirect(self._page())

    def reopen(self, request: HttpRequest) -> HttpResponse:
        """Accept requests without a key again, after the operator's password."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        form = PasswordForm(request)
        if not form.is_valid():
            number = Key.objects.filter(kind=Key.Kind.CLIENT, revoked_at=None).count()
            consequences = [*CONSEQUENCES, f"Client keys that are not revoked: {number}. They stay valid."]
            title = "Reopen keyless mode"
            return confirmation_page(
                request,
                Question(
                    title=title, consequences=consequences, button=title, back=self._page(), place="Gateway settings"
                ),
                form,
            )
        reopen_keyless()
        self.log_change(request, Organization.objects.get(pk=1), "Keyless mode reopened.")
        messages.warning(request, "Keyless mode is open: requests without a key are accepted.")
        return redirect(self._page())

    @staticmethod
    def _page() -> str:
        return reverse("admin:sessions_store_organization_change", args=[1])
