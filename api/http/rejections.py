"""The responses that the server sends without the application: to an oversized or slow body, to invalid HTTP, during
shutdown.
"""

import html
import secrets
from http import HTTPStatus
from typing import Final

import orjson

from api.auth.origins import cors_headers
from api.errors import (
    GatewayError,
    InternalError,
    InvalidRequestError,
    OverloadedError,
    PayloadTooLargeError,
    RequestTimeoutError,
    ShuttingDownError,
)
from api.http.page_requests import is_page
from api.openai.shared.error_body import error_body, error_headers

LINGER_SECONDS = 15.0
# How much a rejected client may still send. Closing a socket with unread bytes makes the kernel reset the connection,
# and the client would get the reset instead of the response.
LINGER_BYTES = 1024 * 1024

TOO_LARGE: Final = PayloadTooLargeError()
TOO_SLOW: Final = RequestTimeoutError()
MALFORMED: Final = InvalidRequestError("The request is not valid HTTP, or its head is too large.")
GOING_DOWN: Final = ShuttingDownError("The server is shutting down. Please try again.")
OVERLOADED: Final = OverloadedError()
FAILED: Final = InternalError("The server had an error processing the request.")


def error_response(error: GatewayError, path: bytes, origin: bytes | None) -> tuple[dict[bytes, bytes], bytes]:
    """Return headers and body for an error: plain HTML at the paths of pages, OpenAI's error object elsewhere."""
    headers = {b"x-request-id": b"req_" + secrets.token_hex(16).encode(), b"cache-control": b"no-store"}
    headers |= {name.lower().encode(): value.encode() for name, value in error_headers(error).items()}
    if not is_page(path.decode("latin-1")):
        cors = cors_headers(None if origin is None else origin.decode("latin-1"))
        headers |= {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in cors.items()}
        return headers | {b"content-type": b"application/json"}, orjson.dumps(error_body(error))
    page = f"<!doctype html><title>{error.status}</title><p>{html.escape(error.message)}</p>"
    return headers | {b"content-type": b"text/html; charset=utf-8"}, page.encode()


def closing_response(error: GatewayError, path: bytes, origin: bytes | None) -> bytes:
    """Return a whole HTTP/1.1 response as bytes, with `Connection: close`."""
    headers, body = error_response(error, path, origin)
    headers |= {b"connection": b"close", b"content-length": str(len(body)).encode()}
    head = b"HTTP/1.1 %d %s\r\n" % (error.status, HTTPStatus(error.status).phrase.encode())
    return head + b"".join(b"%s: %s\r\n" % header for header in headers.items()) + b"\r\n" + body
