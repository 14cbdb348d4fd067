"""“What would reject this request?”: choose a key and a model, see each rule that applies."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from sessions_store.admin.display.limits.refusals import checks
from sessions_store.admin.pages.autocomplete_filter import LONGEST_ID
from sessions_store.admin.pages.mappings import LONGEST_NAME
from sessions_store.models import Key, RateLimit, UsageRecord

NEEDED = ("sessions_store.view_ratelimit", "sessions_store.view_budget", "sessions_store.view_key")


class RefusalForm(forms.Form):
    """A key and a requested model."""

    key = forms.ModelChoiceField(
        queryset=Key.objects.select_related("principal", "project"),
        widget=AutocompleteSelect(UsageRecord._meta.get_field("key"), admin.site, attrs={"data-width": "300px"}),
    )
    model = forms.CharField(
        max_length=LONGEST_NAME,
        initial="gpt-4",
        widget=forms.TextInput(attrs={"class": "code", "spellcheck": "false", "autocomplete": "off"}),
    )


def refusal_page(request: HttpRequest) -> HttpResponse:
    """Return the page; `?key=…&model=…` selects the request."""
    if not request.user.has_perms(NEEDED):
        raise PermissionDenied
    key = request.GET.get("key")
    # Django's search field fails for a selected id that is not a number.
    sent = key is not None and (not key or (key.isdecimal() and len(key) <= LONGEST_ID))
    form = RefusalForm(request.GET if sent else None)
    found: list[Any] | None = None
    if form.is_valid():
        found = checks(form.cleaned_data["key"], form.cleaned_data["model"].strip(), timezone.now())
    context = {
        **admin.site.each_context(request),
        "title": "What would reject this request?",
        "opts": RateLimit._meta,
        "form": form,
        "checks": found,
        "rejected": any(check.rejects for check in found or ()),
    }
    return TemplateResponse(request, "gateway/refusal.html", context)
