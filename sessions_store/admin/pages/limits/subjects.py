"""What the pages of rate limits and budgets share: the choice of a subject, by search, and the columns of a list."""

from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sessions_store.admin.pages.autocomplete_filter import AutocompleteFilter, leave_out_links, search_media
from sessions_store.admin.pages.csv_export import ExportPage
from sessions_store.admin.pages.page import ModelForm
from sessions_store.models import Key
from sessions_store.models.access.subject import Scope, Subject

Row = TypeVar("Row", bound=Subject)
SUBJECTS = (Scope.PROJECT.value, Scope.PRINCIPAL.value, Scope.KEY.value)


class SubjectForm(ModelForm[Row]):
    """A form in which the scope decides which of project, account and key is used."""

    def clean(self) -> dict[str, Any]:
        """Ignore the subjects of other scopes: the page hides their fields."""
        cleaned = super().clean() or self.cleaned_data
        scope = cleaned.get("scope")
        for name in SUBJECTS:
            if name != scope:
                cleaned[name] = None
            elif name in cleaned and cleaned[name] is None:
                self.add_error(name, "Required for the chosen scope.")
        return cleaned


class ProjectFilter(AutocompleteFilter):
    """Rows of one project."""

    title = "project"
    parameter_name = "project"
    column = "project"


class AccountFilter(AutocompleteFilter):
    """Rows of one account."""

    title = "account"
    parameter_name = "principal"
    column = "principal"


class KeyFilter(AutocompleteFilter):
    """Rows of one key."""

    title = "key"
    parameter_name = "key"
    column = "key"


class SubjectPage(ExportPage[Row]):
    """A page of rows that have a subject."""

    change_list_template = "gateway/limits.html"
    list_filter: ClassVar[Any] = ("scope", ProjectFilter, AccountFilter, KeyFilter)
    list_select_related = ("project", "principal", "key")
    autocomplete_fields = SUBJECTS
    search_fields: ClassVar[Any] = (
        "project__name",
        "principal__username",
        "principal__first_name",
        "key__name",
        "model_pattern",
    )
    search_help_text = "Part of the name of a project, an account or a key, or of a model."
    actions = None
    sortable_by = ()

    @property
    def media(self) -> Any:
        """Add the scripts of the filters, and of the choice of a subject."""
        scripts = forms.Media(js=["gateway/subject.js"])
        return super().media + search_media(Key._meta.get_field("project")) + scripts

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Leave out the links to the forms of projects, accounts and keys."""
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in SUBJECTS:
            leave_out_links(field.widget)
        return field

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        """Read the subjects with the rows."""
        return super().get_queryset(request).select_related(*SUBJECTS)

    @admin.display(description="subject")
    def subject_name(self, row: Row) -> SafeString:
        """The subject and its kind."""
        if row.subject is None:
            return format_html('<bdi class="name">{}</bdi>', "Gateway")
        return format_html(
            '<bdi class="name">{}</bdi><span class="below">{}</span>', row.subject, row.get_scope_display()
        )

    @admin.display(description="model")
    def model_name(self, row: Row) -> str:
        """The pattern of models."""
        return row.model_pattern or "all models"
