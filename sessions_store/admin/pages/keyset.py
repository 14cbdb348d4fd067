"""Lists of large tables, without COUNT and OFFSET (keyset pagination), whose filters read a bounded number of rows.

`?before=<id>` selects the rows older than that row, `?after=<id>` the newer ones, ordered by a time column and then by
id. A filter without an index of its own is applied to a window of SEARCHED rows next to that row, found in the index of
the time column; the link to the next page continues behind the window.
"""

from datetime import datetime
from typing import Any, ClassVar, NamedTuple, TypeVar

from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from sessions_store.admin.pages.page import Page

BEFORE, AFTER = "before", "after"
LONGEST_KEY = 18
# Rows that one page reads at most: 0.2 s on SQLite, if none of them matches.
SEARCHED = 25_000

Row = TypeVar("Row", bound=Model)
TimeRange = tuple[datetime | None, datetime | None]


class Edge(NamedTuple):
    """The place of a row in the order of a list."""

    pk: int
    time: datetime


class KeysetList(ChangeList):
    """A changelist that reads one more row than it shows, which tells whether there is another page.

    `since` and `until` are the period that the filters select. `searched` is the time of the last row of the window if
    the page ends there, else None.
    """

    model_admin: "KeysetPage[Any]"
    searched: datetime | None = None

    @property
    def time_column(self) -> str:
        """The column that orders the list."""
        return self.model_admin.time_column

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Remove `before` and `after`, which are not filters."""
        found = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in {BEFORE, AFTER}}

    def selected_period(self) -> TimeRange | None:
        """Return the period that the filters select, [since, until) with None for an open end; None if no row matches
        them.
        """
        return None, None

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """Apply the filters and the period; the search for a whole id has no period."""
        term = self.query.strip()
        found = self.model_admin.indexed_search(request, term) if term else None
        self.indexed = found is not None
        self.rows: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        whole_id = found == Q(**{self.model_admin.id_column: term})
        period = (None, None) if whole_id else self.selected_period()
        if period is None:
            self.rows = self.rows.none()
        self.since, self.until = period or (None, None)
        return self._after(self._before(self.rows))

    def get_results(self, request: HttpRequest) -> None:
        """Fetch one page, and set the links to the neighbouring pages."""
        before, after = self._edge(BEFORE), self._edge(AFTER)
        newer = after is not None
        edge = after or before
        end = self._window_end(edge, newer=newer) if self._is_filtered() else None
        if end is not None and self._is_outside(end):
            end = None
        rows = self._between(edge, end, newer=newer)
        found = list(rows[: self.list_per_page + 1])
        shown = found[: self.list_per_page]
        full = len(found) > self.list_per_page
        ahead = Edge(shown[-1].pk, getattr(shown[-1], self.time_column)) if full else end
        self.searched = end.time if end is not None and not full else None
        if newer:
            shown.reverse()
        self._set_links(shown, edge, ahead, newer=newer)
        self.result_list = shown
        self.result_count = len(shown)
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = False
        self.multi_page = False
        self.paginator = self.model_admin.get_paginator(request, rows, self.list_per_page)

    def _between(self, edge: Edge | None, end: Edge | None, *, newer: bool) -> QuerySet[Any]:
        """Return the rows from the edge to the end of the window, in order.

        Each side has one bound, the narrower one: of two, SQLite gives only one to its index, and may begin at the
        wider one.
        """
        rows = self._ordered(self.rows, newer=newer)
        if edge is None or self._is_outside(edge):
            rows = self._after(rows) if newer else self._before(rows)
        if edge is not None:
            rows = rows.filter(beyond(edge, self.time_column, newer=newer))
        if end is not None:
            return rows.filter(up_to(end, self.time_column, newer=newer))
        return self._before(rows) if newer else self._after(rows)

    def _is_outside(self, edge: Edge) -> bool:
        """Whether a row is not in the period."""
        too_old = self.since is not None and edge.time < self.since
        return too_old or (self.until is not None and edge.time >= self.until)

    def _after(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows if self.since is None else rows.filter(**{f"{self.time_column}__gte": self.since})

    def _before(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows if self.until is None else rows.filter(**{f"{self.time_column}__lt": self.until})

    def _is_filtered(self) -> bool:
        """Whether many rows may not match: a list without filters, and one that an index gives, needs no window."""
        given = {name for name in self.params if name not in {BEFORE, AFTER}}
        return bool(self.query or given) and not self.indexed and not self.rows.query.is_empty()

    def _set_links(self, shown: list[Any], edge: Edge | None, ahead: Edge | None, *, newer: bool) -> None:
        """Set the links: `ahead` is the last row read if there are more rows behind it."""
        forwards = self._link(AFTER if newer else BEFORE, ahead.pk) if ahead is not None else ""
        back = shown[-1 if newer else 0].pk if shown and edge is not None else None
        backwards = self._link(BEFORE if newer else AFTER, back) if back is not None else ""
        self.newer_link, self.older_link = (forwards, backwards) if newer else (backwards, forwards)
        self.newest_link = self.get_query_string(remove=[BEFORE, AFTER]) if edge is not None else ""

    def _ordered(self, rows: QuerySet[Any], *, newer: bool) -> QuerySet[Any]:
        return rows.order_by(self.time_column, "id") if newer else rows.order_by(f"-{self.time_column}", "-id")

    def _window_end(self, edge: Edge | None, *, newer: bool) -> Edge | None:
        """Return the row SEARCHED rows behind the edge, by the index of the time column alone; None if there are
        fewer.
        """
        rows = self.model._default_manager.all()
        rows = rows.filter(beyond(edge, self.time_column, newer=newer)) if edge is not None else self._before(rows)
        found = self._ordered(rows, newer=newer).values_list("pk", self.time_column)[SEARCHED : SEARCHED + 1]
        return next((Edge(*row) for row in found), None)

    def _edge(self, name: str) -> Edge | None:
        """Return the place of the row in a parameter; None without the parameter or the row."""
        given = self.params.get(name, "")
        if not given.isdecimal() or len(given) > LONGEST_KEY:
            return None
        time = self.model._default_manager.filter(pk=int(given)).values_list(self.time_column, flat=True).first()
        return None if time is None else Edge(int(given), time)

    def _link(self, name: str, pk: int) -> str:
        return str(self.get_query_string({name: str(pk)}, remove=[BEFORE, AFTER]))


class KeysetPage(Page[Row]):
    """A page with a KeysetList, newest rows first.

    `time_column` has an index; `id_column` is unique. `search_fields` are lookups of the beginning of a text.
    """

    time_column: ClassVar[str]
    id_column: ClassVar[str] = "public_id"
    sortable_by = ()

    def get_ordering(self, request: HttpRequest) -> Any:
        """By time."""
        return [f"-{self.time_column}", "-id"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The changelist with keyset pagination."""
        return KeysetList

    def of_user(self, user: str) -> Q | None:
        """Return the condition of the rows of an end user, if the table has an index for it."""
        return None

    def indexed_search(self, request: HttpRequest, term: str) -> Q | None:
        """Return the condition of a search that an index answers: a whole id, or the whole name of an end user."""
        whole_id = Q(**{self.id_column: term.strip()})
        rows = self.model._default_manager
        if rows.filter(whole_id).exists():
            return whole_id
        of_user = self.of_user(term.strip())
        return of_user if of_user is not None and rows.filter(of_user).exists() else None

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Row], search_term: str
    ) -> tuple[QuerySet[Row], bool]:
        """Search by a whole id without the filters, by the whole name of an end user, else by the beginning of a
        text.
        """
        term = search_term.strip()
        if not term:
            return queryset, False
        found = self.indexed_search(request, term)
        if found == Q(**{self.id_column: term}):
            return self.get_queryset(request).filter(found), False
        if found is None:
            found = Q()
            for lookup in self.get_search_fields(request):
                found |= Q(**{lookup: term})
        return queryset.filter(found), False


def beyond(edge: tuple[int, datetime], column: str, *, newer: bool) -> Q:
    """Return the condition of the rows after (id, time), in the direction of newer or older rows."""
    # The condition on the time column alone lets the database use its index.
    pk, time = edge
    near, far = ("gte", "gt") if newer else ("lte", "lt")
    strictly = Q(**{f"{column}__{far}": time}) | Q(**{f"pk__{far}": pk})
    return Q(**{f"{column}__{near}": time}) & strictly


def up_to(edge: Edge, column: str, *, newer: bool) -> Q:
    """Return the condition of the rows up to (id, time) and of that row, in the direction of newer or older rows."""
    near, far = ("lte", "lt") if newer else ("gte", "gt")
    return Q(**{f"{column}__{near}": edge.time}) & (
        Q(**{f"{column}__{far}": edge.time}) | Q(**{f"pk__{near}": edge.pk})
    )
