"""The CSV export of a list, with the list's search and filters."""

from collections.abc import AsyncIterator
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from sessions_store.admin.display.csv_cells import csv_line
from sessions_store.admin.pages.page import Page

Row = TypeVar("Row", bound=Model)
CHUNK = 2000


class ExportPage(Page[Row]):
    """A page whose list can be downloaded."""

    csv_columns: tuple[str, ...] = ()

    def get_urls(self) -> list[URLPattern]:
        """Add the export."""
        view = self.admin_site.admin_view(self.export)
        return [path("export/", view, name=f"sessions_store_{self.opts.model_name}_export"), *super().get_urls()]

    def export_link(self) -> str:
        """Return the address of the export."""
        return reverse(f"admin:sessions_store_{self.opts.model_name}_export")

    def export(self, request: HttpRequest) -> StreamingHttpResponse:
        """Stream the filtered rows, newest first, in constant memory."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.get_changelist_instance(request).get_queryset(request).order_by("-pk")
        response = StreamingHttpResponse(_lines(rows, self.csv_columns), content_type="text/csv; charset=utf-8")
        name = f"{self.opts.verbose_name_plural}-{timezone.now():%Y%m%d-%H%M}.csv".replace(" ", "-")
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


async def _lines(rows: QuerySet[Any], columns: tuple[str, ...]) -> AsyncIterator[str]:
    """Yield the file in chunks with a query each, so that a slow download holds no cursor open."""
    yield csv_line([column.replace("__", "_") for column in columns])
    rest = rows
    while True:
        chunk = await sync_to_async(_fetch)(rest, columns)
        if chunk:
            yield "".join(csv_line(row[1:]) for row in chunk)
        if len(chunk) < CHUNK:
            return
        rest = rows.filter(pk__lt=chunk[-1][0])


def _fetch(rows: QuerySet[Any], columns: tuple[str, ...]) -> list[tuple[Any, ...]]:
    return list(rows.values_list("pk", *columns)[:CHUNK])
