"""The public start page at `/`: addresses, upstream, examples to copy. No secrets."""

from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from sessions_store.catalogue.loaded import snapshot

UPSTREAMS = {
    "gemini": "Google Gemini (Gemini API)",
    "vertex": "Google Gemini (Vertex AI)",
    "emulator": "Built-in emulator",
}


def upstream_label() -> str:
    """Return the upstream's description; for an address other than Google's, its host."""
    name = UPSTREAMS[settings.GEMINI_UPSTREAM]
    if settings.GEMINI_UPSTREAM == "emulator" or not settings.GEMINI_BASE_URL:
        return name
    return f"{name} at {urlsplit(settings.GEMINI_BASE_URL).netloc.rpartition('@')[2]}"


@require_safe
def start_page(request: HttpRequest) -> HttpResponse:
    """Render the page with the address of the request."""
    keyed = settings.REQUIRE_KEY or _keyed()
    context = {
        "base_url": request.build_absolute_uri("/v1"),
        "upstream": upstream_label(),
        "emulated": settings.GEMINI_UPSTREAM == "emulator",
        "open_to_all": settings.ALLOW_INSECURE_KEYLESS and not keyed,
        "keyed": keyed,
        "key": "YOUR-CLIENT-KEY" if keyed else "dummy-key",
    }
    page = render(request, "start_page.html", context)
    patch_vary_headers(page, ["Accept"])
    return page


def _keyed() -> bool:
    """Whether requests without a key are rejected; False while the database does not respond."""
    try:
        return snapshot().access.keyed
    except DatabaseError:
        return False
