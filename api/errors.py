"""The errors that a client can receive. Plain Python without Django: `api.openai.shared.error_body` encodes them.

GatewayError
├── InvalidRequestError            400  the request is invalid; names the parameter
├── AuthenticationError            401
│   └── KeyRevokedError            401  code api_key_revoked; ends running work
├── PermissionDeniedError          403
├── NotFoundError                  404
│   └── ModelNotFoundError         404  code model_not_found
├── MethodNotAllowedError          405
├── RequestTimeoutError            408  code request_timeout
├── PayloadTooLargeError           413
├── UnsupportedMediaTypeError      415
│   └── UnsupportedCodingError     415  names the accepted codings
├── RateLimitError                 429  may carry retry_after (whole seconds)
│   ├── QuotaExceededError         429  code upstream_quota_exhausted
│   ├── RequestLimitError          429  type requests; a rate limit of the gateway
│   ├── TokenLimitError            429  type tokens; a rate limit of the gateway
│   └── SpendLimitError            429  type insufficient_quota: a budget is spent
├── InternalError                  500
│   └── StorageUnavailableError    503  code storage_unavailable; carries retry_after
├── OverloadedError                503  code gateway_overloaded; carries retry_after
├── LimiterUnavailableError        503  code rate_limiter_unavailable; carries retry_after
├── ShuttingDownError              503  code server_shutting_down
└── UpstreamError                  502  a failure of Gemini
    ├── UpstreamOverloadedError    503  may carry retry_after
    │   └── UpstreamUnreachableError 503  code upstream_unreachable
    └── UpstreamTimeoutError       504

Messages never contain an upstream body, a key or prompt text. Types and codes are OpenAI's own
(https://platform.openai.com/docs/guides/error-codes).
"""

from typing import ClassVar


class GatewayError(Exception):
    """A failure with its OpenAI error object.

    `status` is the HTTP status; `type`, `code`, `param` and `message` are the fields of the error object; `retry_after`
    is the `Retry-After` header in whole seconds; `retryable=False` sends `x-should-retry: false`.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    default_code: ClassVar[str | None] = None
    # Google's own message, for the record and the log only: it quotes the request.
    upstream_message: str = ""
    # The header `retry-after-ms`, which OpenAI's SDKs prefer to `Retry-After`.
    retry_after_ms: int | None = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
        retryable: bool = True,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code if code is not None else self.default_code
        self.retry_after = retry_after
        self.retryable = retryable


class InvalidRequestError(GatewayError):
    """The request is invalid; `param` names the parameter if there is one."""

    status = 400
    type = "invalid_request_error"


class AuthenticationError(GatewayError):
    """The credential is missing or wrong."""

    status = 401
    type = "invalid_request_error"
    default_code = "invalid_api_key"


class KeyRevokedError(AuthenticationError):
    """An operator has revoked the key at once: running requests and connections end."""

    default_code = "api_key_revoked"

    def __init__(self) -> None:
        super().__init__("The API key of this request has been revoked.", retryable=False)


class PermissionDeniedError(GatewayError):
    """The caller has no permission for this request."""

    status = 403
    type = "permission_error"


class NotFoundError(GatewayError):
    """The object does not exist or belongs to another principal: both give the same error."""

    status = 404
    type = "invalid_request_error"


class ModelNotFoundError(NotFoundError):
    """No model mapping and no upstream model has the name."""

    default_code = "model_not_found"


class MethodNotAllowedError(GatewayError):
    """The path exists, but not for this method."""

    status = 405
    type = "invalid_request_error"
    default_code = "method_not_allowed"


class RequestTimeoutError(GatewayError):
    """The request body did not arrive within the time limit of this server."""

    status = 408
    type = "invalid_request_error"
    default_code = "request_timeout"

    def __init__(self) -> None:
        super().__init__("The request body did not arrive in time.")


class PayloadTooLargeError(GatewayError):
    """The request body is larger than the limit of this server."""

    status = 413
    type = "invalid_request_error"
    default_code = "request_too_large"

    def __init__(
        self, message: str = "The request body is larger than the limit of this server.", *, retryable: bool = True
    ) -> None:
        super().__init__(message, retryable=retryable)


class UnsupportedMediaTypeError(GatewayError):
    """The body is not declared as JSON. A web page can send other types across origins without a preflight."""

    status = 415
    type = "invalid_request_error"
    default_code = "unsupported_media_type"


class UnsupportedCodingError(UnsupportedMediaTypeError):
    """The `Content-Encoding` is not supported; the header `Accept-Encoding` lists the supported codings."""

    default_code = "unsupported_content_encoding"

    def __init__(self, accepted: str) -> None:
        super().__init__(f"Unsupported 'Content-Encoding': supported codings are {accepted}.")
        self.accepted = accepted


class RateLimitError(GatewayError):
    """Too many requests: the gateway's limit or Gemini's."""

    status = 429
    type = "rate_limit_error"
    default_code = "rate_limit_exceeded"


class QuotaExceededError(RateLimitError):
    """Gemini's daily quota is used up, or the account has none: a retry fails too."""

    default_code = "upstream_quota_exhausted"


class SpendLimitError(RateLimitError):
    """A budget cannot pay; `project_spend_limit_exceeded` or `organization_spend_limit_exceeded` for these budgets."""

    type = "insufficient_quota"
    default_code = "insufficient_quota"


class _LimitReachedError(RateLimitError):
    """A rate limit of the gateway is reached. `wait_ms`: the time to wait; None if waiting is in vain."""

    def __init__(self, message: str, *, wait_ms: int | None) -> None:
        seconds = None if wait_ms is None else -(-wait_ms // 1000)
        super().__init__(message, retry_after=seconds, retryable=wait_ms is not None)
        self.retry_after_ms = wait_ms


class RequestLimitError(_LimitReachedError):
    """A limit of requests per time, or of concurrent requests, is reached."""

    type = "requests"


class TokenLimitError(_LimitReachedError):
    """A limit of tokens per time is reached."""

    type = "tokens"


class LimiterUnavailableError(GatewayError):
    """Redis does not count the rate limits at present, and RATE_LIMIT_ON_REDIS_LOSS is `refuse`."""

    status = 503
    type = "service_unavailable_error"
    default_code = "rate_limiter_unavailable"

    def __init__(self) -> None:
        super().__init__("The rate limits cannot be checked at the moment. Please try again.", retry_after=1)


class InternalError(GatewayError):
    """An error of this server."""


class StorageUnavailableError(InternalError):
    """The database takes no records at present, so no upstream call is made and no response is sent."""

    status = 503
    type = "service_unavailable_error"
    default_code = "storage_unavailable"

    def __init__(self) -> None:
        super().__init__("The server cannot record requests at the moment. Please try again.", retry_after=1)


class OverloadedError(GatewayError):
    """The bytes of open requests reach MAX_BYTES_IN_FLIGHT."""

    status = 503
    type = "service_unavailable_error"
    default_code = "gateway_overloaded"

    def __init__(self) -> None:
        super().__init__(
            "This gateway is at its limit for bytes of concurrent requests. Please try again.", retry_after=1
        )


class ShuttingDownError(GatewayError):
    """The server shuts down and accepts no new requests."""

    status = 503
    type = "service_unavailable_error"
    default_code = "server_shutting_down"


class UpstreamError(GatewayError):
    """Gemini's response is invalid or incomplete."""

    status = 502
    type = "server_error"
    default_code = "upstream_error"


class UpstreamOverloadedError(UpstreamError):
    """Gemini is overloaded or temporarily down."""

    status = 503
    type = "service_unavailable_error"
    default_code = "server_is_overloaded"


class UpstreamUnreachableError(UpstreamOverloadedError):
    """No connection to Gemini can be opened: the network of this server is down, or the address is wrong."""

    default_code = "upstream_unreachable"


class UpstreamTimeoutError(UpstreamError):
    """Gemini's response exceeded a timeout."""

    status = 504
    default_code = "upstream_timeout"
