"""Budgets: the list with what is spent, the form in USD, and the tree of limits and budgets."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sessions_store.admin.display import formats
from sessions_store.admin.display.formats import NANO_PER_USD
from sessions_store.admin.display.limits.budget_windows import spendings
from sessions_store.admin.pages.limits.subjects import SUBJECTS, SubjectForm, SubjectPage
from sessions_store.admin.pages.limits.tree import tree_page
from sessions_store.budgets.windows import COUNTED_BY, recount_after_edit
from sessions_store.models import Budget
from sessions_store.models.access.budget import default_thresholds
from sessions_store.models.access.subject import Scope

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MOST_USD = 1_000_000_000


class PercentagesField(forms.CharField):
    """Percentages, separated by commas."""

    def prepare_value(self, value: Any) -> Any:
        """Return the text of a list."""
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Return the list; raises ValidationError for other text."""
        words = str(value or "").replace("%", "").replace(",", " ").split()
        if not all(word.isdecimal() for word in words):
            raise forms.ValidationError("Enter percentages such as 50, 80, 100.")
        return sorted({int(word) for word in words})

    def clean(self, value: Any) -> Any:
        """Return the list; the model checks its values."""
        return self.to_python(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare the texts."""
        return str(self.prepare_value(initial)) != str(data)


class BudgetForm(SubjectForm[Budget]):
    """One budget, with its amount in USD."""

    amount = forms.DecimalField(
        label="Amount in USD",
        min_value=0,
        max_value=MOST_USD,
        decimal_places=9,
        widget=forms.NumberInput(attrs={"class": "vIntegerField", "step": "any"}),
    )
    thresholds = PercentagesField(
        label="Alerts at percent",
        required=False,
        initial=default_thresholds,
        help_text="Percentages of the amount, such as 50, 80, 100.",
    )
    week_start = forms.TypedChoiceField(
        label="Week starts on", choices=list(enumerate(WEEKDAYS)), coerce=int, help_text="For budgets per week."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.amount_nano is not None:
            amount = Decimal(self.instance.amount_nano) / NANO_PER_USD
            self.initial.setdefault("amount", f"{amount.normalize():f}")

    def clean(self) -> dict[str, Any]:
        """Store the amount in nano-USD."""
        cleaned = super().clean()
        if cleaned.get("amount") is not None:
            self.instance.amount_nano = int(cleaned["amount"] * NANO_PER_USD)
        return cleaned


class BudgetList(ChangeList):
    """Budgets with their current period."""

    def get_results(self, request: HttpRequest) -> None:
        """Set the spending on each row of the page."""
        super().get_results(request)
        rows = list(self.result_list)
        for row, spending in zip(rows, spendings(rows, timezone.now()), strict=True):
            row.spending = spending
        self.result_list = rows


@admin.register(Budget)
class BudgetPage(SubjectPage[Budget]):
    """Amounts that a subject may spend per period."""

    form = BudgetForm
    list_display = ("subject_name", "model_name", "allowed", "spent", "enforcement", "enabled")
    list_filter = ("scope", "period", "enforcement", "enabled", *SubjectPage.list_filter[1:])
    list_title = "Budgets"
    list_intro = "A request must fit into each budget that applies: of the gateway, its project, its account, its key."
    list_empty = "No budgets yet: spending is not limited."
    ordering = ("id",)
    search_fields = ("name", *SubjectPage.search_fields)
    csv_columns = (
        *("public_id", "name", "scope", "project__name", "principal__username", "key__name", "model_pattern"),
        *("amount_nano", "period", "time_zone", "enforcement", "enabled", "counts_from"),
    )
    fieldsets = (
        ("Subject", {"fields": ("scope", *SUBJECTS, "model_pattern")}),
        ("Amount", {"fields": ("amount", "period", "time_zone", "week_start", "counts_from")}),
        ("Effect", {"fields": ("enforcement", "thresholds", "enabled", "name")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Budget | None = None) -> Any:
        """Without the right to change a budget, its values as text: the fields of the form are no columns."""
        if obj is None or self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
        subject = [] if obj.scope == Scope.GATEWAY else [obj.scope]
        week = ["first_weekday"] if obj.period == Budget.Period.WEEK else []
        return (
            ("Subject", {"fields": ["scope", *subject, "model_name"]}),
            ("Amount", {"fields": ["allowed", "time_zone", *week, "counts_from"]}),
            ("Effect", {"fields": ["enforcement", "alerts", "enabled", "name"]}),
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The changelist with spending."""
        return BudgetList

    def save_model(self, request: HttpRequest, obj: Budget, form: Any, change: bool) -> None:
        """Save the budget; recount what is spent if the edit changes what the budget counts."""
        before = Budget.objects.filter(pk=obj.pk).values(*COUNTED_BY).first()
        super().save_model(request, obj, form, change)
        if before is not None:
            recount_after_edit(obj, [column for column, value in before.items() if getattr(obj, column) != value])

    def get_urls(self) -> list[URLPattern]:
        """Add the tree."""
        return [
            path("tree/", self.admin_site.admin_view(self.tree), name="sessions_store_budget_tree"),
            *super().get_urls(),
        ]

    def tree(self, request: HttpRequest) -> HttpResponse:
        """Show all subjects with their limits and budgets."""
        return tree_page(request)

    @admin.display(description="amount")
    def allowed(self, budget: Budget) -> SafeString:
        """The amount and the period."""
        period = budget.get_period_display()
        per = period if budget.period == Budget.Period.TOTAL else f"per {period}"
        return format_html(
            '<span class="figure">{}</span><span class="below">{}</span>', formats.usd(budget.amount_nano), per
        )

    @admin.display(description="week starts on")
    def first_weekday(self, budget: Budget) -> str:
        """The first day of a week."""
        return WEEKDAYS[budget.week_start]

    @admin.display(description="alerts at percent")
    def alerts(self, budget: Budget) -> str:
        """The percentages that alert."""
        return ", ".join(map(str, budget.thresholds))

    @admin.display(description="spent in this period")
    def spent(self, budget: Any) -> SafeString:
        """A bar, and the spent amount."""
        spending = budget.spending
        return format_html(
            '<svg class="meter {}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
            '<rect class="whole" width="100" height="6"/><rect class="part" width="{}" height="6"/></svg>'
            '<span class="below">{} · {} %</span>',
            spending.level,
            spending.bar,
            formats.usd(spending.spent_nano),
            spending.percent,
        )
