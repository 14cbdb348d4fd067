"""The enabled budgets as values of the catalogue's snapshot: which of them apply to a request, without a query."""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from fnmatch import translate
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sessions_store.budgets.periods import Calendar, Window, window_at
from sessions_store.models import Budget
from sessions_store.models.access.key import successors_of_keys, with_successors
from sessions_store.models.access.subject import Scope

log = logging.getLogger(__name__)

_COLUMNS: Final = (
    *("id", "public_id", "name", "scope", "model_pattern", "amount_nano", "period", "time_zone", "week_start"),
    *("enforcement", "thresholds", "counts_from", "project_id", "principal_id", "key_id"),
)
MAX_REMEMBERED: Final = 4096


@dataclass(slots=True, kw_only=True, eq=False)
class BudgetRule:
    """One budget. `subject_ids` are the ids of its project, principal or keys: a key and its successors.

    `hard` rejects requests, `strict` limits their output too; a budget that is neither only alerts.
    """

    id: int
    public_id: str
    name: str
    scope: str
    subject_ids: tuple[int, ...]
    model_pattern: str
    amount_nano: int
    calendar: Calendar
    hard: bool
    strict: bool
    thresholds: tuple[int, ...]
    counts_from: datetime
    pattern: re.Pattern[str] | None
    _current: Window | None = None

    def window(self, at: datetime) -> Window | None:
        """Return the window of a request that started at that time, None before `counts_from`."""
        current = self._current
        if current is None or at < current.begins_at or (current.ends_at is not None and at >= current.ends_at):
            if at < self.counts_from:
                return None
            current = self._current = self.window_of(self.calendar.start(at))
        return current

    def window_of(self, start: date) -> Window:
        """Return the window that starts on a local date."""
        return window_at(self.id, self.calendar, start, self.counts_from)

    def counts(self, model: str) -> bool:
        """Whether requests for a public model count."""
        return self.pattern is None or self.pattern.match(model) is not None


@dataclass(slots=True, eq=False)
class BudgetRules:
    """All enabled budgets of a snapshot, in the order of their ids; found rules are cached."""

    rules: tuple[BudgetRule, ...] = ()
    by_id: dict[int, BudgetRule] = field(default_factory=dict)
    _found: dict[tuple[int | None, int, int | None, str], tuple[BudgetRule, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.rules)

    def applicable(
        self, project_id: int | None, principal_id: int, key_id: int | None, model: str
    ) -> tuple[BudgetRule, ...]:
        """Return the budgets that a request for a public model counts for, in the order of their ids."""
        if not self.rules:
            return ()
        request = (project_id, principal_id, key_id, model)
        found = self._found.get(request)
        if found is None:
            if len(self._found) >= MAX_REMEMBERED:
                self._found.clear()  # bounded: clients may send any number of model names
            ids = {Scope.PROJECT.value: project_id, Scope.PRINCIPAL.value: principal_id, Scope.KEY.value: key_id}
            found = self._found[request] = tuple(
                rule
                for rule in self.rules
                if (rule.scope == Scope.GATEWAY.value or ids[rule.scope] in rule.subject_ids) and rule.counts(model)
            )
        return found

    def of_subjects(self, project_id: int | None, principal_id: int, key_id: int | None) -> list[BudgetRule]:
        """Return the budgets of the gateway, a project, a principal and a key, whatever models they count."""
        ids = {Scope.PROJECT.value: project_id, Scope.PRINCIPAL.value: principal_id, Scope.KEY.value: key_id}
        return [rule for rule in self.rules if rule.scope == Scope.GATEWAY.value or ids[rule.scope] in rule.subject_ids]


def budget_rules(rows: Iterable[Mapping[str, Any]], successors: Mapping[int, int]) -> BudgetRules:
    """Return the rules of budgets, given as the values of their columns; `successors`: key → its successor."""
    rules = tuple(_rule(row, successors) for row in rows)
    return BudgetRules(rules, {rule.id: rule for rule in rules})


def load_budgets() -> BudgetRules:
    """Read the enabled budgets. A budget of a key counts for the successors of the key too."""
    rows = list(Budget.objects.filter(enabled=True).order_by("id").values(*_COLUMNS))
    successors = successors_of_keys() if any(row["key_id"] is not None for row in rows) else {}
    return budget_rules(rows, successors)


def rule_of(budget: Budget) -> BudgetRule:
    """Return the rule of one budget, enabled or not."""
    successors = {} if budget.key_id is None else successors_of_keys()
    return budget_rules(Budget.objects.filter(pk=budget.pk).values(*_COLUMNS), successors).rules[0]


def _rule(row: Mapping[str, Any], successors: Mapping[int, int]) -> BudgetRule:
    pattern = row["model_pattern"]
    return BudgetRule(
        id=row["id"],
        public_id=row["public_id"],
        name=row["name"],
        scope=row["scope"],
        subject_ids=_subject_ids(row, successors),
        model_pattern=pattern,
        amount_nano=row["amount_nano"],
        calendar=calendar_of(row["public_id"], row["period"], row["time_zone"], row["week_start"]),
        hard=row["enforcement"] != Budget.Enforcement.SOFT.value,
        strict=row["enforcement"] == Budget.Enforcement.STRICT.value,
        thresholds=tuple(row["thresholds"]),
        counts_from=row["counts_from"],
        # fnmatch's expressions use atomic groups: a match takes linear time for any pattern.
        pattern=re.compile(translate(pattern)) if pattern else None,
    )


def calendar_of(public_id: str, period: str, time_zone: str, week_start: int) -> Calendar:
    """Return the calendar of a budget; UTC for a zone that this machine does not know: the snapshot must load."""
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        log.error("Budget %s has the unknown time zone %r: UTC is used", public_id, time_zone)
        zone = ZoneInfo("UTC")
    return Calendar(period, zone, week_start)


def _subject_ids(row: Mapping[str, Any], successors: Mapping[int, int]) -> tuple[int, ...]:
    if row["scope"] == Scope.GATEWAY.value:
        return ()
    if row["scope"] == Scope.KEY.value:
        return with_successors(row["key_id"], successors)
    return (row[f"{row['scope']}_id"],)
