"""HTTP responses with OpenAI's error body: for views (DRF calls `exception_handler`), and for requests that reach no
view.

The server's own rejections (api.http.rejections), streams and WebSocket frames send the same body
(api.openai.shared.error_body) in other forms.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from django.http import Http404, HttpResponse

from api.errors import GatewayError, NotFoundError
from api.failures import to_gateway_error
from api.http.request_id import new_request_id
from api.openai.shared.error_body import error_body, error_headers


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Return the response to any exception of a view (settings.REST_FRAMEWORK["EXCEPTION_HANDLER"])."""
    return error_response(to_gateway_error(exc))


def error_response(error: GatewayError) -> HttpResponse:
    """Return the response of an error, with its headers."""
    response = HttpResponse(orjson.dumps(error_body(error)), status=error.status, content_type="application/json")
    for name, value in error_headers(error).items():
        response[name] = value
    return response


def failure(exc: Exception) -> HttpResponse:
    """Return the response to an exception outside a view: an unknown route, a failed middleware."""
    error = NotFoundError("Unknown request URL.", code="unknown_url") if isinstance(exc, Http404) else exc
    response = error_response(to_gateway_error(error))
    response["x-request-id"] = new_request_id()
    return response


def rejection(error: GatewayError) -> HttpResponse:
    """Return the response to a request with an unread body; the connection closes."""
    response = failure(error)
    response["Connection"] = "close"
    return response
