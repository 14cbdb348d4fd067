"""One table from Google's errors to `GatewayError`, for error responses and for errors inside a stream.

Follows https://google.aip.dev/193 and https://ai.google.dev/gemini-api/docs/troubleshooting. Clients never receive
Google's message as it is: the message quotes the request, and sometimes the key. `error_messages` lists the known ones.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from api.errors import (
    GatewayError,
    InvalidRequestError,
    ModelNotFoundError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    UpstreamError,
    UpstreamOverloadedError,
    UpstreamTimeoutError,
)
from api.gemini.error_messages import known_error, lost_reference, openai_param
from api.gemini.retry_delay import retry_after_seconds

KEY_REJECTED: Final = "upstream_authentication_failed"
# Longest part of Google's message that is read and stored, in characters.
MAX_SENTENCE: Final = 4000
CORRUPTED_SIGNATURE: Final = "invalid_thought_signature"

# google.rpc.Code -> HTTP, https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
_HTTP_STATUS: Final = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    """Google's error; a field that is missing or of another type is empty."""

    code: int
    status: str
    message: str
    details: tuple[dict[str, Any], ...]
    headers: Mapping[str, str]
    openai_model: str
    request: bytes = b""

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reason of each detail that has one, such as `API_KEY_INVALID`."""
        return tuple(reason for detail in self.details if isinstance(reason := detail.get("reason"), str))

    @property
    def retry_after(self) -> int | None:
        """Google's retry delay in seconds; None without one."""
        return retry_after_seconds(self.details, self.message, self.headers)

    def listed(self, key: str) -> list[dict[str, Any]]:
        """Return the objects in every detail's list named `key` (`violations`, `fieldViolations`)."""
        lists = [found for detail in self.details if isinstance(found := detail.get(key), list)]
        return [item for items in lists for item in items if isinstance(item, dict)]


def upstream_error(
    status: int, body: Any, headers: Mapping[str, str], *, openai_model: str, request: bytes = b""
) -> GatewayError:
    """Return the GatewayError of an HTTP error response, or of the error object inside a 200 stream.

    `body` is the decoded JSON or the raw bytes: `{"error": {…}}`, or an array around it. `openai_model` is the public
    model name. `request` is the request's body, which separates the causes of one and the same message. A code inside
    the body takes precedence over the HTTP status, because an envelope may be 200 or 5xx.
    """
    fault = _read(status, body, headers, openai_model)
    if request:
        fault = replace(fault, request=request)
    error = (_key_rejected if _is_key_rejected(fault) else _BY_CODE.get(fault.code, _unknown))(fault)
    error.upstream_message = fault.message.replace("\x00", "\ufffd")
    return error


def is_corrupted_signature(error: GatewayError) -> bool:
    """Whether Gemini called a thought signature corrupted. Gemini also rejects valid ones: retry without signatures."""
    return error.code == CORRUPTED_SIGNATURE


def _read(status: int, body: Any, headers: Mapping[str, str], openai_model: str) -> _Fault:
    if isinstance(body, bytes | bytearray | str):
        try:
            body = orjson.loads(body)
        except orjson.JSONDecodeError:
            body = None
    if isinstance(body, list):
        body = body[0] if body else None
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        error = {}
    name = error.get("status")
    details = error.get("details")
    message = error.get("message")
    return _Fault(
        code=_code(status, error.get("code"), name),
        status=name if isinstance(name, str) else "",
        message=message[:MAX_SENTENCE] if isinstance(message, str) else "",
        details=tuple(detail for detail in details if isinstance(detail, dict)) if isinstance(details, list) else (),
        headers=headers,
        openai_model=openai_model,
    )


def _code(status: int, code: Any, name: Any) -> int:
    """Return the HTTP status of the error: the body's code, else its status name, else the envelope's status."""
    if isinstance(code, int) and 400 <= code <= 599:
        return code
    return _HTTP_STATUS.get(name, status) if isinstance(name, str) else status


def _is_key_rejected(fault: _Fault) -> bool:
    """Whether Google rejected the key: with a 400 and a reason more often than with a 401."""
    return (
        fault.code == 401
        or any(reason.startswith("API_KEY_") for reason in fault.reasons)
        or (fault.code in (400, 403) and fault.message.lower().startswith("api key"))
    )


def _key_rejected(_fault: _Fault) -> GatewayError:
    # Not a 401: the client's own key is valid, and the client cannot change the server's key.
    return UpstreamError(
        "Gemini rejected this server's API key. The operator must configure a valid key.",
        code=KEY_REJECTED,
        retryable=False,
    )


def _is_wrong_place(fault: _Fault) -> bool:
    return "location is not supported" in fault.message.lower()


def _wrong_place() -> GatewayError:
    return PermissionDeniedError(
        "Gemini is not available in the country, region or territory of this server.",
        code="unsupported_country_region_territory",
        retryable=False,
    )


def _invalid(fault: _Fault) -> GatewayError:
    if _is_wrong_place(fault):
        return _wrong_place()
    if "payload size exceeds" in fault.message.lower():
        return _too_large(fault)
    known = known_error(fault.message, fault.request)
    if known is not None:
        return InvalidRequestError(known.message, param=known.param, code=known.code, retryable=False)
    if fault.status == "FAILED_PRECONDITION":
        return UpstreamError(
            "Gemini rejected this server's account. The operator must check the settings of the account.",
            code="upstream_precondition_failed",
            retryable=False,
        )
    fields = (field for item in fault.listed("fieldViolations") if isinstance(field := item.get("field"), str))
    param = next((param for field in fields if (param := openai_param(field)) is not None), None)
    return InvalidRequestError("The upstream model rejected the request as invalid.", param=param, retryable=False)


def _forbidden(fault: _Fault) -> GatewayError:
    if _is_wrong_place(fault):
        return _wrong_place()
    if (lost := lost_reference(fault.message)) is not None:
        return NotFoundError(lost.message, param=lost.param, code=lost.code, retryable=False)
    return UpstreamError(
        "This server's Gemini account lacks a permission. The operator must check the permissions of the key.",
        code=KEY_REJECTED,
        retryable=False,
    )


def _not_found(fault: _Fault) -> GatewayError:
    if (lost := lost_reference(fault.message)) is not None:
        return NotFoundError(lost.message, param=lost.param, code=lost.code, retryable=False)
    if fault.message and "model" not in fault.message.lower():
        return NotFoundError("The upstream model did not find a resource that the request refers to.", retryable=False)
    return ModelNotFoundError(
        f"The model `{fault.openai_model}` does not exist or you do not have access to it.",
        param="model",
        retryable=False,
    )


def _too_large(_fault: _Fault) -> GatewayError:
    return PayloadTooLargeError("The request is larger than the upstream model accepts.", retryable=False)


def _rate_limited(fault: _Fault) -> GatewayError:
    """Return the error of a 429.

    A daily quota resets at midnight Pacific time and a quota of 0 never does, so Google's retry delay does not apply to
    either.
    """
    for violation in fault.listed("violations"):
        if "perday" in str(violation.get("quotaId", "")).lower():
            return QuotaExceededError("The daily quota of the upstream model is used up.", retryable=False)
        if str(violation.get("quotaValue", "")) == "0":
            return QuotaExceededError("This server's account has no quota for the upstream model.", retryable=False)
    return RateLimitError(
        "The upstream model's rate limit is reached. Please try again later.", retry_after=fault.retry_after
    )


def _timed_out(_fault: _Fault) -> GatewayError:
    return UpstreamTimeoutError("The upstream model did not finish within its own time limit.")


def _cancelled(_fault: _Fault) -> GatewayError:
    return UpstreamError("The upstream model cancelled the request.")


def _conflict(fault: _Fault) -> GatewayError:
    return UpstreamError("The upstream model aborted the request because of a conflict.", retry_after=fault.retry_after)


def _failed(fault: _Fault) -> GatewayError:
    return UpstreamError("The upstream model failed.", retry_after=fault.retry_after)


def _unimplemented(_fault: _Fault) -> GatewayError:
    return UpstreamError("The upstream model does not support a feature of the request.", retryable=False)


def _overloaded(fault: _Fault) -> GatewayError:
    return UpstreamOverloadedError(
        "The upstream model is overloaded. Please try again later.", retry_after=fault.retry_after
    )


def _unknown(fault: _Fault) -> GatewayError:
    if 400 <= fault.code < 500:
        return UpstreamError("The upstream model rejected the request for an unknown reason.", retryable=False)
    return _failed(fault)


_BY_CODE: Final[dict[int, Callable[[_Fault], GatewayError]]] = {
    400: _invalid,
    403: _forbidden,
    404: _not_found,
    408: _timed_out,
    409: _conflict,
    413: _too_large,
    429: _rate_limited,
    499: _cancelled,
    500: _failed,
    501: _unimplemented,
    502: _failed,
    503: _overloaded,
    504: _timed_out,
    529: _overloaded,
}
