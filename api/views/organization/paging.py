"""Pages of lists: objects by id, in the order of their creation."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.db.models import Model, QuerySet

from api.openai.organization.objects import Page
from api.openai.organization.query import PageQuery, invalid
from api.views.operation import OperationParameter

Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")

AFTER: Final = OperationParameter(
    name="after", schema={"type": "string"}, what="Id of the last object of the previous page."
)
BEFORE: Final = OperationParameter(
    name="before", schema={"type": "string"}, what="Id of the first object of the next page."
)
LIMIT: Final = OperationParameter(
    name="limit", schema={"type": "integer", "minimum": 1, "maximum": 100}, what="Maximum number of objects per page."
)
ORDER: Final = OperationParameter(
    name="order", schema={"type": "string", "enum": ["asc", "desc"]}, what="Order by time of creation."
)


def page(
    rows: QuerySet[Row], query: PageQuery, encode: Callable[[Row], Item], *, column: str = "public_id"
) -> Page[Item]:
    """Return a page of encoded rows; `column` has the ids of the cursors.
    Raises InvalidRequestError for an unknown cursor.

    The row of a cursor may be outside of `rows`, for example a key that was revoked since.
    """
    forwards = (query.order == "asc") is (query.before is None)
    ordered = rows.order_by("pk" if forwards else "-pk")
    for name, cursor in (("after", query.after), ("before", query.before)):
        if cursor is not None:
            place = rows.model._default_manager.filter(**{column: cursor}).values_list("pk", flat=True).first()
            if place is None:
                raise invalid(name, "expected the id of an object of the list")
            ordered = ordered.filter(**{"pk__gt" if forwards else "pk__lt": place})
    found = list(ordered[: query.limit + 1])
    shown = found[: query.limit]
    if query.before is not None:
        shown.reverse()
    return listed([encode(row) for row in shown], has_more=len(found) > query.limit)


def listed(items: list[Any], *, has_more: bool) -> Page[Any]:
    """Return a page of objects with ids."""
    return {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": has_more,
    }
