"""The list of keys: its filters, and the cost of each key on the page."""

from datetime import timedelta
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from sessions_store.admin.display.keys.usage import COST_PERIOD, costs_since
from sessions_store.admin.pages.autocomplete_filter import AutocompleteFilter
from sessions_store.models import Key

SOON: Final = timedelta(days=7)


class KeyList(ChangeList):
    """Keys with their cost of 30 days."""

    def get_results(self, request: HttpRequest) -> None:
        """Set the cost on each row of the page."""
        super().get_results(request)
        rows = list(self.result_list)
        costs = costs_since((row.pk for row in rows), timezone.now() - COST_PERIOD) if self.may_see_costs else {}
        for row in rows:
            row.cost_nano = costs.get(row.pk, 0)
        self.result_list = rows

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        self.may_see_costs = request.user.has_perm("sessions_store.view_usagerecord")
        super().__init__(request, *args)


class StateFilter(admin.SimpleListFilter):
    """The state of a key."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The states of `Key.state`, and the keys that expire soon."""
        return [
            ("active", "active"),
            ("expiring", f"expires within {SOON.days} days"),
            ("expired", "expired"),
            ("revoked", "revoked"),
            ("inactive", "owner or project inactive"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Key]) -> QuerySet[Key]:
        """Filter by the selected state."""
        now = timezone.now()
        valid = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
        inactive = Q(principal__is_active=False) | Q(project__archived_at__isnull=False)
        states = {
            "active": valid & ~inactive,
            "expiring": valid & ~inactive & Q(expires_at__lte=now + SOON),
            "expired": Q(revoked_at=None, expires_at__lte=now),
            "revoked": Q(revoked_at__isnull=False),
            "inactive": valid & inactive,
        }
        chosen = states.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen)


class ProjectFilter(AutocompleteFilter):
    """The project of a key."""

    title = "project"
    parameter_name = "project"
    column = "project"


class OwnerFilter(AutocompleteFilter):
    """The owner of a key."""

    title = "owner"
    parameter_name = "principal"
    column = "principal"
