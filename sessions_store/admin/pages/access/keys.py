"""Client keys and admin keys: the list, the form that creates a key, and the page of a key."""

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sessions_store.accounts.issuing import NewKey, create_key, create_service_account
from sessions_store.admin.display import formats
from sessions_store.admin.display.keys.snippets import key_snippets
from sessions_store.admin.display.keys.usage import COST_PERIOD, costs_since, recent_requests
from sessions_store.admin.pages.access import key_actions
from sessions_store.admin.pages.access.issued_key import created_already, form_token, issued_key_page
from sessions_store.admin.pages.access.key_forms import EXPIRY_HELP, KeyForm, NewKeyForm
from sessions_store.admin.pages.access.key_list import KeyList, OwnerFilter, ProjectFilter, StateFilter
from sessions_store.admin.pages.access.policy_form import FIELDSETS, gateway_level, policy_lines
from sessions_store.admin.pages.autocomplete_filter import leave_out_links, search_media
from sessions_store.admin.pages.csv_export import ExportPage
from sessions_store.models import Key

BADGES = {"active": "good", "expired": "warn", "inactive": "warn", "revoked": "bad"}


@admin.register(Key)
class KeyPage(ExportPage[Key]):
    """Keys: who may use the gateway, and how each request with a key is treated."""

    change_list_template = "gateway/keys.html"
    change_form_template = "gateway/key.html"
    add_form_template = "gateway/new_key.html"
    list_display = ("label", "status", "belongs_to", "last_used", "cost")
    list_display_links = ("label",)
    list_filter = (StateFilter, ProjectFilter, OwnerFilter, "kind")
    list_select_related = ("principal", "project")
    list_intro = "A client key sends requests within one project. A key is shown once, when it is created."
    list_empty = "No keys yet. Create the first key here, or with: manage.py create_key --name NAME"
    ordering = ("-id",)
    sortable_by = ("label", "status", "belongs_to", "last_used")
    search_fields = (
        *("name", "public_id", "redacted_value"),
        *("project__name", "principal__username", "principal__first_name"),
    )
    search_help_text = "Part of a name, a key's id or redacted form, a project or an owner."
    autocomplete_fields = ("project", "principal")
    actions = None
    csv_columns = (
        *("public_id", "name", "redacted_value", "kind", "project__name", "principal__username", "created_at"),
        *("expires_at", "revoked_at", "last_used_at", "last_used_from"),
    )

    @property
    def media(self) -> Any:
        """Add the scripts of the filters."""
        return super().media + search_media(Key._meta.get_field("project"))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The changelist with costs."""
        return KeyList

    def get_urls(self) -> list[URLPattern]:
        """Add the dangerous actions."""
        views = {"rotate": key_actions.rotate, "revoke": key_actions.revoke, "cut": key_actions.cut}
        actions = [
            path(f"<int:object_id>/{name}/", self.admin_site.admin_view(view), name=f"sessions_store_key_{name}")
            for name, view in views.items()
        ]
        create = self.admin_site.admin_view(key_actions.create_admin_key)
        return [path("admin-key/", create, name="sessions_store_key_admin"), *actions, *super().get_urls()]

    def get_form(self, request: HttpRequest, obj: Key | None = None, change: bool = False, **kwargs: Any) -> Any:
        """The form of a new key has its project and owner."""
        return super().get_form(request, obj, change, **kwargs | {"form": KeyForm if obj else NewKeyForm})

    def get_fieldsets(self, request: HttpRequest, obj: Key | None = None) -> Any:
        """An admin key has no policy. Without the right to change it, the policy is in the effective settings only."""
        if obj is None:
            return ((None, {"fields": ("name", "project", "principal", "expires_at")}), *FIELDSETS)
        first = (None, {"fields": ("name", "expires_at")})
        editable = obj.kind == Key.Kind.CLIENT.value and self.has_change_permission(request, obj)
        return (first, *FIELDSETS) if editable else (first,)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Describe the expiry; leave out the links to the forms of projects and accounts."""
        if db_field.name == "expires_at":
            kwargs["help_text"] = EXPIRY_HELP
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in self.autocomplete_fields:
            leave_out_links(field.widget)
        return field

    def has_change_permission(self, request: HttpRequest, obj: Key | None = None) -> bool:
        """A revoked key is a record."""
        return key_actions.may_change(request, obj) and (obj is None or obj.revoked_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Key | None = None) -> bool:
        """Keys are revoked: usage records refer to them."""
        return False

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form of a new key. A form that is sent again leads to the page of its key."""
        known = created_already(request) if request.method == "POST" else None
        if known is not None and self.has_add_permission(request):
            messages.warning(request, "The key was created already. A key is shown once.")
            return redirect(reverse("admin:sessions_store_key_change", args=[known]))
        context = {"title": "Create key", "form_token": form_token(request), "show_save_and_add_another": False}
        return super().add_view(request, form_url, context | {"show_save_and_continue": False} | (extra_context or {}))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Create or save the key; a new one without an owner gets a service account."""
        if change:
            super().save_model(request, obj, form, change)
            return
        owner = form.cleaned_data["principal"] or create_service_account(obj.project, obj.name)
        wanted = NewKey(
            name=obj.name,
            principal=owner,
            project=obj.project,
            policy=obj.policy,
            expires_at=obj.expires_at,
            created_by=request.user,  # type: ignore[arg-type]  # logged in
        )
        row, obj.secret = create_key(wanted)
        obj.pk, obj.public_id, obj.redacted_value, obj.principal = row.pk, row.public_id, row.redacted_value, owner

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Show the key, once."""
        return issued_key_page(request, obj, obj.secret)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Add the usage, the effective policy and the examples of a key."""
        key = kwargs.get("obj")
        if key is not None:
            context |= self._details(request, key)
        return super().render_change_form(request, context, *args, **kwargs)

    def _details(self, request: HttpRequest, key: Key) -> dict[str, Any]:
        may_see_usage = request.user.has_perm("sessions_store.view_usagerecord")
        admin_key = key.kind == Key.Kind.ADMIN.value
        levels = [gateway_level(), ("project", key.project.policy if key.project else {}), ("key", key.policy)]
        if not key.principal.memory:
            levels.append(("account", {"memory": False}))
        page = partial(reverse, args=[key.pk])
        may_change = key_actions.may_change(request, key)
        return {
            "key": key,
            "title": f"Key {key.name}",
            "show_save_and_add_another": False,
            "subtitle": None,
            "state": key.state,
            "badge": BADGES[key.state],
            "predecessor": key.predecessors.order_by("-id").first(),
            "rotate_link": page("admin:sessions_store_key_rotate")
            if may_change and key.state == "active" and not key.successor_id
            else "",
            "revoke_link": page("admin:sessions_store_key_revoke") if may_change and not key.revoked_at else "",
            "cut_link": page("admin:sessions_store_key_cut") if may_change and not key.cut_at else "",
            "may_see_usage": may_see_usage,
            "may_see_projects": request.user.has_perm("sessions_store.view_project"),
            "may_see_accounts": request.user.has_perm("sessions_store.view_user"),
            "cost_nano": costs_since([key.pk], timezone.now() - COST_PERIOD).get(key.pk, 0) if may_see_usage else 0,
            "requests": recent_requests(key) if may_see_usage else [],
            "policy_lines": [] if admin_key else policy_lines(levels),
            "snippets": [] if admin_key else key_snippets(request, model=key.policy.get("default_model", "")),
        }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Key]:
        """Read the owner and the project with each key."""
        return super().get_queryset(request).select_related("principal", "project")

    @admin.display(description="name", ordering="name")
    def label(self, key: Key) -> SafeString:
        """The name and the redacted key."""
        return format_html('<bdi class="name">{}</bdi><span class="below code">{}</span>', key.name, key.redacted_value)

    @admin.display(description="project, owner", ordering="project__name")
    def belongs_to(self, key: Key) -> SafeString:
        """The project and the owner."""
        return format_html(
            '<bdi class="name">{}</bdi><bdi class="name below">{}</bdi>',
            key.project or key.get_kind_display(),
            key.principal,
        )

    @admin.display(description="last used (UTC)", ordering="last_used_at")
    def last_used(self, key: Key) -> SafeString | str:
        """When and from where."""
        if key.last_used_at is None:
            return "never"
        return format_html(
            '<span class="figure">{}</span><span class="below">{}</span>',
            f"{key.last_used_at:%d %b %Y %H:%M}",
            key.last_used_from,
        )

    @admin.display(description="cost, 30 days")
    def cost(self, key: Any) -> SafeString:
        """The cost in USD."""
        return format_html('<span class="figure">{}</span>', formats.usd(key.cost_nano))

    @admin.display(description="state, expiry (UTC)", ordering="expires_at")
    def status(self, key: Key) -> SafeString:
        """The state as a badge, and the time at which the key expires."""
        badge = format_html('<span class="badge {}">{}</span>', BADGES[key.state], key.state)
        if key.expires_at is None or key.revoked_at is not None:
            return badge
        return format_html('{}<span class="below figure">{}</span>', badge, f"{key.expires_at:%d %b %Y %H:%M}")
