"""The query parameters of OpenAI's list endpoints: `limit`, `after`, `order` and filters."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, cast

from api.errors import InvalidRequestError

Order = Literal["asc", "desc"]
DEFAULT_LIMIT, MAX_LIMIT = 20, 100
MAX_FILTERS = 16
_METADATA = re.compile(r"metadata\[(.{1,64})\]", re.DOTALL)
_INTEGER = re.compile(r"-?[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """A requested page: at most `limit` objects after the object `after` (exclusive), in `order`.

    `model` and `metadata` filter stored chat completions; `include` adds fields to items.
    """

    limit: int
    order: Order
    after: str | None = None
    model: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    include: tuple[str, ...] = ()


def parse_list_query(pairs: Iterable[tuple[str, str]], *, order: Order = "desc") -> ListQuery:
    """Parse the pairs of a query string; `order` is the endpoint's default.

    The last of repeated names counts; unknown names are ignored, as OpenAI does. Raises InvalidRequestError with the
    parameter's name.
    """
    given: dict[str, str] = {}
    metadata: dict[str, str] = {}
    include: list[str] = []
    for name, value in pairs:
        if name.partition("[")[0] == "metadata":
            metadata[_filter(name)] = value
        elif name in ("include", "include[]"):
            include.append(value)
        else:
            given[name] = value
    if len(metadata) > MAX_FILTERS:
        raise _invalid("metadata", f"expected at most {MAX_FILTERS} pairs")
    return ListQuery(
        limit=_limit(given.get("limit")),
        order=_order(given.get("order") or order),
        after=given.get("after") or None,
        model=given.get("model") or None,
        metadata=metadata,
        include=tuple(include),
    )


def parse_starting_after(value: str | None) -> int | None:
    """Return the `starting_after` of a resumed stream: the client's last sequence number, or None."""
    if value is None or value == "":
        return None
    if _INTEGER.fullmatch(value) is None or int(value) < 0:
        raise _invalid("starting_after", "expected an integer of 0 or more")
    return int(value)


def _filter(name: str) -> str:
    """Return the key of `metadata[key]`; an invalid filter raises, because ignoring it would widen the page."""
    found = _METADATA.fullmatch(name)
    if found is None or "][" in found[1]:
        raise _invalid("metadata", "expected 'metadata[key]=value' with a key of 1 to 64 characters")
    return found[1]


def _limit(value: str | None) -> int:
    if value is None or value == "":
        return DEFAULT_LIMIT
    if _INTEGER.fullmatch(value) is None or not 1 <= int(value) <= MAX_LIMIT:
        raise _invalid("limit", f"expected an integer between 1 and {MAX_LIMIT}")
    return int(value)


def _order(value: str) -> Order:
    if value not in ("asc", "desc"):
        raise _invalid("order", "supported values are 'asc' and 'desc'")
    return cast("Order", value)


def _invalid(param: str, expected: str) -> InvalidRequestError:
    return InvalidRequestError(f"Invalid value for '{param}': {expected}.", param=param, code="invalid_value")
