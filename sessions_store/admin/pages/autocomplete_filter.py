"""A filter by a related row, chosen by search: there may be ten thousand projects, keys and accounts."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

LONGEST_ID = 18


class AutocompleteFilter(admin.SimpleListFilter):
    """Equality with one row; shown to operators who may view such rows."""

    template = "gateway/autocomplete_filter.html"
    column: ClassVar[str]
    """The foreign key."""

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        foreign_key: Any = model._meta.get_field(self.column)
        self.foreign_key, self.related = foreign_key, foreign_key.remote_field.model
        self.may_search = model_admin.admin_site.get_model_admin(self.related).has_view_permission(request)
        self.hidden: list[tuple[str, Any]] = []

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """No fixed choices."""
        return []

    def has_output(self) -> bool:
        """Whether the operator may search the related rows."""
        return bool(self.may_search)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """The selected row, or “All”; the other parameters of the list are kept for the form."""
        left_out = {self.parameter_name, "before", "after", "p"}
        self.hidden = [(name, value) for name, value in changelist.params.items() if name not in left_out]
        self.without = changelist.get_query_string(remove=[str(self.parameter_name), "before", "after", "p"])
        chosen = self.row_id()
        row = None if chosen is None else self.related._default_manager.filter(pk=chosen).first()
        yield {"selected": True, "display": "All" if row is None else str(row), "query_string": ""}

    def select(self) -> SafeString:
        """Return the search field."""
        widget = AutocompleteSelect(self.foreign_key, admin.site)
        field = forms.ModelChoiceField(queryset=self.related._default_manager.all(), required=False, widget=widget)
        field.widget.is_required = False
        attrs = {"id": f"filter-{self.parameter_name}", "aria-label": str(self.title), "data-width": "260px"}
        rendered: SafeString = field.widget.render(str(self.parameter_name), self.row_id(), attrs)
        return rendered

    def row_id(self) -> int | None:
        """Return the selected id; None without a valid one."""
        value = self.value()
        return int(value) if value and value.isdecimal() and len(value) <= LONGEST_ID else None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the selected row; an invalid id matches no row."""
        if self.value() is None:
            return queryset
        chosen = self.row_id()
        return queryset.none() if chosen is None else queryset.filter(**{f"{self.column}_id": chosen})


def search_media(foreign_key: Any) -> Any:
    """Return the scripts and styles of a search field, for the `media` of a page."""
    return AutocompleteSelect(foreign_key, admin.site).media


def leave_out_links(widget: Any) -> None:
    """Remove the links that add, change, view or delete the related row from the field of a form."""
    widget.can_add_related = widget.can_change_related = widget.can_view_related = widget.can_delete_related = False
