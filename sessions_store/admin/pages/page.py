"""Base classes of the admin's pages: no full counts, a paginator with a limit, titles with the name of the rows."""

from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.text import capfirst

COUNT_CEILING = 10_000

Row = TypeVar("Row", bound=Model)

__all__ = ["COUNT_CEILING", "CappedPaginator", "ModelForm", "Page", "RecordPage"]

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.forms import ModelForm
else:

    class ModelForm(forms.ModelForm):
        """Django's class, which is generic for the type checker only."""

        def __class_getitem__(cls, row: object) -> type:
            return cls

    class ModelAdmin(admin.ModelAdmin):
        """Django's class, which is generic for the type checker only."""

        def __class_getitem__(cls, row: object) -> type:
            return cls


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # not generic when the program runs
    """A paginator that counts at most COUNT_CEILING rows."""

    @cached_property
    def count(self) -> int:
        """The number of rows, at most COUNT_CEILING."""
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return rows.order_by()[:COUNT_CEILING].count()
        return len(rows)


class Page(ModelAdmin[Row]):
    """A ModelAdmin for large tables, with the name of the rows in its title."""

    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = CappedPaginator
    list_title = ""
    list_intro = ""
    list_empty = "Nothing here yet."

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *args: Any,
        **kwargs: Any,
    ) -> HttpResponse:
        """Show the form; after an error, title and breadcrumbs have the stored name instead of the rejected one."""
        original = context.get("original")
        if request.method == "POST" and original is not None:
            stored = self.model._default_manager.filter(pk=original.pk).first()
            context |= {"original": stored, "subtitle": str(stored)}
        return super().render_change_form(request, context, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list with a title and an introduction, or with the reason for an empty list."""
        title = self.list_title or capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(
            request,
            {"title": title, "list_intro": self.list_intro, "list_empty": self.list_empty, **(extra_context or {})},
        )


class RecordPage(Page[Row]):
    """A read-only page of records."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only the gateway writes records."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Records are immutable."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Only the retention deletes records."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Row | None = None) -> list[str]:
        """All fields."""
        return [field.name for field in self.opts.fields]
