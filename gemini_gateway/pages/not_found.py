"""The 404 outside of `/v1`: an HTML page for browsers, OpenAI's error for programs.

Under `serve` and uvicorn, programs reach this view only below the pages' paths (`gemini_gateway.asgi`).
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve

from api.errors import NotFoundError
from api.http.error_responses import error_response
from api.http.page_requests import wants_page
from api.views.unknown import UnknownView


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return 404 with an HTML page, or with OpenAI's error if the path with `/v1` prepended is an endpoint."""
    message = f"Unknown request URL: {request.method} {request.path[:200]}."
    if _is_of_the_api(f"/v1{request.path}"):
        return error_response(NotFoundError(f"{message} The API's base URL ends in /v1.", code="unknown_url"))
    accept = request.META.get("HTTP_ACCEPT", "text/html")
    if not wants_page(request.method or "", accept):
        return error_response(NotFoundError(message, code="unknown_url"))
    return render(request, "not_found.html", status=404)


def _is_of_the_api(path: str) -> bool:
    try:
        return resolve(path, "api.urls").func.view_class is not UnknownView  # type: ignore[attr-defined]
    except Resolver404:  # a line break, which no route accepts
        return False
