"""The catalogue: the capabilities of each Gemini model, its lifetime, and its dated prices."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import DecimalField, Field, JSONField, Prefetch, QuerySet
from django.forms import Textarea
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sessions_store.admin.display.formats import NOTHING, usd_per_million
from sessions_store.admin.display.json_field import LocatedJSONField
from sessions_store.admin.display.retirements import RetirementList
from sessions_store.admin.pages.page import Page
from sessions_store.models import ModelPrice, UpstreamModel

if TYPE_CHECKING:
    PriceInline = admin.TabularInline[ModelPrice, UpstreamModel]
    PriceModelForm = forms.ModelForm[ModelPrice]
else:
    PriceInline = admin.TabularInline
    PriceModelForm = forms.ModelForm

FieldOverrides = Mapping[type["Field[Any, Any]"], Mapping[str, Any]]

FEW_LINES: FieldOverrides = {
    JSONField: {
        "form_class": LocatedJSONField,
        "widget": Textarea(attrs={"rows": 2, "class": "vLargeTextField code", "spellcheck": "false"}),
    }
}


class UsdField(forms.DecimalField):
    """A price without trailing zeros."""

    def prepare_value(self, value: Any) -> Any:
        """Return 0.75 for 0.750000; other input unchanged."""
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value


USD: FieldOverrides = {DecimalField: {"form_class": UsdField}}


class PriceForm(PriceModelForm):
    """One row of the table of prices. The head of the table is no label of a field: each field names itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        price = self.instance
        of = f"{price.get_tier_display()} from {price.valid_from}" if price.pk else "new price"
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = f"{field.label}, {of}"


class PricesInline(PriceInline):
    """The prices of one model, common columns only; the page of a price has all columns."""

    model = ModelPrice
    form = PriceForm
    fields = ("tier", "valid_from", "input", "cached_input", "output", "long_context_from", "note")
    ordering = ("tier", "-valid_from")
    formfield_overrides = USD
    extra = 0
    show_change_link = True
    verbose_name = "price"
    verbose_name_plural = "Prices, in USD per million tokens"


class UpstreamModelList(RetirementList):
    """The catalogue with each model's retirement."""

    model_column = "name"


@admin.register(UpstreamModel)
class UpstreamModelPage(Page[UpstreamModel]):
    """One Gemini model of the catalogue."""

    list_display = ("name", "family", "state", "listed", "price", "thinking", "context")
    list_filter = ("status", "thinking", "listed")
    list_title = "Gemini models & prices"
    list_intro = (
        "Capabilities and prices of Gemini models. Prices are today's, in USD per million tokens (input / output)."
    )
    ordering = ("-released_on", "name")
    sortable_by = ("name", "family", "released_on")
    search_fields = ("name", "display_name", "family")
    readonly_fields = ("created_at", "updated_at")
    formfield_overrides = FEW_LINES
    inlines = (PricesInline,)
    save_as = True
    fieldsets = (
        (None, {"fields": ("name", "display_name", "description", "family", "listed")}),
        ("Status", {"fields": ("status", "released_on", "retires_on", "successor")}),
        ("Limits", {"fields": ("input_token_limit", "output_token_limit", "max_candidates", "max_stop_sequences")}),
        ("Sampling", {"fields": ("sampling", "penalties", "logprobs")}),
        (
            "Reasoning",
            {
                "fields": (
                    "thinking",
                    "thinking_levels",
                    "thinking_default",
                    "thinking_budget_min",
                    "thinking_budget_max",
                    "thinking_budgets",
                    "thinking_can_disable",
                    "signatures",
                )
            },
        ),
        (
            "Tools and formats",
            {
                "classes": ("collapse",),
                "fields": (
                    "functions",
                    "function_call_ids",
                    "tools_with_json",
                    "tools_with_builtin",
                    "validated_mode",
                    "json_schema",
                    "media_resolution_per_part",
                    "function_response_parts",
                    "output_modalities",
                    "methods",
                ),
            },
        ),
        ("Changes", {"classes": ("collapse",), "fields": ("created_at", "updated_at")}),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The changelist with retirements."""
        return UpstreamModelList

    def get_queryset(self, request: HttpRequest) -> QuerySet[UpstreamModel]:
        """Fetch the standard prices once for all rows."""
        standard = ModelPrice.objects.filter(tier=ModelPrice.Tier.STANDARD).order_by("-valid_from")
        return super().get_queryset(request).prefetch_related(Prefetch("prices", standard, to_attr="standard_prices"))

    @admin.display(description="status", ordering="released_on")
    def state(self, row: Any) -> SafeString | str:
        """The release stage, and the retirement if there is one."""
        end = row.retirement
        if end is not None:
            return format_html('<span class="badge warn">{}</span>', str(end))
        if row.retires_on is not None:
            return f"{row.get_status_display()} (until {row.retires_on.day} {row.retires_on:%b %Y})"
        return str(row.get_status_display())

    @admin.display(description="USD per 1M in / out")
    def price(self, row: Any) -> str:
        """Today's standard prices."""
        today = timezone.now().date()
        for price in row.standard_prices:
            if price.valid_from <= today:
                return f"{usd_per_million(price.input)} / {usd_per_million(price.output)}"
        return NOTHING

    @admin.display(description="tokens in / out")
    def context(self, row: UpstreamModel) -> str:
        """The token limits of input and output, shortened."""
        return f"{row.input_token_limit // 1000:,} k / {row.output_token_limit // 1000:,} k"


@admin.register(ModelPrice)
class ModelPricePage(Page[ModelPrice]):
    """One price row with all columns; linked from its model."""

    list_display = ("model", "tier", "valid_from", "input", "cached_input", "output", "long_context_from", "note")
    list_filter = ("tier",)
    list_select_related = ("model",)
    list_title = "Prices, in USD per million tokens"
    search_fields = ("model__name",)
    formfield_overrides = USD
    fieldsets = (
        (None, {"fields": ("model", "tier", "valid_from", "note")}),
        ("Text, in USD per million tokens", {"fields": ("input", "cached_input", "output")}),
        (
            "Other kinds of input and output",
            {
                "fields": (
                    "audio_input",
                    "cached_audio_input",
                    "image_input",
                    "video_input",
                    "audio_output",
                    "image_output",
                )
            },
        ),
        ("Long prompts", {"fields": ("long_context_from", "long_input", "long_cached_input", "long_output")}),
        ("Google Search, in USD per thousand", {"fields": ("search_query", "grounded_prompt")}),
    )

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        """Hide prices from the menu: they are reached from their model."""
        return {}
