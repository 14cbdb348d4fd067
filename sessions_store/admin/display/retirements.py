"""Mappings to a model that Google has retired or will retire soon, with the model's successor."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar

from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils import timezone

from sessions_store.models import ModelMapping, UpstreamModel

SOON = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """The retirement of a model. `successor` is empty if none is configured: requests for the model then fail at
    Google.
    """

    model: str
    day: date
    days_left: int
    successor: str

    @property
    def retired(self) -> bool:
        """Whether the model is retired."""
        return self.days_left <= 0

    def __str__(self) -> str:
        if self.retired:
            return f"Retired → {self.successor}" if self.successor else "Retired, no successor"
        when = "tomorrow" if self.days_left == 1 else f"in {self.days_left} days"
        return f"Retires {when}" + (f" → {self.successor}" if self.successor else ", no successor")


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingWarning:
    """The retirement of a model and the mappings to that model."""

    retirement: Retirement
    mappings: tuple[ModelMapping, ...]


class RetirementList(ChangeList):
    """A changelist that sets `retirement` on each row: one query for all rows."""

    model_column: ClassVar[str]

    def get_results(self, request: HttpRequest) -> None:
        """Set the retirement, or None, on each row of the page."""
        super().get_results(request)
        ends = retirements(timezone.now().date())
        rows = list(self.result_list)
        for row in rows:
            row.retirement = ends.get(getattr(row, self.model_column))
        self.result_list = rows


def retirements(today: date) -> dict[str, Retirement]:
    """Return the models that are retired or will be within SOON, by name: one query."""
    rows = {row.name: row for row in UpstreamModel.objects.select_related("successor")}
    return {
        name: Retirement(
            model=name,
            day=row.retires_on,
            days_left=(row.retires_on - today).days,
            successor=_successor(name, rows, max(today, row.retires_on)),
        )
        for name, row in rows.items()
        if row.retires_on is not None and row.retires_on <= today + SOON
    }


def mapping_warnings(today: date) -> list[MappingWarning]:
    """Return the enabled mappings to such models, earliest retirement first."""
    ends = retirements(today)
    concerned: dict[str, list[ModelMapping]] = {}
    for mapping in ModelMapping.objects.filter(enabled=True, upstream_model__in=ends):
        concerned.setdefault(mapping.upstream_model, []).append(mapping)
    warnings = [MappingWarning(retirement=ends[name], mappings=tuple(mappings)) for name, mappings in concerned.items()]
    return sorted(warnings, key=lambda warning: (warning.retirement.day, warning.retirement.model))


def _successor(name: str, rows: dict[str, UpstreamModel], day: date) -> str:
    """Return the first successor that is in service on that day; the chain of successors may contain a cycle."""
    seen = {name}
    row = rows[name]
    while row.successor is not None and row.successor.name not in seen:
        row = rows[row.successor.name]
        seen.add(row.name)
        if row.retires_on is None or row.retires_on > day:
            break
    return "" if row.name == name else row.name
