"""The confirmation of a dangerous action: one page that states the consequences and asks for the operator's password.

A password is checked with the throttle of logins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from sessions_store.accounts.login_throttle import LoginAttempt
from sessions_store.admin.pages.login import client_network, waiting_time, write_audit_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the page asks: a title, the consequences, the label of the button, and where “Go back” leads (`place`: the
    name of that page).
    """

    title: str
    consequences: Sequence[str]
    button: str
    back: str
    place: str


class PasswordForm(forms.Form):
    """The operator's password; a subclass adds the fields of its action."""

    field_order: Sequence[str] | None = None
    wait = 0
    """Seconds until the next attempt is allowed; 0 if this attempt was allowed."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "class": "vTextField"}),
    )

    def __init__(self, request: HttpRequest, **kwargs: Any) -> None:
        self.request = request
        posted = request.POST if request.method == "POST" else None
        super().__init__(data=posted, **kwargs)
        self.order_fields([*(name for name in self.fields if name != "password"), "password"])

    def clean(self) -> dict[str, Any]:
        """Check the password once all other fields are valid."""
        cleaned = super().clean() or self.cleaned_data
        password = cleaned.get("password")
        if self.errors or not password:
            return cleaned
        username, address = self.request.user.get_username(), client_network(self.request)
        attempt = LoginAttempt(username, address=address)
        self.wait = attempt.begin()
        if self.wait:
            write_audit_line("Confirmation rejected: too many attempts", username, address)
            self.add_error("password", f"Too many failed attempts. Try again in {waiting_time(self.wait)}.")
        elif self.request.user.check_password(password):
            attempt.succeeded()
        else:
            write_audit_line("Confirmation failed", username, address)
            self.add_error("password", "The password is not correct.")
        return cleaned


def confirmation_page(request: HttpRequest, question: Question, form: PasswordForm) -> HttpResponse:
    """Return the page; with status 429 while attempts are throttled."""
    context = {**admin.site.each_context(request), "title": question.title, "question": question, "form": form}
    response = TemplateResponse(request, "gateway/confirm.html", context)
    if form.wait:
        response.status_code = 429
        response["Retry-After"] = str(form.wait)
    return response
