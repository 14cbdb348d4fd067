"""What stands where nothing is outside of `/v1`: a page for people, and a hint for programs whose base URL lacks it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve

from api.errors import NotFoundError
from api.views.errors import error_response
from api.views.unknown import UnknownView


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404: in OpenAI's form where `/v1` before the path makes it one of the API's, else with a page."""
    if not _is_of_the_api(f"/v1{request.path}"):
        return render(request, "not_found.html", status=404)
    message = f"Unknown request URL: {request.method} {request.path[:200]}. The API's base URL ends in /v1."
    return error_response(NotFoundError(message, code="unknown_url"))


def _is_of_the_api(path: str) -> bool:
    try:
        return resolve(path, "api.urls").func.view_class is not UnknownView  # type: ignore[attr-defined]
    except Resolver404:  # a line break, which no route takes
        return False
