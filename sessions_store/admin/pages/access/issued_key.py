"""The page that shows a new key, in the response to the request that creates the key and nowhere else."""

import secrets
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from sessions_store.admin.display.keys.snippets import admin_key_snippets, key_snippets
from sessions_store.models import Key

FIELD = "form_token"
_SESSION = "keys_created"
_REMEMBERED = 20


def form_token(request: HttpRequest) -> str:
    """Return the token of a form that creates a key: a form that is sent twice creates one key."""
    return request.POST.get(FIELD, "")[:64] or secrets.token_urlsafe(16)


def created_already(request: HttpRequest) -> int | None:
    """Return the id of the key that the form in this request has created before."""
    found: Any = request.session.get(_SESSION, {}).get(request.POST.get(FIELD, ""))
    return None if found is None else int(found)


def issued_key_page(request: HttpRequest, key: Key, secret: str, *, replaced: Key | None = None) -> HttpResponse:
    """Return the page with the key; browsers must not store it."""
    token = request.POST.get(FIELD, "")
    if token:
        known = [*request.session.get(_SESSION, {}).items(), (token, key.pk)]
        request.session[_SESSION] = dict(known[-_REMEMBERED:])
    admin_key = key.kind == Key.Kind.ADMIN.value
    model = key.policy.get("default_model", "")
    context = {
        **admin.site.each_context(request),
        "title": "Key created",
        "opts": Key._meta,
        "key": key,
        "secret": secret,
        "replaced": replaced,
        "snippets": admin_key_snippets(request, secret) if admin_key else key_snippets(request, secret, model),
    }
    response = TemplateResponse(request, "gateway/key_created.html", context)
    response["Cache-Control"] = "no-store"
    return response
