"""How a failure looks on OpenAI's wire: the error object and its headers."""

import math

from typing_extensions import TypedDict

from api.errors import GatewayError, UnsupportedCodingError


class ErrorObject(TypedDict):
    """`param` and `code` are null where there is none; SDKs show `message` alone."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(TypedDict):
    """The whole body of an error answer, and the last event of a stream that failed."""

    error: ErrorObject


def error_body(error: GatewayError) -> ErrorBody:
    """Return the body that a client gets for `error`."""
    return {"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}}


def error_headers(error: GatewayError) -> dict[str, str]:
    """Return the headers that steer a client's next try.

    SDKs retry 408, 409, 429 and 5xx by themselves; `x-should-retry: false` stops them, `Retry-After` (whole seconds,
    at least 1) delays them. `Accept-Encoding` lists what a body may be compressed with (RFC 9110, 15.5.16).
    """
    headers = {}
    if isinstance(error, UnsupportedCodingError):
        headers["Accept-Encoding"] = error.accepted
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if not error.retryable:
        headers["x-should-retry"] = "false"
    return headers
