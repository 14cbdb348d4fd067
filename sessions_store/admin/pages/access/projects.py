"""Projects: the list with the number of keys, the form with the policy, and archiving."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sessions_store.accounts.issuing import archive_project, create_project
from sessions_store.admin.pages.access.password import PasswordForm, Question, confirmation_page
from sessions_store.admin.pages.access.policy_form import FIELDSETS, PolicyForm, gateway_level, policy_lines
from sessions_store.admin.pages.csv_export import ExportPage
from sessions_store.models import Key, Project
from sessions_store.models.access.project import DEFAULT_PROJECT

SHOWN_KEYS = 20


class ProjectList(ChangeList):
    """Projects with the number of their keys."""

    def get_results(self, request: HttpRequest) -> None:
        """Set the numbers on each row of the page."""
        super().get_results(request)
        rows = list(self.result_list)
        counts = count_keys(row.pk for row in rows)
        for row in rows:
            row.keys_valid, row.keys_all = counts.get(row.pk, (0, 0))
        self.result_list = rows


class ArchivedFilter(admin.SimpleListFilter):
    """Active or archived."""

    title = "state"
    parameter_name = "archived"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Both states."""
        return [("0", "active"), ("1", "archived")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Project]) -> QuerySet[Project]:
        """Filter by the selected state."""
        return queryset if self.value() is None else queryset.filter(archived_at__isnull=self.value() != "1")


class ProjectForm(PolicyForm[Project]):
    """Name and policy of a project."""


@admin.register(Project)
class ProjectPage(ExportPage[Project]):
    """Projects: each has keys, a policy, and its own stored objects."""

    form = ProjectForm
    change_list_template = "gateway/projects.html"
    change_form_template = "gateway/project.html"
    add_form_template = "admin/change_form.html"
    list_display = ("label", "key_count", "created", "status")
    list_filter = (ArchivedFilter,)
    list_intro = (
        "Keys belong to a project. Sessions, responses and conversations are visible to keys of the same project only. "
        "Requests without a key belong to the default project."
    )
    list_empty = "No projects yet."
    ordering = ("name", "id")
    sortable_by = ("label", "created")
    search_fields = ("name", "public_id")
    search_help_text = "Part of a name or of a project's id."
    actions = None
    csv_columns = ("public_id", "name", "created_at", "archived_at")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The changelist with numbers of keys."""
        return ProjectList

    def get_urls(self) -> list[URLPattern]:
        """Add archiving."""
        view = self.admin_site.admin_view(self.archive)
        return [path("<int:object_id>/archive/", view, name="sessions_store_project_archive"), *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: Project | None = None) -> Any:
        """Without the right to change it, the policy is in the effective settings only."""
        first = (None, {"fields": ("name",)})
        editable = obj is None or self.has_change_permission(request, obj)
        return (first, *FIELDSETS) if editable else (first,)

    def has_change_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        """An archived project is a record."""
        return super().has_change_permission(request, obj) and (obj is None or obj.archived_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        """Projects are archived: keys and usage records refer to them."""
        return False

    def save_model(self, request: HttpRequest, obj: Project, form: Any, change: bool) -> None:
        """Create the project with its storage, or save it."""
        if change:
            super().save_model(request, obj, form, change)
            return
        row = create_project(obj.name, obj.policy)
        obj.pk, obj.public_id, obj.storage, obj.created_at = row.pk, row.public_id, row.storage, row.created_at

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Add the keys and the effective policy of a project."""
        project = kwargs.get("obj")
        if project is not None:
            context |= self._details(request, project)
        return super().render_change_form(request, context, *args, **kwargs)

    def archive(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Archive a project, after the operator's password."""
        if not super().has_change_permission(request):
            raise PermissionDenied
        project = get_object_or_404(Project, pk=object_id)
        back = reverse("admin:sessions_store_project_change", args=[project.pk])
        if project.public_id == DEFAULT_PROJECT or project.archived_at is not None:
            default = project.public_id == DEFAULT_PROJECT
            reason = "The default project cannot be archived." if default else "The project is archived already."
            messages.error(request, reason)
            return redirect(back)
        form = PasswordForm(request)
        if not form.is_valid():
            valid, _ = count_keys([project.pk]).get(project.pk, (0, 0))
            consequences = [
                f"Project “{project}”. {valid} valid key{'' if valid == 1 else 's'} of the project will be rejected.",
                "What the project has stored stays, and no key reaches it. Archiving cannot be undone.",
            ]
            question = Question(
                title="Archive project",
                consequences=consequences,
                button="Archive project",
                back=back,
                place=project.name,
            )
            return confirmation_page(request, question, form)
        archive_project(project)
        self.log_change(request, project, "Archived.")
        messages.success(request, f"Project “{project}” is archived.")
        return redirect(back)

    def _details(self, request: HttpRequest, project: Project) -> dict[str, Any]:
        may_see_keys = request.user.has_perm("sessions_store.view_key")
        valid, all_keys = count_keys([project.pk]).get(project.pk, (0, 0))
        keys = Key.objects.filter(project=project).select_related("principal", "project")
        may_archive = super().has_change_permission(request) and project.public_id != DEFAULT_PROJECT
        return {
            "project": project,
            "title": f"Project {project.name}",
            "subtitle": None,
            "keys_valid": valid,
            "keys_all": all_keys,
            "keys": list(keys[:SHOWN_KEYS]) if may_see_keys else [],
            "may_see_keys": may_see_keys,
            "may_add_keys": request.user.has_perm("sessions_store.add_key") and project.archived_at is None,
            "may_see_usage": request.user.has_perm("sessions_store.view_usagerecord"),
            "may_archive": may_archive and project.archived_at is None,
            "policy_lines": policy_lines([gateway_level(), ("project", project.policy)]),
        }

    @admin.display(description="project", ordering="name")
    def label(self, project: Project) -> SafeString:
        """The name and the id."""
        return format_html(
            '<bdi class="name">{}</bdi><span class="below code">{}</span>', project.name, project.public_id
        )

    @admin.display(description="keys")
    def key_count(self, project: Any) -> SafeString:
        """The number of valid keys, and of all keys."""
        return format_html(
            '<span class="figure">{}</span><span class="below">of {}</span>', project.keys_valid, project.keys_all
        )

    @admin.display(description="created (UTC)", ordering="created_at")
    def created(self, project: Project) -> SafeString:
        """The day of creation."""
        return format_html('<span class="figure">{}</span>', f"{project.created_at:%d %b %Y}")

    @admin.display(description="state")
    def status(self, project: Project) -> SafeString:
        """Active or archived."""
        if project.archived_at is None:
            return format_html('<span class="badge {}">{}</span>', "good", "active")
        return format_html('<span class="badge">archived {}</span>', f"{project.archived_at:%d %b %Y}")


def count_keys(projects: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Return (valid keys, all keys) by project id: one query."""
    valid = Q(revoked_at=None, principal__is_active=True, project__archived_at=None)
    valid &= Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    rows = Key.objects.order_by().filter(project_id__in=list(projects)).values("project_id")
    counted = rows.annotate(valid=Count("pk", filter=valid), all=Count("pk"))
    return {row["project_id"]: (row["valid"], row["all"]) for row in counted}
