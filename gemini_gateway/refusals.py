"""What the server answers by itself: a request whose body it does not read, bytes that are no request, a shutdown."""

import html
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import orjson

from api.errors import GatewayError, OverloadedError, PayloadTooLargeError, ShuttingDownError
from gemini_gateway.origins import answer_headers
from gemini_gateway.pages import is_page

if TYPE_CHECKING:
    from api.openai.error_body import ErrorBody


LINGER_SECONDS = 15.0
# What a refused client may still send: closing a socket with unread bytes in it makes the kernel reset the connection,
# and the client would see that instead of the answer.
LINGER_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that the server gives by itself."""

    status: int
    message: str
    type: str
    code: str | None
    retry_after: int | None = None


def refusal_of(error: GatewayError) -> Refusal:
    """Return the refusal that says what an application's error says."""
    return Refusal(error.status, error.message, error.type, error.code, error.retry_after)


TOO_LARGE = refusal_of(PayloadTooLargeError())
TOO_SLOW = Refusal(408, "The request body did not arrive in time.", "invalid_request_error", "request_timeout")
MALFORMED = Refusal(400, "The request is not valid HTTP, or its head is too large.", "invalid_request_error", None)
GOING_DOWN = refusal_of(ShuttingDownError("The server is shutting down. Please try again."))
OVERLOADED = refusal_of(OverloadedError())


def error_object(refusal: Refusal) -> bytes:
    """OpenAI's error object as JSON."""
    body: ErrorBody = {"error": {"message": refusal.message, "type": refusal.type, "param": None, "code": refusal.code}}
    return orjson.dumps(body)


def answer_for(refusal: Refusal, path: bytes, origin: bytes | None) -> tuple[dict[bytes, bytes], bytes]:
    """Headers and body of a refusal: plain HTML at the paths of pages, OpenAI's error object elsewhere."""
    headers = {b"x-request-id": b"req_" + secrets.token_hex(16).encode(), b"cache-control": b"no-store"}
    if refusal.retry_after is not None:
        headers[b"retry-after"] = b"%d" % refusal.retry_after
    if not is_page(path.decode("latin-1")):
        cors = answer_headers(None if origin is None else origin.decode("latin-1"))
        headers |= {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in cors.items()}
        return headers | {b"content-type": b"application/json"}, error_object(refusal)
    page = f"<!doctype html><title>{refusal.status}</title><p>{html.escape(refusal.message)}</p>"
    return headers | {b"content-type": b"text/html; charset=utf-8"}, page.encode()


def closing_answer(refusal: Refusal, path: bytes, origin: bytes | None) -> bytes:
    """A whole refusal as it goes over the wire, after which the connection closes."""
    headers, body = answer_for(refusal, path, origin)
    headers |= {b"connection": b"close", b"content-length": str(len(body)).encode()}
    head = b"HTTP/1.1 %d %s\r\n" % (refusal.status, HTTPStatus(refusal.status).phrase.encode())
    return head + b"".join(b"%s: %s\r\n" % header for header in headers.items()) + b"\r\n" + body
