"""What the admin's pages share: no full counts, a paginator with a ceiling, titles that name what is listed."""

from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.text import capfirst

COUNT_CEILING = 10_000

Row = TypeVar("Row", bound=Model)

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
else:

    class ModelAdmin(admin.ModelAdmin):
        """Django's class, which is generic for the type checker only."""

        def __class_getitem__(cls, row: object) -> type:
            return cls


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # not generic when the program runs
    """A paginator that never counts a whole table: beyond the ceiling it says the ceiling."""

    @cached_property
    def count(self) -> int:
        """Rows in the list, at most COUNT_CEILING: the database stops counting there."""
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return rows.order_by()[:COUNT_CEILING].count()
        return len(rows)


class Page(ModelAdmin[Row]):
    """A ModelAdmin that stays fast on large tables and speaks of its rows in the title."""

    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = CappedPaginator
    list_title = ""
    list_intro = ""
    list_empty = "Nothing here yet."

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list under the name of what it lists, with a sentence of introduction, or why it is empty."""
        title = self.list_title or capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(
            request,
            {"title": title, "list_intro": self.list_intro, "list_empty": self.list_empty, **(extra_context or {})},
        )


class RecordPage(Page[Row]):
    """A page of records: they can be looked at, and nothing else."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Records are written by the gateway only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """A record stays as it was written."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Records go by retention, in chunks, never by hand."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Row | None = None) -> list[str]:
        """Every field."""
        return [field.name for field in self.opts.fields]
