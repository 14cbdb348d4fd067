"""The query of a usage or costs call: the period, the buckets of one page, the groups and the filters."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from api.openai.organization.query import LAST_SECOND, Pairs, Query, invalid, read_query
from api.openai.organization.usage import COSTS_FILTERS, COSTS_GROUP_BY, Family
from api.openai.shared.validation import missing

# Seconds, default and maximum number of buckets by width.
WIDTHS: Final = {"1m": (60, 60, 1440), "1h": (3600, 24, 168), "1d": (86_400, 7, 31)}
COSTS_LIMIT: Final = (7, 180)
_PERIOD: Final = ("start_time", "end_time", "bucket_width", "limit", "page")
_CURSOR: Final = "page_"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuery:
    """One page: whole buckets of `width` from `start` to `end` (Unix seconds, exclusive), aligned in UTC.

    `next_page` is the cursor of the next page, None on the last one. `filters` are arrays of public ids and names by
    parameter; an absent parameter does not filter.
    """

    width: str
    start: int
    end: int
    next_page: str | None
    group_by: tuple[str, ...]
    filters: Mapping[str, tuple[str, ...]]
    batch: bool | None = None

    @property
    def seconds(self) -> int:
        """The length of a bucket."""
        return WIDTHS[self.width][0]


def parse_usage_query(pairs: Pairs, family: Family, *, now: int) -> UsageQuery:
    """Parse the query of a usage call. Raises InvalidRequestError."""
    query = read_query(pairs, one=(*_PERIOD, *family.flags), several=("group_by", *family.filters))
    width = query.choice("bucket_width", tuple(WIDTHS), "1d")
    return _usage_query(query, width, WIDTHS[width][1:], family.group_by, now)


def parse_costs_query(pairs: Pairs, *, now: int) -> UsageQuery:
    """Parse the query of the costs call. Raises InvalidRequestError."""
    query = read_query(pairs, one=_PERIOD, several=("group_by", *COSTS_FILTERS))
    return _usage_query(query, query.choice("bucket_width", ("1d",), "1d"), COSTS_LIMIT, COSTS_GROUP_BY, now)


def _usage_query(query: Query, width: str, limits: tuple[int, ...], group_by: tuple[str, ...], now: int) -> UsageQuery:
    seconds, (default, most) = WIDTHS[width][0], limits
    if "start_time" not in query.one:
        raise missing("start_time")
    start = query.integer("start_time", least=0, most=LAST_SECOND, default=0)
    end = query.integer("end_time", least=0, most=LAST_SECOND, default=max(now, start) + 1)
    if end <= start:
        raise invalid("end_time", "expected a time after 'start_time'")
    first = start - start % seconds
    last = -(-end // seconds) * seconds
    begin = _decoded(query.one["page"], first, last, seconds) if "page" in query.one else first
    until = min(begin + query.integer("limit", least=1, most=most, default=default) * seconds, last)
    return UsageQuery(
        width=width,
        start=begin,
        end=until,
        next_page=_encoded(until) if until < last else None,
        group_by=query.choices("group_by", group_by),
        filters={name: values for name, values in query.several.items() if name != "group_by" and values},
        batch=query.flag("batch"),
    )


def _encoded(start: int) -> str:
    return _CURSOR + urlsafe_b64encode(start.to_bytes(6)).decode()


def _decoded(cursor: str, first: int, last: int, seconds: int) -> int:
    """Return the start of a page; raises InvalidRequestError for a cursor of another query."""
    try:
        start = int.from_bytes(urlsafe_b64decode(cursor.removeprefix(_CURSOR)))
    except ValueError:
        start = -1
    if not cursor.startswith(_CURSOR) or not first <= start < last or start % seconds:
        raise invalid("page", "expected the 'next_page' of the previous response, with the same other parameters")
    return start
