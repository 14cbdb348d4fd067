"""The dangerous actions on keys: rotation, revocation, creation of an admin key. Each asks for the password."""

from collections.abc import Sequence
from datetime import timedelta

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince

from sessions_store.accounts.issuing import IssuingError, NewKey, create_key, revoke_key, rotate_key
from sessions_store.admin.pages.access.issued_key import created_already, issued_key_page
from sessions_store.admin.pages.access.key_forms import AdminKeyForm, RotationForm
from sessions_store.admin.pages.access.password import PasswordForm, Question, confirmation_page
from sessions_store.models import Key

MAY_ADMINISTER = "sessions_store.change_organization"


def may_change(request: HttpRequest, key: Key | None = None) -> bool:
    """Whether the operator may change keys; an admin key also needs the permission to change the gateway's settings."""
    may = request.user.has_perm("sessions_store.change_key")
    return may and (key is None or key.kind != Key.Kind.ADMIN.value or request.user.has_perm(MAY_ADMINISTER))


def last_use(key: Key) -> str:
    """Return when and from where a key was last used, in a sentence."""
    if key.last_used_at is None:
        return "The key was never used."
    place = f" from {key.last_used_from}" if key.last_used_from else ""
    return f"Last used {timesince(key.last_used_at)} ago ({key.last_used_at:%d %b %Y, %H:%M} UTC){place}."


def rotate(request: HttpRequest, object_id: str) -> HttpResponse:
    """Create a successor of a key, and show it once."""
    key = _key(request, object_id)
    if key.successor_id is not None:
        messages.warning(request, "The key has a successor already. A key is shown once.")
        return redirect(_page(key.successor_id))
    form = RotationForm(request)
    if not form.is_valid():
        consequences = [
            f"A new key with the same settings replaces “{key}”. The new key is shown once.",
            f"{last_use(key)} The old key expires after the overlap.",
        ]
        return confirmation_page(request, _question("Rotate key", consequences, "Rotate key", key), form)
    overlap = timedelta(hours=form.cleaned_data["overlap"])
    try:
        successor, secret = rotate_key(key, overlap, by=request.user)  # type: ignore[arg-type]  # logged in
    except IssuingError as error:
        messages.error(request, str(error))
        return redirect(_page(key.pk))
    _log(request, key, f"Rotated, overlap {form.cleaned_data['overlap']} h.")
    return issued_key_page(request, successor, secret, replaced=Key.objects.get(pk=key.pk))


def revoke(request: HttpRequest, object_id: str) -> HttpResponse:
    """Revoke a key; running requests end by themselves."""
    consequences = [
        "New requests with this key are rejected within a second.",
        "Running requests are not ended.",
    ]
    return _revoke(request, object_id, ("Revoke key", *consequences), cut=False)


def cut(request: HttpRequest, object_id: str) -> HttpResponse:
    """Revoke a key and end its running requests."""
    consequences = [
        "New requests with this key are rejected within a second.",
        "Running requests of this key are ended: streams, WebSockets and background responses.",
    ]
    return _revoke(request, object_id, ("Revoke key and end its requests", *consequences), cut=True)


def create_admin_key(request: HttpRequest) -> HttpResponse:
    """Create an admin key of the operator, and show it once."""
    if not (request.user.has_perm("sessions_store.add_key") and request.user.has_perm(MAY_ADMINISTER)):
        raise PermissionDenied
    known = created_already(request)
    if known is not None:
        messages.warning(request, "The key was created already. A key is shown once.")
        return redirect(_page(known))
    form = AdminKeyForm(request)
    if not form.is_valid():
        question = Question(
            title="Create admin key",
            consequences=[
                "An admin key administers the whole gateway through /v1/organization: projects, keys, limits, budgets.",
                "It cannot send requests to models. You own the key; it stops when your account is deactivated.",
            ],
            button="Create admin key",
            back=reverse("admin:sessions_store_key_changelist"),
            place="Keys",
        )
        return confirmation_page(request, question, form)
    days = form.cleaned_data["days"]
    wanted = NewKey(
        name=form.cleaned_data["name"],
        principal=request.user,  # type: ignore[arg-type]  # logged in
        admin=True,
        expires_at=timezone.now() + timedelta(days=days) if days else None,
        created_by=request.user,  # type: ignore[arg-type]
    )
    key, secret = create_key(wanted)
    admin.site.get_model_admin(Key).log_addition(request, key, "Admin key created.")
    return issued_key_page(request, key, secret)


def _revoke(request: HttpRequest, object_id: str, texts: Sequence[str], *, cut: bool) -> HttpResponse:
    key, (title, *consequences) = _key(request, object_id), texts
    if key.revoked_at is not None and (key.cut_at is not None or not cut):
        messages.warning(request, "The key is revoked already.")
        return redirect(_page(key.pk))
    form = PasswordForm(request)
    if not form.is_valid():
        lines = [f"“{key}”. {last_use(key)}", *consequences, "A revoked key cannot be used again."]
        return confirmation_page(request, _question(title, lines, title, key), form)
    revoke_key(key, cut=cut)
    _log(request, key, "Revoked, running requests ended." if cut else "Revoked.")
    messages.success(request, f"“{key}” is revoked.")
    return redirect(_page(key.pk))


def _key(request: HttpRequest, object_id: str) -> Key:
    if not may_change(request):
        raise PermissionDenied
    key = get_object_or_404(Key.objects.select_related("principal", "project"), pk=object_id)
    if not may_change(request, key):
        raise PermissionDenied
    return key


def _page(pk: int) -> str:
    return reverse("admin:sessions_store_key_change", args=[pk])


def _question(title: str, consequences: Sequence[str], button: str, key: Key) -> Question:
    return Question(title=title, consequences=consequences, button=button, back=_page(key.pk), place=key.name)


def _log(request: HttpRequest, key: Key, what: str) -> None:
    admin.site.get_model_admin(Key).log_change(request, key, what)
