"""Model mappings: the ordered list with the preview above it, and the form."""

import json
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sessions_store.admin.display.formats import NOTHING
from sessions_store.admin.display.json_field import LocatedJSONField
from sessions_store.admin.display.mapping_preview import dry_run
from sessions_store.admin.display.retirements import RetirementList
from sessions_store.admin.pages.page import Page
from sessions_store.catalogue.changes import publish
from sessions_store.models import ModelMapping, UpstreamModel
from sessions_store.models.mapping import ANY, UPSTREAM_NAME

TRY = "try"
LONGEST_NAME = 200


class UpstreamNames(forms.TextInput):
    """A text field with the catalogue's models as suggestions."""

    template_name = "gateway/upstream_names.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Add the suggested names."""
        context: dict[str, Any] = super().get_context(name, value, attrs)
        context["widget"]["attrs"]["list"] = "upstream-names"
        context["names"] = UpstreamModel.objects.exclude(status=UpstreamModel.Status.RETIRED).values_list(
            "name", flat=True
        )
        return context


if TYPE_CHECKING:
    MappingModelForm = forms.ModelForm[ModelMapping]
else:
    MappingModelForm = forms.ModelForm


class MappingForm(MappingModelForm):
    """The form, which saves an unknown Gemini model only after a confirmation: its name may be misspelt or new."""

    confirmed = forms.BooleanField(
        label="Save although the model is not in the catalogue",
        required=False,
        help_text="Requests will fail unless Gemini offers this model.",
    )

    def clean(self) -> dict[str, Any]:
        """Raise ValidationError for an unknown model without the confirmation."""
        cleaned = super().clean() or self.cleaned_data
        name = str(cleaned.get("upstream_model", "")).strip().removeprefix("models/")
        well_formed = UPSTREAM_NAME.fullmatch(name) is not None  # else the model's own error is the reason
        if well_formed and not cleaned.get("confirmed") and not _is_known(name):
            raise ValidationError(
                {"upstream_model": f"{name} is not in the catalogue. Correct the name, or confirm it below and save."}
            )
        return cleaned


class MappingList(RetirementList):
    """Mappings with the retirement of their upstream model."""

    model_column = "upstream_model"


@admin.register(ModelMapping)
class ModelMappingPage(Page[ModelMapping]):
    """Public model names and their upstream models."""

    form = MappingForm
    change_list_template = "gateway/mappings.html"
    list_display = ("public_name", "answers", "position", "enabled", "default_parameters", "description")
    list_intro = (
        "Mappings are tried top to bottom; the first match wins. A mapping to * removes a prefix; the rest of the name "
        "is looked up again. Gemini model names work without a mapping. Changes take effect immediately."
    )
    ordering = ("position", "id")
    sortable_by = ("public_name", "position", "enabled")
    search_fields = ("public_name", "upstream_model", "description")
    actions = ("enable", "disable")
    readonly_fields = ("created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("public_name", "upstream_model", "enabled", "position")}),
        ("Default parameters", {"fields": ("defaults",)}),
        ("Notes", {"fields": ("description", "created_at", "updated_at")}),
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with the preview of `?try=<model>` above it."""
        # Django's changelist takes every unknown parameter for a filter.
        query = request.GET.copy()
        name = query.pop(TRY, [""])[-1].strip()[:LONGEST_NAME]
        request.GET = query  # type: ignore[assignment]  # a copy is a mutable QueryDict
        context = {"try_name": name, "dry_run": dry_run(name, today=timezone.now().date()) if name else None}
        return super().changelist_view(request, context | (extra_context or {}))

    def get_fieldsets(self, request: HttpRequest, obj: ModelMapping | None = None) -> Any:
        """Add the confirmation when the form names a model that the catalogue does not have."""
        first, *rest = self.fieldsets
        name = request.POST.get("upstream_model", "").strip().removeprefix("models/")
        if not name or _is_known(name):
            return (first, *rest)
        fields = ("public_name", "upstream_model", "confirmed", "enabled", "position")
        return ((None, {"fields": fields}), *rest)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The changelist with retirements."""
        return MappingList

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Suggest the catalogue's models, and use small fields."""
        if db_field.name == "upstream_model":
            kwargs["widget"] = UpstreamNames(attrs={"class": "vTextField"})
        if db_field.name == "defaults":
            kwargs["form_class"] = LocatedJSONField
            kwargs["widget"] = forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField code", "spellcheck": "false"})
        if db_field.name == "description":
            kwargs["widget"] = forms.TextInput(attrs={"class": "vTextField wide"})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description="answered by", ordering="upstream_model")
    def answers(self, mapping: Any) -> SafeString | str:
        """The upstream model, with a badge if its retirement is near."""
        end = mapping.retirement
        if end is None:
            return str(mapping.upstream_model)
        kind = "bad" if end.retired and not end.successor else "warn"
        return format_html(
            '{}<span class="below"><span class="badge {}">{}</span></span>', mapping.upstream_model, kind, str(end)
        )

    @admin.display(description="defaults")
    def default_parameters(self, mapping: ModelMapping) -> str:
        """The default parameters on one line."""
        return ", ".join(f"{name} {json.dumps(value)}" for name, value in mapping.defaults.items()) or NOTHING

    @admin.action(description="Enable the selected model mappings", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[ModelMapping]) -> None:
        """Apply these mappings from the next request on."""
        self._switch(request, queryset, enabled=True)

    @admin.action(description="Disable the selected model mappings", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[ModelMapping]) -> None:
        """Skip these mappings from the next request on."""
        self._switch(request, queryset, enabled=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[ModelMapping], *, enabled: bool) -> None:
        changed = queryset.exclude(enabled=enabled)
        for mapping in changed:
            self.log_change(request, mapping, "Enabled." if enabled else "Disabled.")
        number = changed.update(enabled=enabled, updated_at=timezone.now())
        publish()
        self.message_user(
            request,
            f"{number} model mapping{'' if number == 1 else 's'} {'en' if enabled else 'dis'}abled.",
            messages.SUCCESS,
        )


def _is_known(name: str) -> bool:
    """Whether the catalogue has a model; a name with a wildcard stands for many models."""
    return ANY in name or UpstreamModel.objects.filter(name=name).exists()
