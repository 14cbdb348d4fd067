"""A changelist without COUNT and OFFSET (keyset pagination).

`?before=<id>` selects the rows older than that row, `?after=<id>` the newer ones, ordered by a time column and then by
id.
"""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest

BEFORE, AFTER = "before", "after"


class KeysetList(ChangeList):
    """A changelist that reads one more row than it shows, which tells whether there is another page."""

    time_column: ClassVar[str]

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Remove `before` and `after`, which are not filters."""
        found = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in {BEFORE, AFTER}}

    def get_results(self, request: HttpRequest) -> None:
        """Fetch one page, and set the links to the neighbouring pages."""
        before, after = self._edge(BEFORE), self._edge(AFTER)
        rows: QuerySet[Any] = self.queryset
        if after is not None:
            rows = rows.filter(beyond(after, self.time_column, newer=True)).order_by(self.time_column, "id")
        else:
            rows = rows.order_by(f"-{self.time_column}", "-id")
            if before is not None:
                rows = rows.filter(beyond(before, self.time_column, newer=False))
        found = list(rows[: self.list_per_page + 1])
        more = len(found) > self.list_per_page
        shown = found[: self.list_per_page]
        if after is not None:
            shown.reverse()
        older = more if after is None else True
        newer = before is not None if after is None else more
        self.older_link = self._link(BEFORE, shown[-1].pk) if shown and older else ""
        self.newer_link = self._link(AFTER, shown[0].pk) if shown and newer else ""
        self.newest_link = self.get_query_string(remove=[BEFORE, AFTER]) if before or after else ""
        self.result_list = shown
        self.result_count = len(shown)
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = False
        self.can_show_all = False
        self.multi_page = False
        self.paginator = self.model_admin.get_paginator(request, rows, self.list_per_page)

    def _edge(self, name: str) -> tuple[int, datetime] | None:
        """Return (id, time) of the row in a parameter; None without the parameter or the row."""
        given = self.params.get(name, "")
        if not given.isdecimal() or len(given) > 18:
            return None
        time = self.model._default_manager.filter(pk=int(given)).values_list(self.time_column, flat=True).first()
        return None if time is None else (int(given), time)

    def _link(self, name: str, pk: int) -> str:
        return str(self.get_query_string({name: str(pk)}, remove=[BEFORE, AFTER]))


def beyond(edge: tuple[int, datetime], column: str, *, newer: bool) -> Q:
    """Return the condition of the rows after (id, time), in the direction of newer or older rows."""
    # The condition on the time column alone lets the database use its index.
    pk, time = edge
    near, far = ("gte", "gt") if newer else ("lte", "lt")
    strictly = Q(**{f"{column}__{far}": time}) | Q(**{f"pk__{far}": pk})
    return Q(**{f"{column}__{near}": time}) & strictly
