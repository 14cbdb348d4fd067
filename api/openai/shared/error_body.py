"""The JSON and the headers of an OpenAI error."""

import math

from typing_extensions import TypedDict

from api.errors import GatewayError, UnsupportedCodingError


class ErrorObject(TypedDict):
    """The error; `param` and `code` may be null. SDKs show only `message`."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(TypedDict):
    """The body of an error response, and the last event of a failed stream."""

    error: ErrorObject


def error_body(error: GatewayError) -> ErrorBody:
    """Return the JSON body for `error`."""
    return {"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}}


def error_headers(error: GatewayError) -> dict[str, str]:
    """Return the headers that control the client's retries.

    SDKs retry 408, 409, 429 and 5xx; `x-should-retry: false` prevents retries, `Retry-After` (whole seconds, at least
    1) and `retry-after-ms` delay them. `Accept-Encoding` lists the supported compressions of a body (RFC 9110,
    15.5.16).
    """
    headers = {}
    if isinstance(error, UnsupportedCodingError):
        headers["Accept-Encoding"] = error.accepted
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if error.retry_after_ms is not None:
        headers["retry-after-ms"] = str(error.retry_after_ms)
    if not error.retryable:
        headers["x-should-retry"] = "false"
    return headers
