"""The one place that turns a failure into OpenAI's error body. DRF calls it for every view; nothing else renders."""

from collections.abc import Mapping
from typing import Any

import orjson
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpResponse
from rest_framework import exceptions

from api.errors import (
    GatewayError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
)
from api.openai.error_body import error_body, error_headers
from api.unforeseen import gateway_error
from api.views.identity import new_request_id


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Answer any exception of a view with OpenAI's error body (settings.REST_FRAMEWORK["EXCEPTION_HANDLER"])."""
    return error_response(as_gateway_error(exc))


def as_gateway_error(exc: Exception) -> GatewayError:
    """Return `exc` itself or its counterpart in our tree, or a plain 500."""
    if isinstance(exc, GatewayError):
        return exc
    if isinstance(exc, exceptions.MethodNotAllowed):
        return MethodNotAllowedError(f"Not allowed to {exc.args[0] if exc.args else 'use this method'} on this path.")
    if isinstance(exc, Http404 | exceptions.NotFound):
        return NotFoundError("Not found.")
    if isinstance(exc, RequestDataTooBig):
        return PayloadTooLargeError()
    if isinstance(exc, SuspiciousOperation | exceptions.APIException):
        return InvalidRequestError("The request is malformed.")
    return gateway_error(exc)


def error_response(error: GatewayError) -> HttpResponse:
    """Render one error with its headers."""
    response = HttpResponse(orjson.dumps(error_body(error)), status=error.status, content_type="application/json")
    for name, value in error_headers(error).items():
        response[name] = value
    return response


def failure(exc: Exception) -> HttpResponse:
    """Answer what failed before any view existed to do it: a path that no route matches, a broken middleware."""
    error = NotFoundError("Unknown request URL.", code="unknown_url") if isinstance(exc, Http404) else exc
    response = error_response(as_gateway_error(error))
    response["x-request-id"] = new_request_id()
    return response


def refusal(error: GatewayError) -> HttpResponse:
    """Answer a request whose body is not read to its end, before any view exists to do it."""
    response = failure(error)
    response["Connection"] = "close"
    return response
