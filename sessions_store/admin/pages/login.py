"""Login to the admin: throttles guesses, logs each outcome, and recognises browsers with an earlier login."""

import ipaddress
import logging
import secrets
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from sessions_store.accounts.login_throttle import LoginAttempt
from sessions_store.models import User

log = logging.getLogger(__name__)

COOKIE = "gateway-known-browser"
COOKIE_AGE = 365 * 86400
SALT = "sessions_store.admin.login"
TOO_MANY = "too_many_attempts"


class LoginForm(AdminAuthenticationForm):
    """Django's form, which rejects attempts for a while after some failed ones."""

    wait = 0
    """Seconds until the next attempt is allowed; 0 if this attempt was allowed."""

    def clean(self) -> dict[str, Any]:
        """Check the password; raises ValidationError for a wrong password, and before the check after too many
        attempts.
        """
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if self.request is None or not username or not password:
            return super().clean()
        address = client_network(self.request)
        attempt = LoginAttempt(username, address=address, browser=_known_browser(self.request, username))
        self.wait = attempt.begin()
        if self.wait:
            write_audit_line("Login rejected: too many attempts", username, address)
            raise ValidationError(f"Too many failed attempts. Try again in {waiting_time(self.wait)}.", code=TOO_MANY)
        try:
            cleaned = super().clean()
        except forms.ValidationError:
            write_audit_line("Login failed", username, address)
            raise
        attempt.succeeded()
        log.info("Account logged in", extra={"account": username, "address": address})
        return cleaned


def no_account_exists() -> bool:
    """Whether no account can log in to the admin."""
    return not User.objects.filter(is_staff=True, is_active=True).exists()


def finish_login(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Set status 429 and Retry-After for a throttled attempt; set the cookie of a recognised browser after a login."""
    if isinstance(response, TemplateResponse):
        form = (response.context_data or {}).get("form")
        if isinstance(form, LoginForm) and form.wait:
            response.status_code = 429
            response["Retry-After"] = str(form.wait)
    elif request.method == "POST" and request.user.is_authenticated:
        _remember(response, request.user.get_username())
    return response


def client_network(request: HttpRequest) -> str:
    """Return the client's address; for IPv6 the /64 network, the usual allocation of one customer."""
    peer = request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return "unknown"  # a Unix socket has no address
    address = getattr(address, "ipv4_mapped", None) or address
    return str(address if address.version == 4 else ipaddress.ip_network((address, 64), strict=False))


def _known_browser(request: HttpRequest, username: str) -> str:
    try:
        known = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=COOKIE_AGE)
    except signing.BadSignature:
        return ""
    return str(known["browser"]) if known["username"] == username else ""


def _remember(response: HttpResponse, username: str) -> None:
    """Set the cookie of a recognised browser, which grants nothing: its attempts are counted separately."""
    value = signing.dumps({"username": username, "browser": secrets.token_urlsafe(12)}, salt=SALT)
    response.set_cookie(
        COOKIE,
        value,
        max_age=COOKIE_AGE,
        path=reverse("admin:login"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def write_audit_line(what: str, username: str, address: str) -> None:
    """Log an attempt, with the name only of an existing user: people type passwords into the name field."""
    known = User.objects.filter(username=username).exists()
    log.warning(what, extra={"account": username if known else "(unknown)", "address": address})


def waiting_time(seconds: int) -> str:
    """Return a number of seconds in words."""
    if seconds < 120:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    return f"{-(-seconds // 60)} minutes"
