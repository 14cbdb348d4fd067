"""The one-time set-up link, which creates the first superuser without a default password.

The link's token is derived from SECRET_KEY and a nonce in a 0600 file of the data directory: every worker shows the
same link, and the file alone does not reveal it. The link is valid once, and only until the first superuser exists.
"""

import secrets
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.forms import UserCreationForm
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from gemini_gateway.startup.private_files import write_private_file

FILE_NAME = "first-operator"


class FirstOperatorForm(UserCreationForm):  # type: ignore[type-arg]  # generic in its stubs only
    """The name and password (twice, checked by Django's validators) of the first superuser."""

    class Meta:
        model = get_user_model()
        fields = ("username",)
        widgets = {"username": forms.TextInput(attrs={"autocomplete": "username", "autofocus": True})}  # noqa: RUF012

    def validate_password_for_user(self, user: Any, password_field_name: str = "password1") -> None:  # noqa: S107
        """Report a weak password at the first field, not at its repetition."""
        super().validate_password_for_user(user, password_field_name)  # type: ignore[misc]  # not in the stubs


def superuser_exists() -> bool:
    """Whether an active superuser exists."""
    return get_user_model()._default_manager.filter(is_superuser=True, is_active=True).exists()


def setup_path() -> str:
    """Return the link's path, created on the first call; "" if a superuser exists. Queries the database."""
    if superuser_exists():
        return ""
    path = settings.DATA_DIR / FILE_NAME
    if not path.exists():
        write_private_file(path, secrets.token_hex(32), replace=False)
    return reverse("first-operator", args=[_token()])


def _token() -> str:
    """Return the valid token, or "" if none was created or it was used."""
    try:
        nonce = (settings.DATA_DIR / FILE_NAME).read_text(encoding="ascii")
    except FileNotFoundError:
        return ""
    return salted_hmac("gemini_gateway.first_operator", nonce, algorithm="sha256").hexdigest()


@never_cache
@sensitive_post_parameters("password1", "password2")
@require_http_methods(["GET", "POST"])
def first_operator(request: HttpRequest, token: str) -> HttpResponse:
    """Show the form, or create the superuser and log in; a wrong or used link is a 404."""
    expected = _token()
    if not expected or not constant_time_compare(token, expected) or superuser_exists():
        raise Http404
    form = FirstOperatorForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = _create(form)
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        return HttpResponseRedirect(reverse("admin:index"))
    return render(request, "first_operator.html", {"form": form}, status=400 if form.errors else 200)


def _create(form: FirstOperatorForm) -> Any:
    """Save the superuser and delete the nonce; of two concurrent calls only one succeeds."""
    user = form.save(commit=False)
    user.is_staff = user.is_superuser = True
    with transaction.atomic():
        user.save()
        try:
            (settings.DATA_DIR / FILE_NAME).unlink()
        except FileNotFoundError as used:
            raise Http404 from used
    return user
