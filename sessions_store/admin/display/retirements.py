"""Which mappings point to a model that Google retires soon, or has retired, and who answers instead."""

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
    """A model's end. `successor` is empty when none is named: its requests then fail at Google."""

    model: str
    day: date
    days_left: int
    successor: str

    @property
    def retired(self) -> bool:
        """Whether the day has come."""
        return self.days_left <= 0

    def __str__(self) -> str:
        if self.retired:
            return f"Retired → {self.successor}" if self.successor else "Retired, no successor"
        when = "tomorrow" if self.days_left == 1 else f"in {self.days_left} days"
        return f"Retires {when}" + (f" → {self.successor}" if self.successor else ", no successor")


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingWarning:
    """A model's retirement and the mappings that it concerns."""

    retirement: Retirement
    mappings: tuple[ModelMapping, ...]


class RetirementList(ChangeList):
    """A list whose rows know their model's retirement, as `retirement`: one query for all of them."""

    model_column: ClassVar[str]

    def get_results(self, request: HttpRequest) -> None:
        """Give each row of the page its retirement, or None."""
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
            successor=_heir(name, rows, max(today, row.retires_on)),
        )
        for name, row in rows.items()
        if row.retires_on is not None and row.retires_on <= today + SOON
    }


def mapping_warnings(today: date) -> list[MappingWarning]:
    """Return what operators should look at, the most urgent first."""
    ends = retirements(today)
    concerned: dict[str, list[ModelMapping]] = {}
    for mapping in ModelMapping.objects.filter(enabled=True, upstream_model__in=ends):
        concerned.setdefault(mapping.upstream_model, []).append(mapping)
    warnings = [MappingWarning(retirement=ends[name], mappings=tuple(mappings)) for name, mappings in concerned.items()]
    return sorted(warnings, key=lambda warning: (warning.retirement.day, warning.retirement.model))


def _heir(name: str, rows: dict[str, UpstreamModel], day: date) -> str:
    """Follow the successors until one that lives on that day; the chain may not turn in a circle."""
    seen = {name}
    row = rows[name]
    while row.successor is not None and row.successor.name not in seen:
        row = rows[row.successor.name]
        seen.add(row.name)
        if row.retires_on is None or row.retires_on > day:
            break
    return "" if row.name == name else row.name
