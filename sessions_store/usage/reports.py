"""Sums of the roll-ups by bucket and group, for the usage and the costs of the administration API.

Projects, principals and keys are named by their public ids, in filters and in groups. A report is one query on a table
of roll-ups, and one for each kind of public id: no usage record is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from django.db.models import Model, Q, Sum

from sessions_store.models import Key, Project, UsageDay, UsageHour, UsageMinute, UsageRollup, User
from sessions_store.models.rollup import SUM_COLUMNS

BATCH: Final = "batch"  # the service tier of batch requests
_TABLES: Final[Mapping[str, type[UsageRollup]]] = {"1m": UsageMinute, "1h": UsageHour, "1d": UsageDay}
# Columns that refer to a row with a public id.
_NAMED: Final[Mapping[str, type[Model]]] = {"project_id": Project, "principal_id": User, "key_id": Key}
_SUMS: Final = {f"sum_{column}": Sum(column) for column in SUM_COLUMNS}
_CHUNK: Final = 500

Column = Literal["project_id", "principal_id", "key_id", "public_model", "upstream_model", "service_tier"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What to sum: buckets of `width` from `start` to `end` (exclusive), grouped by columns.

    `names` are the permitted values by column, public ids for `project_id`, `principal_id` and `key_id`. `batch`
    selects batch requests or all others. `family` selects an endpoint family; `searched`, what searched the web.
    """

    width: str
    start: datetime
    end: datetime
    group_by: Sequence[Column] = ()
    names: Mapping[Column, Sequence[str]] = field(default_factory=dict)
    family: str | None = None
    batch: bool | None = None
    searched: bool = False


class ReportRow(NamedTuple):
    """The sums of one group in one bucket; a key that no longer exists, or none, has no public id."""

    bucket: datetime
    groups: dict[Column, str | None]
    sums: dict[str, int]


def read_report(report: Report) -> list[ReportRow]:
    """Return the rows of a report in the order of buckets and groups; buckets without usage have no row."""
    found = (
        _TABLES[report.width]
        ._default_manager.filter(_condition(report), bucket__gte=report.start, bucket__lt=report.end)
        .order_by("bucket", *report.group_by)
        .values("bucket", *report.group_by)
        .annotate(**_SUMS)
    )
    rows = list(found)
    public = {column: _public_ids(model, {row[column] for row in rows}) for column, model in _named(report.group_by)}
    return [
        ReportRow(
            row["bucket"],
            {
                column: public[column].get(row[column]) if column in public else row[column]
                for column in report.group_by
            },
            {column: row[f"sum_{column}"] for column in SUM_COLUMNS},
        )
        for row in rows
    ]


def _condition(report: Report) -> Q:
    condition = Q()
    if report.family is not None:
        condition &= Q(family=report.family)
    if report.batch is not None:
        condition &= Q(service_tier=BATCH) if report.batch else ~Q(service_tier=BATCH)
    if report.searched:
        condition &= Q(search_requests__gt=0)
    for column, names in report.names.items():
        model = _NAMED.get(column)
        values: Sequence[Any] = names
        if model is not None:
            values = list(model._default_manager.filter(public_id__in=names).values_list("pk", flat=True))
        condition &= Q(**{f"{column}__in": values})
    return condition


def _named(columns: Sequence[Column]) -> Iterator[tuple[Column, type[Model]]]:
    return ((column, _NAMED[column]) for column in columns if column in _NAMED)


def _public_ids(model: type[Model], keys: set[int]) -> dict[int, str]:
    """Return the public ids of rows, read in chunks."""
    wanted, found = sorted(keys), dict[int, str]()
    for start in range(0, len(wanted), _CHUNK):
        rows = model._default_manager.filter(pk__in=wanted[start : start + _CHUNK])
        found.update(rows.values_list("pk", "public_id"))
    return found
